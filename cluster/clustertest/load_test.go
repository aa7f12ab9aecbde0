package clustertest_test

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/necrostack/necrostack/actors"
	"github.com/necrostack/necrostack/spine"
)

// load publishes links of all keys in turn.
type load struct {
	spine *spine.Spine
	count atomic.Int64 // of each key
	end   func()
}

// How long it waits between two, of half of the keys.
const (
	burst   = 10 * time.Millisecond
	drizzle = 50 * time.Millisecond // where several tests run side by side
)

func (c *cast) publish(pace time.Duration) {
	c.Helper()
	s, err := spine.New(c.open("publisher", c.url, patience), spine.WithLogger(slog.New(slog.DiscardHandler)))
	require.NoError(c, err)
	l := &load{spine: s}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { // ends with ctx
		defer close(done)
		l.run(ctx, c.T, pace)
	}()
	l.end = sync.OnceFunc(func() {
		cancel()
		<-done
	})
	c.Cleanup(l.end)
	c.load = l
}

func (l *load) run(ctx context.Context, t *testing.T, pace time.Duration) {
	tick := time.NewTicker(pace)
	defer tick.Stop()
	for ctx.Err() == nil {
		n := int(l.count.Add(1))
		for half := range 2 {
			var links []actors.Payload
			for k := half; k < keys; k += 2 {
				links = append(links, link{Key: keyName(k), N: n})
			}
			_, err := l.spine.Publish(context.Background(), links...)
			assert.NoError(t, err)
			<-tick.C
		}
	}
}

func keyName(k int) string { return fmt.Sprintf("key-%d", k) }
