package report

import (
	"bytes"
	"fmt"
	"os"
	"time"

	"github.com/necrostack/necrostack/bench/cluster"
)

// Figures are tables that have their place in a page that people write.
type Figures struct {
	head   string
	Tables []Table
}

// Scale is what a run says of how far one server carries.
func Scale(r cluster.Result, f Facts) Figures {
	c := r.Costs()
	return Figures{
		head: fmt.Sprintf("By `%s`, %s; %s, %d cores, redis-server %s; commit %s.\n",
			f.Command, f.Time.Format("2006-01-02 15:04 MST"), f.CPU, f.Cores, r.Server, f.Commit),
		Tables: []Table{scaleCosts(c), scaleMost(c), scaleSizes(c)},
	}
}

// What stands before and after the figures in the page.
const (
	FiguresBegin = "<!-- figures: make bench-cluster writes what is below -->\n"
	FiguresEnd   = "<!-- end of figures -->\n"
)

// Replace writes the figures into the page in place of those that are there.
func (x Figures) Replace(page string) error {
	text, err := os.ReadFile(page)
	if err != nil {
		return err
	}
	before, rest, ok := bytes.Cut(text, []byte(FiguresBegin))
	_, after, also := bytes.Cut(rest, []byte(FiguresEnd))
	if !ok || !also {
		return fmt.Errorf("page %q has no place for figures", page)
	}
	var b bytes.Buffer
	b.Write(before)
	b.WriteString(FiguresBegin + "\n" + x.head)
	for _, t := range x.Tables {
		t.Markdown(&b)
	}
	b.WriteString("\n" + FiguresEnd)
	b.Write(after)
	return os.WriteFile(page, b.Bytes(), 0o644)
}

func scaleCosts(c cluster.Costs) Table {
	t := Table{Title: "What things cost", Head: []string{"what", "symbol", "µs of the server's thread", "µs of a node", "bytes of the file", "bytes of the network"}}
	add := func(what, symbol string, server, node, file, net float64) {
		t.Rows = append(t.Rows, []string{what, symbol, micro(server), micro(node), wholeOrNone(file), wholeOrNone(net)})
	}
	add("an event, many at a time", "e", c.Event, c.NodeEvent, c.File, c.Net)
	add("the same, keyed organ", "e_k", c.KeyedEvent, c.NodeKeyedEvent, c.KeyedFile, c.KeyedNet)
	add("each further organ of an event", "o", c.Organ, 0, 0, 0)
	add("an event, few at a time", "e_1", c.Sparse, 0, 0, 0)
	add("the same, keyed organ", "e_k1", c.KeyedSparse, 0, 0, 0)
	add("the first event of a key after its shard has moved, more by", "l", c.Cell, 0, 0, 0)
	add("a question to another node", "a", c.Ask, 0, 0, 0)
	add(fmt.Sprintf("a shard at rest, per second, lease %s", c.Lease), "s", c.IdleShard, 0, 0, 0)
	add(fmt.Sprintf("a node at rest, per second, lease %s", c.Lease), "n", c.IdleNode, 0, 0, 0)
	for _, b := range c.Beats {
		work, bytes := c.Beat(b.Members)
		add(fmt.Sprintf("a beat among %d nodes, %d shards", b.Members, b.Shards), fmt.Sprintf("b(%d)", b.Members), work, 0, 0, bytes)
	}
	return t
}

func wholeOrNone(x float64) string {
	if x == 0 {
		return "–"
	}
	return whole(x)
}

// scaleOrgans are how many organs want an event.
var scaleOrgans = []int{1, 2, 4, 8}

func scaleMost(c cluster.Costs) Table {
	t := Table{
		Title: "Events per second with which the server's thread is full",
		About: fmt.Sprintf("Full is %s; what nodes and shards at rest need is left out here.", percent(cluster.Full)),
		Head:  []string{"organs that want each event", "stateless", "one of them keyed", "handlings/s, stateless"},
	}
	for _, k := range scaleOrgans {
		more := float64(k-1) * c.Organ
		plain := c.Most(0, c.Event+more)
		t.Rows = append(t.Rows, []string{fmt.Sprint(k), rate(plain), rate(c.Most(0, c.KeyedEvent+more)), rate(plain * float64(k))})
	}
	return t
}

// scaleSize is a cluster that is reckoned up.
type scaleSize struct {
	name          string
	nodes, shards int
	lease         time.Duration
}

var scaleSizesOf = []scaleSize{
	{"a laptop", 1, 16, 5 * time.Second},
	{"one server, three nodes", 3, 64, 5 * time.Second},
	{"fifty nodes", 50, 512, 5 * time.Second},
	{"fifty nodes, lease 2 s", 50, 512, 2 * time.Second},
	{"two hundred nodes", 200, 4096, 5 * time.Second},
}

func scaleSizes(c cluster.Costs) Table {
	t := Table{
		Title: "Sizes",
		About: fmt.Sprintf("One organ per event. At rest is the server's thread with nothing to do; events are with it at %s; cores are those of all nodes for that many events.", percent(cluster.Full)),
		Head:  []string{"cluster", "nodes", "shards", "at rest", "beats, bytes/s", "events/s", "cores", "file, bytes/s", "events/s, keyed", "cores", "file, bytes/s"},
	}
	for _, x := range scaleSizesOf {
		rest := c.Rest(x.nodes, x.shards, x.lease)
		_, bytes := c.Beat(x.nodes)
		line := []string{
			x.name, fmt.Sprint(x.nodes), fmt.Sprint(x.shards), fmt.Sprintf("%.1f %%", 100*rest),
			rate(bytes * cluster.BeatsPerLease * float64(x.nodes) / x.lease.Seconds()),
		}
		for _, e := range [][3]float64{{c.Event, c.NodeEvent, c.File}, {c.KeyedEvent, c.NodeKeyedEvent, c.KeyedFile}} {
			most := c.Most(rest, e[0])
			line = append(line, rate(most), fmt.Sprintf("%.1f", most*e[1]/1e9), rate(most*e[2]))
		}
		t.Rows = append(t.Rows, line)
	}
	return t
}
