package clustertest_test

import (
	"context"
	"flag"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/necrostack/necrostack/actors"
	"github.com/necrostack/necrostack/cluster"
	"github.com/necrostack/necrostack/spine"
	"github.com/necrostack/necrostack/spine/redisstream"
	"github.com/necrostack/necrostack/spine/redisstream/redistest"
)

// strict is for a machine that does nothing else: where others share it, a pause says as much of them.
var strict = flag.Bool("cluster.strict", false, "hold pauses to what is promised on a quiet machine")

// bound is what is promised, or what shows that it is not something else altogether.
func bound(promised, loose time.Duration) time.Duration {
	if *strict {
		return promised
	}
	return loose
}

const (
	lease  = 2 * time.Second
	shards = 16
	keys   = 64
)

// link is an event of the chain of a key.
type link struct {
	Key string
	N   int
}

func (link) EventType() string  { return "LINK" }
func (l link) EventKey() string { return l.Key }

// chain is the state of a key: the number of its last link, and those that were not the next.
type chain struct {
	Last  int
	Wrong []int
}

type whole struct{}

// chains is the organ.
func chains() *actors.Keyed[chain] {
	return actors.NewKeyed("chains", func(string) *chain { return &chain{} },
		actors.Step(func(c *chain, ev actors.EventOf[link]) ([]actors.Payload, error) {
			if ev.Payload.N != c.Last+1 {
				c.Wrong = append(c.Wrong, ev.Payload.N)
			}
			c.Last = ev.Payload.N
			return nil, nil
		}),
		actors.Answer(func(c *chain, _ whole) (chain, error) { return *c, nil }))
}

// cast is a cluster under test.
type cast struct {
	*testing.T
	url, ns string
	nodes   []*player
	load    *load
}

func newCast(t *testing.T) *cast {
	return &cast{T: t, url: redistest.SharedServer(t).URL(), ns: redistest.Namespace(t)}
}

func (c *cast) open(name, url string) *redisstream.Backend {
	c.Helper()
	b, err := redisstream.New(url, redisstream.WithNamespace(c.ns), redisstream.WithShards(shards), redisstream.WithLease(lease),
		redisstream.WithNode(name), redisstream.WithRelaxedDurability(), redisstream.WithTimeouts(time.Second, time.Second),
		redisstream.WithLogger(slog.New(slog.DiscardHandler)))
	require.NoError(c, err)
	c.Cleanup(func() { assert.NoError(c, b.Close(context.Background())) })
	return b
}

// player is a node.
type player struct {
	*cluster.Node
	name    string
	backend *redisstream.Backend
	stop    func() error // ends Run and returns what it has

	mu    sync.Mutex
	first [shards]time.Time // since mark, that an event was settled here
	last  [shards]time.Time
}

// start runs a node that reaches the server at url.
func (c *cast) start(name, url string) *player {
	c.Helper()
	p := &player{name: name, backend: c.open(name, url)}
	silent := slog.New(slog.DiscardHandler)
	n, err := cluster.Join(p.backend, []spine.Option{
		spine.WithOrgan(chains()), spine.WithLogger(silent), spine.WithHooks(spine.Hooks{Settled: p.settled}),
	}, cluster.WithName(name), cluster.WithLogger(silent))
	require.NoError(c, err)
	p.Node = n
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- n.Run(ctx) }() // ends with stop
	p.stop = sync.OnceValue(func() error {
		cancel()
		return <-ended
	})
	c.Cleanup(func() { _ = p.stop() })
	c.nodes = append(c.nodes, p)
	return p
}

func (p *player) settled(r spine.Result) {
	p.mu.Lock()
	defer p.mu.Unlock()
	s, now := r.Event.Shard(shards), time.Now()
	if p.first[s].IsZero() {
		p.first[s] = now
	}
	p.last[s] = now
}

// mark forgets what was settled.
func (c *cast) mark() {
	for _, p := range c.nodes {
		p.mu.Lock()
		clear(p.first[:])
		p.mu.Unlock()
	}
}

func (p *player) times(s uint32) (first, last time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.first[s], p.last[s]
}

// shared waits until these nodes have all shards between them, none more than its part, and returns who has which.
func (c *cast) shared(within time.Duration, players ...*player) map[uint32]*player {
	c.Helper()
	var owners map[uint32]*player
	require.Eventually(c, func() bool {
		owners = make(map[uint32]*player)
		for _, p := range players {
			owned := p.backend.Owned()
			if len(owned) > (shards+len(players)-1)/len(players) || !slices.Equal(owned, p.Status().Plan.Of(p.ID())) {
				return false
			}
			for _, s := range owned {
				owners[s] = p
			}
		}
		return len(owners) == shards
	}, within, 5*time.Millisecond)
	return owners
}

// served waits until each of these shards has settled something at its owner since the mark, and returns how long after
// the time that from gives at the latest.
func (c *cast) served(owners map[uint32]*player, moved []uint32, from func(shard uint32) time.Time) time.Duration {
	c.Helper()
	var longest time.Duration
	for _, s := range moved {
		require.Eventually(c, func() bool {
			first, _ := owners[s].times(s)
			return !first.IsZero()
		}, 10*time.Second, 5*time.Millisecond)
		first, _ := owners[s].times(s)
		longest = max(longest, first.Sub(from(s)))
	}
	return longest
}

// moved returns the shards with another owner, ascending.
func moved(before, after map[uint32]*player) []uint32 {
	var shards []uint32
	for s, p := range before {
		if after[s] != p {
			shards = append(shards, s)
		}
	}
	slices.Sort(shards)
	return shards
}

// load publishes links of all keys in turn.
type load struct {
	spine *spine.Spine
	count int // of each key
	end   func()
}

const burst = 10 * time.Millisecond // between two, of half of the keys

func (c *cast) publish() {
	c.Helper()
	s, err := spine.New(c.open("publisher", c.url), spine.WithLogger(slog.New(slog.DiscardHandler)))
	require.NoError(c, err)
	l := &load{spine: s}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { // ends with ctx
		defer close(done)
		l.run(ctx, c.T)
	}()
	l.end = sync.OnceFunc(func() {
		cancel()
		<-done
	})
	c.Cleanup(l.end)
	c.load = l
}

func (l *load) run(ctx context.Context, t *testing.T) {
	pace := time.NewTicker(burst)
	defer pace.Stop()
	for ctx.Err() == nil {
		l.count++
		for _, half := range [...]int{0, 1} {
			var links []actors.Payload
			for k := half; k < keys; k += 2 {
				links = append(links, link{Key: keyName(k), N: l.count})
			}
			_, err := l.spine.Publish(context.Background(), links...)
			assert.NoError(t, err)
			<-pace.C
		}
	}
}

func keyName(k int) string { return fmt.Sprintf("key-%d", k) }

// check ends everything, and looks at every cell.
func (c *cast) check() {
	c.Helper()
	c.load.end()
	for _, p := range c.nodes {
		require.NoError(c, p.stop(), p.name)
	}
	reader := c.start("reader", c.url)
	c.shared(3*lease, reader)
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	require.NoError(c, reader.Spine().WaitIdle(ctx))
	require.Positive(c, c.load.count)
	for k := range keys {
		state, err := spine.Ask[chain](ctx, reader.Spine(), "chains", keyName(k), whole{})
		require.NoError(c, err)
		assert.Equal(c, chain{Last: c.load.count}, state, keyName(k))
	}
	require.NoError(c, reader.stop())
	c.Logf("%d events, nothing lost, doubled or reordered", c.load.count*keys)
}
