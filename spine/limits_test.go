package spine_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/necrostack/necrostack/actors"
	"github.com/necrostack/necrostack/spine"
	"github.com/necrostack/necrostack/spine/spinetest"
	"github.com/necrostack/necrostack/supervision"
)

// text encodes to {"S":"…"}: eight bytes and those of S.
type text struct{ S string }

func (text) EventType() string { return "TEXT" }

const aroundText = 8

func isLimit(t *testing.T, err error, got, limit int, unit string) {
	t.Helper()
	var l *actors.LimitError
	require.ErrorAs(t, err, &l)
	assert.Equal(t, got, l.Got)
	assert.Equal(t, limit, l.Limit)
	assert.Equal(t, unit, l.Unit)
}

func TestPayloadLimitIsExactToTheByte(t *testing.T) {
	t.Parallel()
	for _, s := range []string{"x", "é", "世", "🎉"} {
		c := quiet(t, spine.NewMemory(), spine.WithChecking())
		most := (actors.DefaultPayloadLimit - aroundText) / len(s)
		fill := strings.Repeat("x", (actors.DefaultPayloadLimit-aroundText)%len(s))
		_, err := c.Publish(t.Context(), text{fill + strings.Repeat(s, most)})
		require.NoError(t, err, s)
		_, err = c.Publish(t.Context(), text{fill + strings.Repeat(s, most) + "x"})
		isLimit(t, err, actors.DefaultPayloadLimit+1, actors.DefaultPayloadLimit, "bytes")
	}
}

func TestPayloadLimitHoldsForEventsMadeElsewhere(t *testing.T) {
	t.Parallel()
	s := quiet(t, spine.NewMemory(), spine.WithLimits(actors.Limits{Payload: 20}))
	require.NoError(t, s.PublishEvents(t.Context(), eventOf(t, "TEXT", `{"S":"123456789012"}`)))
	err := s.PublishEvents(t.Context(), eventOf(t, "TEXT", `{"S":"1234567890123"}`), eventOf(t, "TEXT", `{"S":"fits"}`))
	isLimit(t, err, 21, 20, "bytes")
	n, err := s.RunUntilIdle(t.Context())
	require.NoError(t, err)
	assert.Equal(t, 2, n.Received, "one refusal does not keep the others out")
}

func TestEnvelopeLimit(t *testing.T) {
	t.Parallel()
	publish := func(limit int) error {
		s := quiet(t, spine.NewMemory(), spine.WithChecking(), spine.WithLimits(actors.Limits{Envelope: limit}))
		_, err := s.Publish(t.Context(), actors.With(text{"x"}, actors.Meta("note", strings.Repeat("m", 500))))
		return err
	}
	var l *actors.LimitError
	require.ErrorAs(t, publish(100), &l)
	require.NoError(t, publish(l.Got))
	isLimit(t, publish(l.Got-1), l.Got, l.Got-1, "bytes")
}

func TestNameLimits(t *testing.T) {
	t.Parallel()
	longest, tooLong := strings.Repeat("n", actors.NameLimit), strings.Repeat("n", actors.NameLimit+1)
	s := quiet(t, spine.NewMemory())
	_, err := s.Publish(t.Context(), actors.With(ping{}, actors.Key(longest)))
	require.NoError(t, err)
	_, err = s.Publish(t.Context(), actors.With(ping{}, actors.Key(tooLong)))
	isLimit(t, err, 257, 256, "bytes")
	for _, name := range []string{longest, tooLong} {
		_, service := spine.New(spine.NewMemory(), spine.WithService(name))
		_, organ := spine.New(spine.NewMemory(), spine.WithOrgan(sink(name, newDiary[ping]())))
		if name == longest {
			require.NoError(t, errors.Join(service, organ))
			continue
		}
		isLimit(t, service, 257, 256, "bytes")
		isLimit(t, organ, 257, 256, "bytes")
	}
}

func TestMetaLimits(t *testing.T) {
	t.Parallel()
	s := quiet(t, spine.NewMemory())
	metas := func(n, size int) actors.Payload {
		var ds []actors.Decoration
		for i := range n {
			ds = append(ds, actors.Meta(fmt.Sprintf("%02d", i), strings.Repeat("v", size-2)))
		}
		return actors.With(ping{}, ds...)
	}
	_, err := s.Publish(t.Context(), metas(16, 64))
	require.NoError(t, err, "16 strings and 1,024 bytes")
	_, err = s.Publish(t.Context(), metas(17, 10))
	isLimit(t, err, 17, 16, "strings")
	_, err = s.Publish(t.Context(), metas(1, 1025))
	isLimit(t, err, 1025, 1024, "bytes")
}

// emits is an organ that answers a ping with n texts of some bytes each.
func emits(n, bytes int) actors.Organ {
	return actors.NewOrgan("emitter", actors.On(func(context.Context, actors.EventOf[ping]) ([]actors.Payload, error) {
		return repeat(n, func(int) actors.Payload { return text{strings.Repeat("x", bytes-aroundText)} }), nil
	}))
}

func TestEmissionLimits(t *testing.T) {
	t.Parallel()
	const around = 256 // what Event.Size counts for the envelope
	for name, c := range map[string]struct {
		organ actors.Organ
		fits  bool
	}{
		"AsManyEventsAsAllowed":  {emits(10, 50), true},
		"OneEventTooMany":        {emits(11, 50), false},
		"AsManyBytesAsAllowed":   {emits(2, 2500-around), true},
		"OneByteTooMany":         {emits(1, 5001-around), false},
		"AHundredThousandEvents": {emits(100_000, 50), false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := spine.NewMemory()
			s := quiet(t, m, spine.WithChecking(), spine.WithEmissions(10, 5000), spine.WithOrgan(c.organ))
			n, err := s.RunUntilIdle(t.Context(), ping{1})
			require.NoError(t, err)
			if c.fits {
				assert.Empty(t, letters(t, m))
				assert.Positive(t, n.Emitted)
				return
			}
			require.Len(t, letters(t, m), 1)
			assert.Equal(t, actors.KindEnqueue, letters(t, m)[0].Reason)
			assert.Equal(t, 1, letters(t, m)[0].Attempts)
			assert.Zero(t, n.Emitted, "all or nothing")
			assert.Equal(t, map[string]int{"PING": 1}, n.EnqueueFailures)
		})
	}
}

func TestDefaultEmissionLimitIsTenThousand(t *testing.T) {
	t.Parallel()
	for _, n := range []int{10_000, 10_001} {
		m := spine.NewMemory()
		s := quiet(t, m, spine.WithOrgan(emits(n, 50)))
		got, err := s.RunUntilIdle(t.Context(), ping{1})
		require.NoError(t, err)
		assert.Equal(t, n == 10_000, got.Emitted == 10_000)
		assert.Equal(t, n == 10_001, len(letters(t, m)) == 1)
	}
}

// TestInFlightIsNeverExceeded looks at the Stats, from within and without, while a slow organ
// holds everything up.
func TestInFlightIsNeverExceeded(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var r *spinetest.Running
		var most, mostBytes atomic.Int64
		slow := failing("slow", func(context.Context, int) error {
			time.Sleep(time.Millisecond)
			n := r.Stats()
			most.Store(max(most.Load(), int64(n.InFlight)))
			mostBytes.Store(max(mostBytes.Load(), int64(n.InFlightBytes)))
			return nil
		})
		r = spinetest.Start(t, spine.NewMemory(), spine.WithInFlight(10, 3000), spine.WithOrgan(slow),
			spine.WithOrgan(sink("fast", newDiary[ping]())))
		r.Publish(repeat(200, func(i int) actors.Payload { return ping{i} })...)
		r.Idle()
		assert.LessOrEqual(t, most.Load(), int64(10))
		assert.LessOrEqual(t, mostBytes.Load(), int64(3000))
		assert.Greater(t, most.Load(), int64(1))
		assert.Equal(t, 200, r.Stats().Acked)
	})
}

func TestOneEventLargerThanTheBytesInFlightStillPasses(t *testing.T) {
	bubble(t, func(t *testing.T) {
		d := newDiary[text]()
		r := spinetest.Start(t, spine.NewMemory(), spine.WithInFlight(10, 1), spine.WithOrgan(sink("a", d)))
		r.Publish(text{strings.Repeat("x", 5000)}, text{"y"})
		r.Idle()
		assert.Len(t, d.entries(), 2)
	})
}

func TestResidentCellsAreBoundedAndComeBack(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := spinetest.Start(t, spine.NewMemory(), spine.WithResidentCells(4, time.Hour),
			spine.WithOrgan(accounts("accounts", fine), spine.Workers(2)))
		deposits := repeat(50, func(i int) actors.Payload { return deposit{fmt.Sprintf("a%d", i), i} })
		r.Publish(deposits...)
		r.Idle()
		r.Publish(deposits...)
		r.Idle()
		for i := range 50 {
			sum, err := spine.Ask[int](t.Context(), r, "accounts", fmt.Sprintf("a%d", i), howMuch{})
			require.NoError(t, err)
			assert.Equal(t, 2*i, sum)
		}
		cells := r.Stats().Organs["accounts"].Cells
		assert.LessOrEqual(t, cells.Resident, int64(8), "twice the bound while a batch is at work")
		assert.Positive(t, cells.Passivated)
	})
}

func TestIdleCellsArePassivated(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := spinetest.Start(t, spine.NewMemory(), spine.WithResidentCells(100, time.Minute),
			spine.WithOrgan(accounts("accounts", fine)))
		r.Publish(deposit{"a", 1}, deposit{"b", 2})
		r.Idle()
		assert.EqualValues(t, 2, r.Stats().Organs["accounts"].Cells.Resident)
		time.Sleep(3 * time.Minute)
		synctest.Wait()
		assert.Zero(t, r.Stats().Organs["accounts"].Cells.Resident)
		sum, err := spine.Ask[int](t.Context(), r, "accounts", "b", howMuch{})
		require.NoError(t, err)
		assert.Equal(t, 2, sum)
	})
}

func TestTooManyAbandonedHandlersEndTheRun(t *testing.T) {
	bubble(t, func(t *testing.T) {
		release := make(chan struct{})
		m := spine.NewMemory()
		s := quiet(t, m, spine.WithMaxAbandoned(3), spine.WithPolicy(once(supervision.Store)),
			spine.WithOrgan(failing("deaf", func(context.Context, int) error { <-release; return nil }), spine.Workers(3)),
			spine.WithOrgan(sink("fine", newDiary[ping]())))
		stop := running(t, s)
		_, err := s.Publish(t.Context(), ping{1}, ping{2}, ping{3}, ping{4})
		require.NoError(t, err)
		time.Sleep(time.Minute)
		synctest.Wait()
		require.ErrorIs(t, stop(), spine.ErrTooManyAbandoned)
		assert.Equal(t, 3, s.Stats().Abandoned)
		close(release)
		synctest.Wait()
		n, err := s.RunUntilIdle(t.Context())
		require.NoError(t, err, "what it owned is free, and it may run again")
		assert.Zero(t, n.InFlight)
	})
}

func TestFewerAbandonedHandlersDoNotEndTheRun(t *testing.T) {
	bubble(t, func(t *testing.T) {
		release := make(chan struct{})
		s := quiet(t, spine.NewMemory(), spine.WithMaxAbandoned(3), spine.WithPolicy(once(supervision.Store)),
			spine.WithOrgan(failing("deaf", func(context.Context, int) error { <-release; return nil }), spine.Workers(3)))
		n, err := s.RunUntilIdle(t.Context(), ping{1}, ping{2})
		require.NoError(t, err)
		assert.Equal(t, 2, n.Abandoned)
		assert.Equal(t, 2, n.DeadLetters)
		close(release)
	})
}

// looping emits itself for ever.
func looping(delay time.Duration, count *atomic.Int64) actors.Organ {
	return actors.NewOrgan("loop", actors.On(func(_ context.Context, ev actors.EventOf[ping]) ([]actors.Payload, error) {
		count.Add(1)
		return actors.Emit(actors.After(delay, ping{ev.Payload.N + 1})), nil
	}))
}

func TestHopLimitEndsACycle(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var count atomic.Int64
		m := spine.NewMemory()
		others := newDiary[pong]()
		r := spinetest.Start(t, m, spine.WithOrgan(looping(0, &count)), spine.WithOrgan(sink("other", others)))
		r.Publish(ping{0}, pong{1})
		r.Idle()
		assert.EqualValues(t, actors.DefaultHopLimit+1, count.Load(), "the root and 64 hops")
		ls := letters(t, m)
		require.Len(t, ls, 1)
		assert.Equal(t, actors.KindHops, ls[0].Reason)
		assert.Equal(t, actors.DefaultHopLimit+1, ls[0].Event.Hops())
		assert.Len(t, others.entries(), 1)
	})
}

func TestHopLimitIsSettable(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var count atomic.Int64
		s := quiet(t, spine.NewMemory(), spine.WithLimits(actors.Limits{Hops: 5}), spine.WithOrgan(looping(0, &count)))
		_, err := s.RunUntilIdle(t.Context(), ping{0})
		require.NoError(t, err)
		assert.EqualValues(t, 6, count.Load())
	})
}

func TestMaxStepsEndsRunUntilIdle(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var count atomic.Int64
		limit := actors.Limits{Hops: 60_000}
		s := quiet(t, spine.NewMemory(), spine.WithLimits(limit), spine.WithMaxSteps(100), spine.WithOrgan(looping(0, &count)))
		_, err := s.RunUntilIdle(t.Context(), ping{0})
		require.ErrorIs(t, err, spine.ErrMaxSteps)
		assert.EqualValues(t, 100, count.Load())
		exactly := quiet(t, spine.NewMemory(), spine.WithMaxSteps(100), spine.WithOrgan(sink("a", newDiary[ping]())))
		n, err := exactly.RunUntilIdle(t.Context(), repeat(100, func(i int) actors.Payload { return ping{i} })...)
		require.NoError(t, err, "at the limit all is well")
		assert.Equal(t, 100, n.Acked)
	})
}

func TestMaxStepsLosesNothing(t *testing.T) {
	bubble(t, func(t *testing.T) {
		m, d := spine.NewMemory(), newDiary[ping]()
		s := quiet(t, m, spine.WithMaxSteps(10), spine.WithOrgan(sink("a", d)))
		_, err := s.RunUntilIdle(t.Context(), repeat(25, func(i int) actors.Payload { return ping{i} })...)
		require.ErrorIs(t, err, spine.ErrMaxSteps)
		for errors.Is(err, spine.ErrMaxSteps) {
			_, err = s.RunUntilIdle(t.Context())
		}
		require.NoError(t, err)
		assert.Len(t, d.entries(), 25)
	})
}

func TestAsksPerLaneAreBounded(t *testing.T) {
	bubble(t, func(t *testing.T) {
		const most = 1024
		inside, release := make(chan struct{}), make(chan struct{})
		r := spinetest.Start(t, spine.NewMemory(), spine.WithOrgan(accounts("accounts", func(d deposit) error {
			if d.Cents == 0 {
				inside <- struct{}{}
				<-release
			}
			return nil
		}), spine.Workers(1)))
		r.Publish(deposit{"a", 1}, deposit{"a", 0})
		<-inside
		var good, busy atomic.Int64
		var group sync.WaitGroup
		for range most + 10 {
			group.Go(func() {
				switch _, err := spine.Ask[int](t.Context(), r, "accounts", "a", howMuch{}); {
				case err == nil:
					good.Add(1)
				case errors.Is(err, spine.ErrBusy):
					busy.Add(1)
				}
			})
		}
		synctest.Wait()
		assert.EqualValues(t, 10, busy.Load())
		close(release)
		group.Wait()
		assert.EqualValues(t, most, good.Load())
	})
}

func TestBacklogCapacityMakesPublishWait(t *testing.T) {
	bubble(t, func(t *testing.T) {
		m := spine.NewMemory(spine.WithCapacity(3))
		s := quiet(t, m, spine.WithOrgan(sink("a", newDiary[ping]())))
		ps := repeat(4, func(i int) actors.Payload { return ping{i} })
		_, err := s.Publish(t.Context(), ps[:3]...)
		require.NoError(t, err)
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		start := time.Now()
		ids, err := s.Publish(ctx, ps[3])
		require.ErrorIs(t, err, spine.ErrFull)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		assert.True(t, ids[0].IsZero())
		assert.Equal(t, time.Minute, time.Since(start))

		published := make(chan error, 1)
		go func() { _, err := s.Publish(t.Context(), ps[3]); published <- err }() // ends when there is room
		synctest.Wait()
		_, err = s.RunUntilIdle(t.Context())
		require.NoError(t, err)
		require.NoError(t, <-published)
	})
}

func TestBacklogCapacityRefusesWhereAsked(t *testing.T) {
	t.Parallel()
	m := spine.NewMemory(spine.WithCapacity(2), spine.RefuseWhenFull())
	s := quiet(t, m, spine.WithOrgan(emits(5, 50)))
	ids, err := s.Publish(t.Context(), ping{1}, ping{2}, ping{3})
	require.ErrorIs(t, err, spine.ErrFull)
	assert.ErrorContains(t, err, "payload 3 (PING)")
	assert.False(t, ids[0].IsZero())
	assert.False(t, ids[1].IsZero())
	assert.True(t, ids[2].IsZero())
	n, err := s.RunUntilIdle(t.Context())
	require.NoError(t, err)
	assert.Equal(t, 10, n.Emitted, "a settlement is never refused for lack of room")
}

func TestUnwantedTypesAreBoundedInTheStats(t *testing.T) {
	t.Parallel()
	s := quiet(t, spine.NewMemory())
	for i := range 1100 {
		require.NoError(t, s.PublishEvents(t.Context(), eventOf(t, fmt.Sprintf("T%d", i), `{}`)))
	}
	n, err := s.RunUntilIdle(t.Context())
	require.NoError(t, err)
	assert.Len(t, n.Unwanted, 1001)
	assert.Equal(t, 100, n.Unwanted["(other)"])
	assert.Equal(t, 1100, n.Acked)
}
