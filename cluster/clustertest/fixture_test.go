package clustertest_test

import (
	"context"
	"flag"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

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

// cast is a cluster under test.
type cast struct {
	*testing.T
	server  *redistest.Server
	url, ns string
	program program
	diary   *diary // of nodes in this process; nil: none
	nodes   []*player
	reader  *player // after final
	load    *load
}

func newCast(t *testing.T) *cast {
	server := redistest.SharedServer(t)
	return newCastOn(t, server, server.URL())
}

// newCastOn reaches the server at url.
func newCastOn(t *testing.T, server *redistest.Server, url string) *cast {
	return &cast{T: t, server: server, url: url, ns: redistest.Namespace(t), program: one}
}

func (c *cast) open(name, url string, timeout time.Duration) *redisstream.Backend {
	c.Helper()
	b, err := openStore(url, c.ns, name, timeout, slog.New(slog.DiscardHandler))
	require.NoError(c, err)
	c.Cleanup(func() { assert.NoError(c, b.Close(context.Background())) })
	return b
}

func openStore(url, ns, name string, timeout time.Duration, log *slog.Logger) (*redisstream.Backend, error) {
	return redisstream.New(url, redisstream.WithNamespace(ns), redisstream.WithShards(shards), redisstream.WithLease(lease),
		redisstream.WithNode(name), redisstream.WithRelaxedDurability(), redisstream.WithTimeouts(timeout, timeout),
		redisstream.WithLogger(log))
}

// player is a node within this process.
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
	p := &player{name: name, backend: c.open(name, url, lease)}
	silent := slog.New(slog.DiscardHandler)
	of := append(c.program.options(c.diary), spine.WithLogger(silent), spine.WithHooks(spine.Hooks{Settled: p.settled}))
	n, err := cluster.Join(p.backend, of, cluster.WithName(name), cluster.WithLogger(silent))
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
