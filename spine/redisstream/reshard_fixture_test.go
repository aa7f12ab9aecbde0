package redisstream

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/necrostack/necrostack/actors"
	"github.com/necrostack/necrostack/persistence"
	"github.com/necrostack/necrostack/spine"
	"github.com/necrostack/necrostack/spine/redisstream/redistest"
	"github.com/necrostack/necrostack/supervision"
)

// relocation is a yard whose store moves to other shards: services come to different points, and after the move each of them must be
// handed what it has not finished, and nothing else.
type relocation struct {
	*yard
	rnd      *rand.Rand
	shards   int
	events   []actors.Event
	place    map[string]int // of texts in the order of their key
	left     map[string]map[string]int
	changes  map[persistence.Cell]uint64
	cells    map[string][]string
	letters  map[string]int
	effects  []string
	hushed   map[string]bool // of "again": what was finished without an effect before it was rewound
	services []string
}

const relocationKeys = 12

// newRelocation fills a store.
func newRelocation(t *testing.T, seed uint64, shards, events int, opts ...Option) *relocation {
	return newRelocationOn(t, redistest.SharedServer(t), seed, shards, events, opts...)
}

func newRelocationOn(t *testing.T, server *redistest.Server, seed uint64, shards, events int, opts ...Option) *relocation {
	r := &relocation{
		yard:   newYardOn(t, server, append([]Option{WithRetain(RetainForever)}, opts...)...),
		rnd:    rand.New(rand.NewPCG(seed, 5)),
		shards: shards, place: map[string]int{}, left: map[string]map[string]int{}, changes: map[persistence.Cell]uint64{},
		cells: map[string][]string{}, letters: map[string]int{}, hushed: map[string]bool{}, services: []string{"again", "late", "work"},
	}
	for i := range events {
		r.events = append(r.events, r.event(i))
	}
	half := len(r.events) / 2
	first := r.serve("work") // the first of all: it is handed what comes
	r.publishAll(first, r.events[:half])
	r.live(first, 6)
	r.publishAll(first, r.events[half:])
	r.live(first, 4)
	r.close(first)
	for _, name := range []string{"late", "again"} {
		n := r.serve(name)
		r.live(n, 1+r.rnd.IntN(5))
		r.close(n)
	}
	r.rewind()
	return r
}

func (r *relocation) organs(service string) []spine.OrganSpec {
	a, b, c := loose("a"), strict("b"), loose("c")
	a.Types, c.Types = append(a.Types, "LOOSE"), append(c.Types, "LOOSE")
	if service == "again" {
		return []spine.OrganSpec{a}
	}
	return []spine.OrganSpec{a, b, c}
}

// event makes an event with an id that somebody has chosen: of a key or of none, for now or for later.
func (r *relocation) event(i int) actors.Event {
	text := fmt.Sprint("t", i)
	var p actors.Payload = step{fmt.Sprint("key:", r.rnd.IntN(relocationKeys)), text}
	if r.rnd.IntN(4) == 0 {
		p = actors.Raw{Type: "LOOSE", Data: []byte(`{"text":` + strconv.Quote(text) + `}`)}
	}
	r.place[text] = i
	ds := []actors.Decoration{actors.NewID()}
	if r.rnd.IntN(8) == 0 {
		ds = append(ds, actors.At(r.clock().Add(time.Hour+time.Duration(i)*time.Millisecond)))
		r.place[text] += 1_000_000
	}
	ev, err := r.stamper.Root(actors.With(p, ds...), r.clock())
	require.NoError(r, err)
	return ev
}

func (r *relocation) serve(service string) *node {
	r.Helper()
	b, err := New(r.server.URL(), append(slices.Clone(r.opts), WithShards(r.shards), WithNode("node-"+service))...)
	require.NoError(r, err)
	n := r.open(b, service, r.organs(service)...)
	if r.left[service] == nil {
		r.left[service] = map[string]int{}
	}
	return n
}

func (r *relocation) close(n *node) { require.NoError(r, n.Close(r.soon())) }

func (r *relocation) publishAll(n *node, evs []actors.Event) {
	for page := range slices.Chunk(evs, 50) {
		answers, err := n.Publish(r.soon(), page)
		require.NoError(r, err)
		require.Equal(r, make([]spine.Published, len(page)), answers)
	}
	for _, service := range r.services {
		if r.left[service] == nil {
			r.left[service] = map[string]int{}
		}
		for _, ev := range evs {
			for _, organ := range r.organs(service) {
				if slices.Contains(organ.Types, ev.Type()) {
					r.left[service][organ.Name+" "+texts([]spine.Delivery{{Event: ev}})[0]] = 0
				}
			}
		}
	}
}

// live makes all that can become of a delivery happen for some rounds, and notes the cells.
func (r *relocation) live(n *node, rounds int) {
	stuck := map[string]bool{} // keys of b
	for range rounds {
		ds, err := n.attempt(spine.Want{Events: 1 + r.rnd.IntN(60)})
		require.NoError(r, err)
		for _, d := range ds {
			for organ, attempts := range r.todo(n, d) {
				if x, ok := r.settlement(n, d, organ, attempts, stuck); ok {
					require.Equal(r, []spine.AnswerCode{spine.Settled}, n.settle(x))
				}
			}
		}
	}
	for cell := range r.changes {
		if r.rnd.IntN(2) == 0 && strings.HasPrefix(cell.Organ, n.service.Name+"/") {
			real := persistence.Cell{Organ: "b", Key: cell.Key}
			_ = n.Save(r.soon(), real, persistence.Snapshot{Seq: r.changes[cell], Version: 1, State: []byte(cell.Key), At: r.clock()})
		}
	}
	if len(n.service.Organs) > 1 {
		r.cells[n.service.Name] = r.load(n)
	}
	_, err := n.Backlog(r.soon())
	require.NoError(r, err)
}

// todo is what organs have to do with a delivery: their attempts so far.
func (r *relocation) todo(n *node, d spine.Delivery) map[int]int {
	all := map[int]int{}
	if d.Todo != nil {
		for _, t := range d.Todo {
			all[t.Organ] = t.Attempts
		}
		return all
	}
	for i, organ := range n.service.Organs {
		if slices.Contains(organ.Types, d.Event.Type()) {
			all[i] = 0
		}
	}
	return all
}

func (r *relocation) settlement(n *node, d spine.Delivery, organ, attempts int, stuck map[string]bool) (spine.Settlement, bool) {
	what := n.service.Organs[organ].Name + " " + texts([]spine.Delivery{d})[0]
	key := d.Event.Key()
	if organ == 1 && stuck[key] {
		return spine.Settlement{}, false
	}
	left := r.left[n.service.Name]
	dice := r.rnd.IntN(20)
	if organ == 1 {
		dice = max(r.rnd.IntN(80)-60, 0) // what is not done holds up its key
	}
	switch {
	case dice < 11:
		delete(left, what)
		return r.done(n, d, organ), true
	case dice < 12:
		delete(left, what)
		r.letters[n.service.Name]++
		r.hushed[n.service.Name+" "+texts([]spine.Delivery{d})[0]] = n.service.Name == "again"
		letter := &supervision.DeadLetter{Organ: n.service.Organs[organ].Name, Reason: actors.KindPermanent}
		return spine.Settlement{Receipt: d.Receipt, Shard: d.Shard, Organ: organ, Kind: spine.Dead, Letter: letter}, true
	case dice < 15:
		left[what], stuck[key] = attempts+1, true
		return n.retry(d, organ, attempts+1, time.Duration(r.rnd.IntN(2))*time.Hour), true
	case dice < 17:
		stuck[key] = true
		later := &spine.Later{Attempts: attempts, First: r.clock(), Waits: true}
		return spine.Settlement{Receipt: d.Receipt, Shard: d.Shard, Organ: organ, Kind: spine.Defer, Later: later}, true
	}
	stuck[key] = true
	return spine.Settlement{}, false
}

// done finishes a delivery: a emits an effect, b changes its cell.
func (r *relocation) done(n *node, d spine.Delivery, organ int) spine.Settlement {
	switch name := n.service.Organs[organ].Name; {
	case name == "a" && d.Event.HasKey():
		text := n.service.Name + " " + texts([]spine.Delivery{d})[0]
		r.effects = append(r.effects, text)
		return n.done(d, organ, text)
	case name == "b":
		cell := persistence.Cell{Organ: n.service.Name + "/b", Key: d.Event.Key()}
		x := n.changed(d, organ, r.changes[cell])
		if len(cell.Key)%2 == 0 {
			x.Change.State = []byte(fmt.Sprint("state of ", cell.Key))
		}
		r.changes[cell]++
		return x
	}
	return n.done(d, organ)
}

// load tells all of the cells of b.
func (r *relocation) load(n *node) []string {
	var all []string
	for i := range relocationKeys {
		hs, err := n.Load(r.soon(), []persistence.Cell{{Organ: "b", Key: fmt.Sprint("key:", i)}}, nil)
		require.NoError(r, err)
		told := fmt.Sprint(i, hs[0].Last, hs[0].At, hs[0].Snapshot, hs[0].Previous)
		for _, record := range hs[0].Records {
			told += fmt.Sprint(" ", record.Seq, record.Version, record.Digest, record.At, record.Event.ID())
		}
		all = append(all, told)
	}
	return all
}

// rewind lets "again" begin anew: what it has emitted it does not emit again.
func (r *relocation) rewind() {
	require.NoError(r, r.operator(r.shards).RewindService(r.soon(), "again"))
	for _, ev := range r.events {
		r.left["again"]["a "+texts([]spine.Delivery{{Event: ev}})[0]] = 0
	}
}

// operator is a handle that serves nothing.
func (r *relocation) operator(shards int, opts ...Option) *Backend {
	r.Helper()
	return r.operatorAt(r.server.URL(), append([]Option{WithShards(shards), WithNode("operator")}, opts...)...)
}

func (r *relocation) operatorAt(url string, opts ...Option) *Backend {
	r.Helper()
	b, err := New(url, append(slices.Clone(r.opts), opts...)...)
	require.NoError(r, err)
	r.Cleanup(func() { _ = b.Close(r.soon()) })
	return b
}

// mortal is a way to the server that ends after some requests, as if the process had.
type mortal struct {
	server
	died func()
	mu   sync.Mutex
	left int
}

func (m *mortal) do(ctx context.Context, loose, tx []*call) {
	m.mu.Lock()
	m.left--
	alive := m.left >= 0
	m.mu.Unlock()
	if alive {
		m.server.do(ctx, loose, tx)
		return
	}
	m.died()
	for _, c := range slices.Concat(loose, tx) {
		c.reply, c.err = nil, io.EOF
	}
}
