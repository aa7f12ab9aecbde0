package spine_test

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/necrostack/necrostack/actors"
	"github.com/necrostack/necrostack/spine"
)

// shared is a backend of which another node has a part: what that one has in hand counts as in flight, and never comes here.
type shared struct {
	*spine.Memory
	others atomic.Int64
	asked  atomic.Int64
}

func (b *shared) Backlog(ctx context.Context) (spine.Backlog, error) {
	b.asked.Add(1)
	log, err := b.Memory.Backlog(ctx)
	log.InFlight += int(b.others.Load())
	return log, err
}

// Nothing comes to a node that only waits, so nothing but the clock tells it to ask again.
func TestANodeWithNothingInHandSeesThatAnotherHasFinished(t *testing.T) {
	bubble(t, func(t *testing.T) {
		b := &shared{Memory: spine.NewMemory()}
		b.others.Store(1)
		s := quiet(t, b, spine.WithOrgan(sink("a", newDiary[ping]())))
		time.AfterFunc(3*time.Second, func() { b.others.Store(0) })
		start := time.Now()
		stats, err := s.RunUntilIdle(t.Context(), ping{1})
		require.NoError(t, err)
		assert.Equal(t, 1, stats.Acked)
		assert.InDelta(t, 3*time.Second, time.Since(start), float64(200*time.Millisecond))
		assert.InDelta(t, 30, b.asked.Load(), 5, "about every 100 ms")
	})
}

// Whoever waits for idle must not wait for the clock where events come that are settled as they come.
func TestIdleIsSeenAtOnceBehindEventsThatNobodyWants(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := quiet(t, spine.NewMemory(), spine.WithOrgan(sink("a", newDiary[ping]())), spine.WithInFlight(16, 1<<20))
		ps := make([]actors.Payload, 1000)
		for i := range ps {
			ps[i] = actors.Raw{Type: "UNHEARD", Data: []byte(`{}`)}
		}
		start := time.Now()
		for range 20 { // whether the end comes before the question or after it is chance
			stats, err := s.RunUntilIdle(t.Context(), ps...)
			require.NoError(t, err)
			assert.Equal(t, len(ps), stats.Acked)
		}
		assert.Zero(t, time.Since(start))
	})
}

func TestANodeWithWorkInHandAsksForNoBacklog(t *testing.T) {
	bubble(t, func(t *testing.T) {
		b := &shared{Memory: spine.NewMemory()}
		b.others.Store(1)
		s := quiet(t, b, spine.WithOrgan(failing("slow", func(context.Context, int) error { time.Sleep(20 * time.Second); return nil })))
		stop := running(t, s)
		synctest.Wait()
		idle := make(chan error, 1)
		go func() { idle <- s.WaitIdle(t.Context()) }() // ends when others is 0
		time.Sleep(time.Second)
		_, err := s.Publish(t.Context(), ping{1})
		require.NoError(t, err)
		synctest.Wait()
		before := b.asked.Load()
		assert.Positive(t, before)
		time.Sleep(19 * time.Second)
		assert.LessOrEqual(t, b.asked.Load(), before+1, "the last of them may have been on its way")
		b.others.Store(0)
		time.Sleep(time.Second)
		require.NoError(t, <-idle)
		require.NoError(t, stop())
	})
}
