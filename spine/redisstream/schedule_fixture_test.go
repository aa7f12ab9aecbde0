package redisstream

import (
	"context"
	"io"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/necrostack/necrostack/actors"
	"github.com/necrostack/necrostack/persistence"
	"github.com/necrostack/necrostack/spine"
	"github.com/necrostack/necrostack/spine/redisstream/redistest"
)

// yard is a store in which owners go through schedules, step by step: their leases last for the length of a
// test, their clock stands still, and nothing happens that the test does not do.
type yard struct {
	*testing.T
	server  *redistest.Server
	keys    keyring
	opts    []Option
	stamper *actors.Stamper // the test's own goroutine's

	mu  sync.Mutex
	now time.Time
}

func newYard(t *testing.T, opts ...Option) *yard {
	return newYardOn(t, redistest.SharedServer(t), opts...)
}

func newYardOn(t *testing.T, server *redistest.Server, opts ...Option) *yard {
	ns := redistest.Namespace(t)
	y := &yard{
		T: t, server: server, keys: keyring{ns}, now: time.Now().Truncate(time.Millisecond),
		stamper: newStamper(),
	}
	y.opts = append([]Option{
		WithNamespace(ns), WithShards(1), WithLease(time.Hour), WithClock(y.clock), WithRelaxedDurability(),
		WithLogger(slog.New(slog.NewTextHandler(io.Discard, nil))),
	}, opts...)
	return y
}

func newStamper() *actors.Stamper {
	return actors.NewStamper(actors.StamperOptions{Service: "yard"})
}

func (y *yard) clock() time.Time {
	y.mu.Lock()
	defer y.mu.Unlock()
	return y.now
}

func (y *yard) advance(d time.Duration) {
	y.mu.Lock()
	defer y.mu.Unlock()
	y.now = y.now.Add(d)
}

// soon is a context for what must not take long.
func (y *yard) soon() context.Context {
	ctx, stop := context.WithTimeout(context.Background(), 20*time.Second)
	y.Cleanup(stop)
	return ctx
}

// organs of the schedules, all of which listen to STEP.
func loose(name string) spine.OrganSpec { return spine.OrganSpec{Name: name, Types: []string{"STEP"}} }
func strict(name string) spine.OrganSpec {
	return spine.OrganSpec{Name: name, Types: []string{"STEP"}, Ordered: true, Keyed: true}
}

// step is the event of the schedules.
type step struct {
	Key  string `json:"key"`
	Text string `json:"text"`
}

func (step) EventType() string  { return "STEP" }
func (s step) EventKey() string { return s.Key }

// effect is what organs emit: it is due long after the test, so that nobody has to deal with it.
type effect struct {
	Key  string `json:"key"`
	Text string `json:"text"`
}

func (effect) EventType() string  { return "EFFECT" }
func (e effect) EventKey() string { return e.Key }

// node is an owner with a tap on its way to the server.
type node struct {
	*Backend
	y   *yard
	tap *tap
}

// node makes an owner that serves the service "svc".
func (y *yard) node(name string, organs ...spine.OrganSpec) *node {
	y.Helper()
	return y.nodeOf(name, "svc", organs...)
}

func (y *yard) nodeOf(name, service string, organs ...spine.OrganSpec) *node {
	y.Helper()
	b, err := New(y.server.URL(), append(slices.Clone(y.opts), WithNode(name))...)
	require.NoError(y, err)
	return y.open(b, service, organs...)
}

// open serves through a handle that was made.
func (y *yard) open(b *Backend, service string, organs ...spine.OrganSpec) *node {
	y.Helper()
	n := &node{Backend: b, y: y, tap: &tap{server: b.server}}
	b.server = n.tap
	y.Cleanup(func() { require.NoError(y, b.Close(y.soon())) })
	require.NoError(y, b.Open(y.soon(), spine.Service{Name: service, Organs: organs}))
	return n
}

// publish publishes a STEP of the key for each text, in order.
func (n *node) publish(key string, texts ...string) {
	n.y.Helper()
	var evs []actors.Event
	for _, text := range texts {
		ev, err := n.y.stamper.Root(step{key, text}, n.y.clock())
		require.NoError(n.y, err)
		evs = append(evs, ev)
	}
	answers, err := n.Publish(n.y.soon(), evs)
	require.NoError(n.y, err)
	require.Equal(n.y, make([]spine.Published, len(evs)), answers)
}

// attempt goes on until there is a delivery, or nothing more to be done: no clock is involved. An error is that of a pull
// without an answer, to be tried again.
func (n *node) attempt(w spine.Want) ([]spine.Delivery, error) {
	w.Bytes = 1 << 30
	for range 100 {
		p, err := n.look(&puller{want: w})
		switch {
		case err != nil || len(p.deliveries) > 0:
			return p.deliveries, err
		case p.arm:
			err = n.arm()
		case p.fetch:
			err = n.fetch(w)
		case p.odd:
			err = n.settleOdd(n.y.soon())
		default:
			return nil, nil
		}
		if err != nil {
			return nil, err
		}
	}
	require.FailNow(n.y, "there is always something to be done, and never a delivery")
	return nil, nil
}

// pull brings at most as many deliveries, which must have these texts. A message that a shard was lost comes alone: see
// lostOne.
func (n *node) pull(most int, want ...string) []spine.Delivery {
	n.y.Helper()
	ds, err := n.attempt(spine.Want{Events: most})
	require.NoError(n.y, err)
	for _, d := range ds {
		require.False(n.y, d.Lost, "the shard was lost")
	}
	require.Equal(n.y, want, texts(ds))
	return ds
}

// nothing requires that no delivery may be had.
func (n *node) nothing() {
	n.y.Helper()
	n.pull(10)
}

func texts(ds []spine.Delivery) []string {
	var all []string
	for _, d := range ds {
		s, err := actors.Decode[step](d.Event)
		if err != nil {
			s.Text = d.Event.Type()
		}
		all = append(all, s.Text)
	}
	return all
}

// awaitLoss pulls until the owner has noticed that it has lost its shard. It is told so where it had something in hand.
func (n *node) awaitLoss() {
	n.y.Helper()
	before := n.token()
	require.NotEmpty(n.y, before)
	n.idle()
	ds, err := n.attempt(spine.Want{Events: 10})
	require.NoError(n.y, err)
	for _, d := range ds {
		require.True(n.y, d.Lost, "a delivery of a shard that was lost")
	}
	require.NotEqual(n.y, before, n.token())
}

// idle lets so much time pass that an owner with nothing to do pulls all the same.
func (n *node) idle() {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, s := range n.shards {
		s.checkAt = 0
	}
}

func (n *node) token() string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.shards[0].token
}

// owns waits until the node has taken its shard again.
func (n *node) owns() {
	n.y.Helper()
	require.NoError(n.y, n.settled(n.y.soon()))
	require.NotEmpty(n.y, n.token())
}

// takeOver makes the node find that the owner of each shard has been silent for a lease.
func (n *node) takeOver() {
	n.y.Helper()
	n.contend(n.y.soon())
	n.mu.Lock()
	for _, s := range n.shards {
		s.rival.since, s.rival.readings = time.Now().Add(-2*time.Hour), leastReadings
	}
	n.mu.Unlock()
	n.contend(n.y.soon())
	require.NotEmpty(n.y, n.token(), "the shard was not taken over")
}

// done finishes a delivery for an organ, with an EFFECT for each text.
func (n *node) done(d spine.Delivery, organ int, effects ...string) spine.Settlement {
	n.y.Helper()
	x := spine.Settlement{Receipt: d.Receipt, Shard: d.Shard, Organ: organ, Kind: spine.Done}
	st := actors.NewStamper(actors.StamperOptions{Service: n.service.Name, Organ: n.service.Organs[organ].Name})
	for i, text := range effects {
		ev, err := st.Emission(d.Event, i, actors.After(1000*time.Hour, effect{d.Event.Key(), text}), n.y.clock())
		require.NoError(n.y, err)
		x.Emitted = append(x.Emitted, ev)
	}
	return x
}

// changed is done with a change of the cell, computed on so many.
func (n *node) changed(d spine.Delivery, organ int, base uint64) spine.Settlement {
	n.y.Helper()
	x := n.done(d, organ)
	x.Change = &persistence.Change{Base: base, Version: 1, At: n.y.clock()}
	return x
}

// retry hands a delivery back after an attempt that has failed.
func (n *node) retry(d spine.Delivery, organ, attempts int, after time.Duration) spine.Settlement {
	later := &spine.Later{Attempts: attempts, First: n.y.clock(), Due: n.y.clock().Add(after)}
	return spine.Settlement{Receipt: d.Receipt, Shard: d.Shard, Organ: organ, Kind: spine.Retry, Later: later}
}

// settle settles, and returns the codes of the answers.
func (n *node) settle(ss ...spine.Settlement) []spine.AnswerCode {
	n.y.Helper()
	answers, err := n.Settle(n.y.soon(), ss)
	require.NoError(n.y, err)
	require.Len(n.y, answers, len(ss))
	var codes []spine.AnswerCode
	for _, a := range answers {
		codes = append(codes, a.Code)
	}
	return codes
}

// finish settles deliveries that must not be refused, for organ 0.
func (n *node) finish(ds ...spine.Delivery) {
	n.y.Helper()
	for _, d := range ds {
		require.Equal(n.y, []spine.AnswerCode{spine.Settled}, n.settle(n.done(d, 0, strings.Join(texts([]spine.Delivery{d}), ""))))
	}
}
