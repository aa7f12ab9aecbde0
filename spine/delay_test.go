package spine_test

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/necrostack/necrostack/actors"
	"github.com/necrostack/necrostack/spine"
	"github.com/necrostack/necrostack/spine/spinetest"
	"github.com/necrostack/necrostack/supervision"
)

func TestDelayedEventsComeWhenTheyAreDue(t *testing.T) {
	bubble(t, func(t *testing.T) {
		d := newDiary[ping]()
		r := spinetest.Start(t, spine.NewMemory(), spine.WithOrgan(sink("a", d)))
		r.Publish(
			actors.After(3*time.Second, ping{3}),
			actors.With(ping{2}, actors.At(time.Now().Add(2*time.Second))),
			actors.With(ping{1}, actors.After(time.Second)),
			actors.With(ping{0}, actors.At(time.Now().Add(-time.Hour))),
		)
		got := r.Settled(4)
		assert.Equal(t, []ping{{0}, {1}, {2}, {3}}, d.entries())
		assert.Equal(t, []time.Duration{0, time.Second, 2 * time.Second, 3 * time.Second}, d.times())
		assert.Equal(t, got[3].Event.Time().Add(3*time.Second), got[3].Event.Due())
	})
}

func TestDelayedEmissionIsDueAfterItsHandling(t *testing.T) {
	bubble(t, func(t *testing.T) {
		d := newDiary[pong]()
		r := spinetest.Start(t, spine.NewMemory(), spine.WithOrgan(sink("pongs", d)),
			spine.WithOrgan(actors.NewOrgan("a", actors.On(func(_ context.Context, ev actors.EventOf[ping]) ([]actors.Payload, error) {
				return actors.Emit(actors.After(time.Hour, pong{ev.Payload.N})), nil
			}))))
		r.Publish(ping{1})
		r.Idle()
		assert.Empty(t, d.entries(), "what is not due does not keep it from being idle")
		time.Sleep(time.Hour)
		r.Idle()
		assert.Equal(t, []time.Duration{time.Hour}, d.times())
	})
}

func TestSelfArmingTimerRunsForEver(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var count atomic.Int64
		m := spine.NewMemory()
		r := spinetest.Start(t, m, spine.WithOrgan(looping(time.Second, &count)))
		r.Publish(ping{0})
		time.Sleep(500*time.Second + time.Millisecond)
		assert.EqualValues(t, 501, count.Load(), "far more than the hop limit")
		assert.Empty(t, letters(t, m))
	})
}

func TestDelayBelowASecondStillCountsHops(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var count atomic.Int64
		m := spine.NewMemory()
		r := spinetest.Start(t, m, spine.WithOrgan(looping(999*time.Millisecond, &count)))
		r.Publish(ping{0})
		time.Sleep(5 * time.Minute)
		assert.EqualValues(t, actors.DefaultHopLimit+1, count.Load())
		assert.Len(t, letters(t, m), 1)
	})
}

func TestRunUntilIdleLeavesDelayedEventsAndCountsThem(t *testing.T) {
	bubble(t, func(t *testing.T) {
		d := newDiary[ping]()
		s := quiet(t, spine.NewMemory(), spine.WithOrgan(sink("a", d)))
		n, err := s.RunUntilIdle(t.Context(), ping{1}, actors.After(time.Minute, ping{2}), actors.After(time.Hour, ping{3}))
		require.NoError(t, err)
		assert.Equal(t, 2, n.Delayed)
		assert.Equal(t, []ping{{1}}, d.entries())
		time.Sleep(time.Minute)
		n, err = s.RunUntilIdle(t.Context())
		require.NoError(t, err)
		assert.Equal(t, 1, n.Delayed)
		assert.Equal(t, []ping{{1}, {2}}, d.entries())
	})
}

func TestRunUntilIdleWaitsForRetries(t *testing.T) {
	bubble(t, func(t *testing.T) {
		start := time.Now()
		s := quiet(t, spine.NewMemory(), spine.WithPolicy(steady(supervision.Store)),
			spine.WithOrgan(failing("bad", func(context.Context, int) error { return errBad })))
		n, err := s.RunUntilIdle(t.Context(), ping{1})
		require.NoError(t, err)
		assert.Equal(t, 1, n.DeadLetters)
		assert.Equal(t, 2, n.Retries)
		assert.Equal(t, 3*time.Second, time.Since(start))
	})
}

func TestRunUntilIdleEndsWhenOnlyABreakerHoldsWork(t *testing.T) {
	bubble(t, func(t *testing.T) {
		p := steady(supervision.Store)
		p.Breaker = supervision.BreakerPolicy{Failures: 1, Open: time.Hour}
		m := spine.NewMemory()
		s := quiet(t, m, spine.WithPolicy(p),
			spine.WithOrgan(failing("bad", func(context.Context, int) error { return errBad })))
		_, err := s.RunUntilIdle(t.Context(), ping{1}, ping{2})
		require.ErrorIs(t, err, spine.ErrWaiting)
		b, err := m.Backlog(t.Context())
		require.NoError(t, err)
		assert.Equal(t, 2, b.Waiting+b.Retrying+b.Ready)
	})
}

func TestRunUntilIdleNeedsAnInspector(t *testing.T) {
	t.Parallel()
	s := quiet(t, struct{ spine.Backend }{spine.NewMemory()})
	_, err := s.RunUntilIdle(t.Context())
	assert.ErrorContains(t, err, "does not tell its backlog")
}

func TestRunUntilIdleReportsRefusedPayloadsAndRunsTheRest(t *testing.T) {
	t.Parallel()
	d := newDiary[ping]()
	s := quiet(t, spine.NewMemory(), spine.WithOrgan(sink("a", d)))
	_, err := s.RunUntilIdle(t.Context(), ping{1}, nil, ping{2})
	require.ErrorContains(t, err, "payload 2")
	assert.Equal(t, []ping{{1}, {2}}, d.entries())
}
