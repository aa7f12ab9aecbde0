package chaos_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/necrostack/necrostack/spine/redisstream"
	"github.com/necrostack/necrostack/spine/redisstream/redistest"
)

// setting says how a round is run.
type setting struct {
	name    string
	seed    uint64
	fsync   string // policy of the server's log
	slow    bool   // its disk takes its time
	shards  int
	nodes   int
	rate    int // events per second of each publisher
	retain  bool
	inPlace int
	bombs   bool
	heal    bool

	lease     time.Duration
	cluster   bool // the nodes are those of a cluster
	failovers bool // its store may fail over to a replica

	script []string      // faults, one after the other; nil: random ones
	length time.Duration // of the faults
}

// round is one store, from its creation to its check, and what happens to it.
type round struct {
	t          *testing.T
	setting    setting
	dice       *rand.Rand
	server     *redistest.Server
	reader     reader
	watch      *watch
	nodes      []*member
	guests     []*member // nodes that come and go
	publishers []*member
	proxies    []*redistest.Proxy
	backend    *redisstream.Backend // the conductor's own
	way        *redistest.Proxy     // between it and the server

	down       map[*member]bool // ended by us, and to be started by us
	serverBusy bool             // down, or stopped
	stormy     bool             // guests come and go
	program    int              // that nodes are started with
	rolledBack time.Time        // when the store may have lost the end of its log last
	calms      []span           // in which nothing happened but departures in good order
	ends       []pendingEnd
	bombs      []uint64
	counts     map[string]int
	findings   []finding
}

type pendingEnd struct {
	at  time.Time
	end func()
}

const (
	namespace  = "chaos"
	publishers = 2
	bombSource = 9 // the number of the conductor as a publisher
)

func newRound(t *testing.T, s setting) *round {
	t.Helper()
	if s.lease == 0 {
		s.lease = soloLease
	}
	r := &round{
		t: t, setting: s, dice: rand.New(rand.NewChaCha8(seedOf(s.seed, s.name))), down: map[*member]bool{}, counts: map[string]int{},
		program: 1,
	}
	if s.slow {
		slowDisk(t)
	}
	r.server = r.newServer()
	r.reader = reader{client: r.server.Client(), namespace: namespace, shards: s.shards}
	r.watch = newWatch(r.reader)
	t.Cleanup(r.watch.end)
	r.backend = r.ownBackend()
	for i := range s.nodes {
		r.nodes = append(r.nodes, r.hireNode(fmt.Sprint("node-", i+1), fmt.Sprint("node-", i+1)))
	}
	for i := range publishers {
		o := r.behindProxy(r.orders("publisher", i+1))
		o.Notes, o.Number, o.Rate, o.Seed = filepath.Join(t.TempDir(), "notes"), uint64(i+1), s.rate, s.seed
		r.publishers = append(r.publishers, hire(t, o))
	}
	return r
}

func (r *round) orders(role string, number int) orders {
	return orders{
		Role: role, Name: fmt.Sprint(role, "-", number), Namespace: namespace, Shards: r.setting.shards,
		Retain: r.setting.retain, InPlace: r.setting.inPlace, Lease: r.setting.lease, Program: r.program,
	}
}

func (r *round) newServer() *redistest.Server {
	return redistest.Start(r.t, redistest.AOF(r.setting.fsync), redistest.Conf("repl-diskless-sync-delay", "0"))
}

// ownBackend is the conductor's. Nobody disturbs its way to the server.
func (r *round) ownBackend() *redisstream.Backend {
	own := r.orders("conductor", 0)
	r.way = redistest.NewProxy(r.t, r.server.Addr())
	own.URL = r.way.URL()
	b, err := own.open()
	require.NoError(r.t, err)
	r.t.Cleanup(func() { require.NoError(r.t, closeBackend(b)) })
	return b
}

// hireNode begins a node. The label tells apart those of one name.
func (r *round) hireNode(name, label string) *member {
	o := r.behindProxy(r.orders("node", 0))
	o.Name, o.Label = name, label
	if r.setting.cluster {
		folder := r.t.TempDir()
		o.Cluster, o.Journal, o.Holding = true, filepath.Join(folder, "journal"), filepath.Join(folder, "holding")
		o.Seed = r.dice.Uint64()
	}
	return hire(r.t, o)
}

func (r *round) behindProxy(o orders) orders {
	p := redistest.NewProxy(r.t, r.server.Addr())
	r.proxies = append(r.proxies, p)
	o.URL = p.URL()
	return o
}

func (r *round) must(err error) {
	if err != nil {
		r.t.Errorf("the conductor: %v", err)
	}
}

// find notes what is wrong while the round runs.
func (r *round) find(invariant, format string, args ...any) {
	r.findings = append(r.findings, finding{invariant, fmt.Sprintf(format, args...)})
}

// keepEvidence copies what the store has written: its log tells who did what, in which order.
func (r *round) keepEvidence() {
	if *evidence == "" {
		return
	}
	folder := filepath.Join(*evidence, fmt.Sprint("seed-", r.setting.seed))
	r.must(os.CopyFS(folder, os.DirFS(r.server.Dir())))
	r.t.Logf("what the store has written is in %s", folder)
}

// run runs the round and returns what the checker says.
func (r *round) run() verdict {
	r.await(startIn, "the first events are done", func() bool { return r.watch.progress() > 0 })
	r.keepStore()
	if r.setting.script != nil {
		r.followScript()
	} else {
		r.rage()
	}
	r.calm()
	r.drain()
	if r.setting.heal {
		r.heal()
	}
	if !r.setting.retain && len(r.findings) == 0 {
		r.topUp()
	}
	return r.judge()
}

// keepStore has the server sync what it has so far: one that is killed before it has the beginning of the store for good
// comes back without a store, and ends every node that knows it, as it must.
func (r *round) keepStore() {
	if r.setting.fsync == "always" {
		return
	}
	client, ctx := r.server.Client(), context.Background()
	r.must(client.ConfigSet(ctx, "appendfsync", "always").Err())
	r.must(client.Set(ctx, namespace+":begun", "1", 0).Err())
	r.must(client.Del(ctx, namespace+":begun").Err())
	r.must(client.ConfigSet(ctx, "appendfsync", r.setting.fsync).Err())
}

const (
	startIn  = 30 * time.Second
	stallIn  = 15 * time.Second // I12
	drainIn  = 90 * time.Second
	finishIn = 10 * time.Second // F27
	glance   = 10 * time.Millisecond

	restartIn = 200 * time.Millisecond // of who found no store
)

// longPause is the longest between two faults. A cluster with its longer lease gets more time.
func (r *round) longPause() time.Duration { return 520*time.Millisecond + 3*r.setting.lease/10 }

// rage does random harm until the time is over.
func (r *round) rage() {
	over := time.Now().Add(r.setting.length)
	for time.Now().Before(over) {
		r.strike(r.anyFault())
		r.linger(r.between(20*time.Millisecond, r.longPause()))
	}
}

// followScript does harm of each kind, and lets the service recover in between.
func (r *round) followScript() {
	for _, name := range r.setting.script {
		r.strike(faultOf(name))
		for len(r.ends) > 0 {
			r.linger(glance)
		}
		before := r.watch.progress()
		r.await(stallIn, "work goes on after: "+name, func() bool { return r.watch.progress() > before })
	}
}

func (r *round) strike(f fault) {
	end, after := f.do(r)
	if end == nil {
		return
	}
	r.counts[f.name]++
	r.later(after, end)
}

// linger lets time pass, ends what is to be ended, and brings back who has fallen by himself.
func (r *round) linger(d time.Duration) {
	until := time.Now().Add(d)
	for {
		r.endFaults(time.Now())
		r.lookAfter()
		if time.Now().After(until) {
			return
		}
		time.Sleep(glance)
	}
}

// endFaults ends what is due. An end may bring about another one.
func (r *round) endFaults(now time.Time) {
	var due, left []pendingEnd
	for _, e := range r.ends {
		if e.at.After(now) {
			left = append(left, e)
		} else {
			due = append(due, e)
		}
	}
	r.ends = left
	for _, e := range due {
		e.end()
	}
}

// later has something done after a time.
func (r *round) later(after time.Duration, do func()) {
	r.ends = append(r.ends, pendingEnd{time.Now().Add(after), do})
}

func (r *round) lookAfter() {
	for _, m := range slices.Concat(r.nodes, r.guests, r.publishers) {
		if r.down[m] || m.alive() {
			continue
		}
		switch code := m.exitCode(); code {
		case bombCode:
			r.counts[bombDeaths]++
		case unreachableCode:
			r.counts[falseStarts]++
			r.down[m] = true
			r.later(restartIn, func() { r.comeBack(m) })
			continue
		default:
			r.t.Fatalf("%s ended by itself with %d; its log ends with:\n%s", m.orders.Name, code, m.tail())
		}
		r.must(m.start())
	}
}

// await waits for something that must come.
func (r *round) await(limit time.Duration, what string, came func() bool) bool {
	over := time.Now().Add(limit)
	for !came() {
		if time.Now().After(over) {
			r.find("I12", "%s: not within %s", what, limit)
			return false
		}
		r.linger(glance)
	}
	return true
}
