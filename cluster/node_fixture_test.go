package cluster_test

import (
	"context"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/necrostack/necrostack/actors"
	"github.com/necrostack/necrostack/cluster"
	"github.com/necrostack/necrostack/spine"
)

const (
	testLease  = 2 * time.Second
	testBeat   = testLease / 6
	testShards = 16
)

// party is a cluster in one bubble of fake time.
type party struct {
	*testing.T
	store *fakeStore
}

func inParty(t *testing.T, f func(p *party)) {
	t.Helper()
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		// The engine's throttle of its dead letter log ends a second after the last one.
		t.Cleanup(func() { time.Sleep(2 * time.Second) })
		p := &party{t, newFakeStore(testShards, testLease)}
		ctx, stop := context.WithCancel(t.Context())
		defer stop()
		go p.watch(ctx) // ends with the test
		f(p)
	})
}

// watch lets leases run out.
func (p *party) watch(ctx context.Context) {
	look := time.NewTicker(20 * time.Millisecond)
	defer look.Stop()
	for {
		select {
		case <-look.C:
			p.do(p.store.settle)
		case <-ctx.Done():
			return
		}
	}
}

func (p *party) do(f func()) {
	p.store.mu.Lock()
	defer p.store.mu.Unlock()
	f()
}

// guest is a node of the party.
type guest struct {
	*cluster.Node
	p      *party
	handle *fakeHandle
	lines  *lines
	stop   func() error // ends Run and returns what it has
}

type ping struct{}

func (ping) EventType() string { return "PING" }

// organs are stateless ones of these names.
func organs(names ...string) []spine.Option {
	of := []spine.Option{spine.WithLogger(slog.New(slog.DiscardHandler))}
	for _, name := range names {
		of = append(of, spine.WithOrgan(actors.NewOrgan(name, actors.Sink(func(context.Context, actors.EventOf[ping]) error { return nil }))))
	}
	return of
}

// make makes a node that does not run.
func (p *party) make(name string, of []spine.Option, opts ...cluster.Option) *guest {
	p.Helper()
	g := &guest{p: p, handle: p.store.handle(name), lines: &lines{}}
	log := cluster.WithLogger(slog.New(slog.NewTextHandler(g.lines, nil)))
	n, err := cluster.Join(g.handle, of, append([]cluster.Option{cluster.WithName(name), log}, opts...)...)
	require.NoError(p, err)
	g.Node = n
	return g
}

func (p *party) start(name string, opts ...cluster.Option) *guest {
	p.Helper()
	return p.make(name, organs("one"), opts...).run()
}

func (g *guest) run() *guest {
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- g.Run(ctx) }() // ends with stop
	g.stop = sync.OnceValue(func() error {
		cancel()
		return <-ended
	})
	g.p.Cleanup(func() { _ = g.stop() })
	return g
}

// cut parts a node from the store, as if its process were stopped.
func (g *guest) cut() { g.p.do(func() { g.handle.cut = time.Now() }) }

func (g *guest) heal() { g.p.do(func() { g.handle.cut = time.Time{} }) }

// within waits for what must come to hold within d, and returns how long it took.
func (p *party) within(d time.Duration, f func(c *assert.CollectT)) time.Duration {
	p.Helper()
	begun := time.Now()
	assert.EventuallyWithT(p, f, d, 10*time.Millisecond)
	if p.Failed() {
		p.FailNow()
	}
	return time.Since(begun)
}

// shared waits until these nodes have all shards, none more than its part, and agree on that.
func (p *party) shared(d time.Duration, guests ...*guest) time.Duration {
	p.Helper()
	return p.within(d, func(c *assert.CollectT) {
		total := 0
		for _, g := range guests {
			own := len(g.handle.Owned())
			total += own
			assert.LessOrEqual(c, own, ceil(testShards, len(guests)), g.ID())
			assert.Equal(c, cluster.Serving, g.Phase())
			assert.Equal(c, g.Status().Plan.Of(g.ID()), append([]uint32(nil), g.handle.Owned()...))
		}
		assert.Equal(c, testShards, total)
	})
}

// moved returns the moves since the last call.
func (p *party) moved() []fakeMove {
	p.store.mu.Lock()
	defer p.store.mu.Unlock()
	moves := p.store.moves
	p.store.moves = nil
	return moves
}

// agreed returns who has tried to agree on what since the last call.
func (p *party) agreed() []fakeAgree {
	p.store.mu.Lock()
	defer p.store.mu.Unlock()
	agrees := p.store.agrees
	p.store.agrees = nil
	return agrees
}

// records are the IDs of all who have a record, sorted.
func (p *party) records() []string {
	p.store.mu.Lock()
	defer p.store.mu.Unlock()
	return slices.Sorted(maps.Keys(p.store.members))
}

// lines are what is logged.
type lines struct {
	mu   sync.Mutex
	text []string
}

func (l *lines) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.text = append(l.text, string(b))
	return len(b), nil
}

// with counts the lines with all of these pieces.
func (l *lines) with(pieces ...string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := 0
	for _, line := range l.text {
		if !slices.ContainsFunc(pieces, func(p string) bool { return !strings.Contains(line, p) }) {
			n++
		}
	}
	return n
}
