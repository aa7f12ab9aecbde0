package redisstream_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/necrostack/necrostack/spine"
	"github.com/necrostack/necrostack/spine/backendtest"
	"github.com/necrostack/necrostack/spine/redisstream"
	"github.com/necrostack/necrostack/spine/redisstream/redistest"
)

func TestMain(m *testing.M) { os.Exit(redistest.Main(m)) }

// shiftedClock is the real clock, which a test can put forward.
type shiftedClock struct {
	mu    sync.Mutex
	shift time.Duration
}

func (c *shiftedClock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return time.Now().Add(c.shift)
}

func (c *shiftedClock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.shift += d
}

// harness runs the suite on a real server.
func harness(shards int) backendtest.Harness {
	return backendtest.Harness{Open: func(t testing.TB, c backendtest.Config) backendtest.Store {
		server, clock := redistest.SharedServer(t), &shiftedClock{}
		opts := []redisstream.Option{
			redisstream.WithNamespace(redistest.Namespace(t)), redisstream.WithShards(shards), redisstream.WithRelaxedDurability(),
			redisstream.WithClock(clock.now), redisstream.WithLease(2 * time.Second), redisstream.WithLogger(quiet()),
		}
		opts = append(opts, configured(c)...)
		return backendtest.Store{
			Attach: func(t testing.TB) spine.Backend { return attach(t, server, opts) },
			Now:    clock.now, Advance: clock.advance,
			Kill: func(b spine.Backend) { redisstream.Freeze(b.(*redisstream.Backend)) },
		}
	}}
}

func quiet() *slog.Logger { return slog.New(slog.NewTextHandler(io.Discard, nil)) }

func configured(c backendtest.Config) []redisstream.Option {
	var opts []redisstream.Option
	if c.Capacity > 0 {
		opts = append(opts, redisstream.WithCapacity(c.Capacity))
	}
	if c.RefuseWhenFull {
		opts = append(opts, redisstream.RefuseWhenFull())
	}
	if c.DedupWindow > 0 {
		opts = append(opts, redisstream.WithDedup(c.DedupWindow))
	}
	if c.Letters > 0 {
		opts = append(opts, redisstream.WithLetterLimit(c.Letters))
	}
	return opts
}

func attach(t testing.TB, server *redistest.Server, opts []redisstream.Option) *redisstream.Backend {
	b, err := redisstream.New(server.URL(), opts...)
	require.NoError(t, err)
	t.Cleanup(func() {
		ctx, stop := context.WithTimeout(context.Background(), 10*time.Second)
		defer stop()
		require.NoError(t, b.Close(ctx))
	})
	return b
}

func TestRedisConformance(t *testing.T) {
	t.Parallel()
	for _, shards := range []int{1, 16} {
		t.Run(fmt.Sprint("shards=", shards), func(t *testing.T) {
			t.Parallel()
			backendtest.Exercise(t, harness(shards), backendtest.Features{})
		})
	}
}
