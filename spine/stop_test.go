package spine_test

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/necrostack/necrostack/actors"
	"github.com/necrostack/necrostack/spine"
	"github.com/necrostack/necrostack/supervision"
)

func TestDrainLetsRunningHandlersFinish(t *testing.T) {
	bubble(t, func(t *testing.T) {
		done := newDiary[int]()
		m := spine.NewMemory()
		s := quiet(t, m, spine.WithOrgan(failing("slow", func(ctx context.Context, n int) error {
			time.Sleep(5 * time.Second)
			done.add(n)
			return ctx.Err()
		})))
		stop := running(t, s)
		_, err := s.Publish(t.Context(), repeat(10, func(i int) actors.Payload { return ping{i} })...)
		require.NoError(t, err)
		synctest.Wait()
		require.NoError(t, stop())
		assert.Equal(t, []int{0}, done.entries(), "what runs goes on, what is queued goes back")
		assert.Equal(t, []time.Duration{5 * time.Second}, done.times())
		assert.Equal(t, 1, s.Stats().Acked)

		n, err := s.RunUntilIdle(t.Context())
		require.NoError(t, err)
		assert.Equal(t, 9, n.Acked, "the rest comes in the next run")
		assert.ElementsMatch(t, []int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}, done.entries())
	})
}

func TestInterruptedIsNoAttempt(t *testing.T) {
	bubble(t, func(t *testing.T) {
		attempts := newDiary[int]()
		m := spine.NewMemory()
		s := quiet(t, m, spine.WithDrain(3*time.Second), spine.WithPolicy(once(supervision.Store)),
			spine.WithOrgan(failing("slow", func(ctx context.Context, n int) error {
				if attempts.add(actors.Attempt(ctx)) > 1 {
					return nil
				}
				<-ctx.Done()
				return ctx.Err()
			})))
		stop := running(t, s)
		_, err := s.Publish(t.Context(), ping{1})
		require.NoError(t, err)
		synctest.Wait()
		start := time.Now()
		err = stop()
		require.ErrorIs(t, err, spine.ErrDrain)
		var d *spine.DrainError
		require.ErrorAs(t, err, &d)
		assert.Equal(t, spine.DrainError{Interrupted: 1}, *d)
		assert.Equal(t, 3*time.Second, time.Since(start))
		n, err := s.RunUntilIdle(t.Context())
		require.NoError(t, err)
		assert.Equal(t, 1, n.Acked)
		assert.Equal(t, []int{1, 1}, attempts.entries())
		assert.Empty(t, letters(t, m))
	})
}

func TestAHandlerThatBlocksForEverIsAbandonedByTheDrain(t *testing.T) {
	bubble(t, func(t *testing.T) {
		release := make(chan struct{})
		m := spine.NewMemory()
		s := quiet(t, m, spine.WithOrgan(failing("deaf", func(context.Context, int) error { <-release; return nil })))
		stop := running(t, s)
		_, err := s.Publish(t.Context(), ping{1})
		require.NoError(t, err)
		synctest.Wait()
		start := time.Now()
		err = stop()
		var d *spine.DrainError
		require.ErrorAs(t, err, &d)
		assert.Equal(t, 1, d.Interrupted)
		assert.Less(t, time.Since(start), 15*time.Second)
		close(release)
		b, err := m.Backlog(t.Context())
		require.NoError(t, err)
		assert.Equal(t, 1, b.Ready, "the event went back")
	})
}

func TestASpineRunsAgainWithItsCells(t *testing.T) {
	bubble(t, func(t *testing.T) {
		m := spine.NewMemory()
		s := quiet(t, m, spine.WithOrgan(accounts("accounts", fine)))
		for range 3 {
			_, err := s.RunUntilIdle(t.Context(), deposit{"a", 10})
			require.NoError(t, err)
		}
		other := quiet(t, m.Attach(), spine.WithOrgan(accounts("accounts", fine)))
		stop := running(t, other)
		synctest.Wait()
		sum, err := spine.Ask[int](t.Context(), other, "accounts", "a", howMuch{})
		require.NoError(t, err)
		assert.Equal(t, 30, sum)
		require.NoError(t, stop())
	})
}

func TestRunTwiceAtOnceIsAnError(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := quiet(t, spine.NewMemory(), spine.WithOrgan(sink("a", newDiary[ping]())))
		stop := running(t, s)
		synctest.Wait()
		assert.ErrorIs(t, s.Run(t.Context()), spine.ErrRunning)
		_, err := s.RunUntilIdle(t.Context())
		assert.ErrorIs(t, err, spine.ErrRunning)
		require.NoError(t, stop())
	})
}

func TestRunWithAnEndedContextReturns(t *testing.T) {
	bubble(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		s := quiet(t, spine.NewMemory(), spine.WithOrgan(sink("a", newDiary[ping]())))
		require.NoError(t, s.Run(ctx))
	})
}

func TestStopInTheMidstOfRetriesLosesNoAttempt(t *testing.T) {
	bubble(t, func(t *testing.T) {
		attempts := newDiary[int]()
		m := spine.NewMemory()
		s := quiet(t, m, spine.WithPolicy(steady(supervision.Store)),
			spine.WithOrgan(failing("bad", func(ctx context.Context, _ int) error { attempts.add(actors.Attempt(ctx)); return errBad })))
		stop := running(t, s)
		_, err := s.Publish(t.Context(), ping{1})
		require.NoError(t, err)
		time.Sleep(1500 * time.Millisecond)
		require.NoError(t, stop(), "what waits for a retry does not hold up the stop")
		_, err = s.RunUntilIdle(t.Context())
		require.NoError(t, err)
		assert.Equal(t, []int{1, 2, 3}, attempts.entries())
		assert.Equal(t, []time.Duration{0, time.Second, 3 * time.Second}, attempts.times())
		require.Len(t, letters(t, m), 1)
		assert.Equal(t, 3*time.Second, letters(t, m)[0].Last.Sub(letters(t, m)[0].First))
	})
}

// unreachable is a backend whose Pulls fail while it is down.
type unreachable struct {
	*spine.Memory
	down  atomic.Bool
	pulls atomic.Int64
}

func (u *unreachable) Pull(ctx context.Context, w spine.Want) ([]spine.Delivery, error) {
	u.pulls.Add(1)
	if u.down.Load() {
		return nil, errors.New("connection refused")
	}
	return u.Memory.Pull(ctx, w)
}

func TestBackendThatComesBackIsUsedAgain(t *testing.T) {
	bubble(t, func(t *testing.T) {
		u := &unreachable{Memory: spine.NewMemory()}
		u.down.Store(true)
		d := newDiary[ping]()
		s := quiet(t, u, spine.WithOrgan(sink("a", d)))
		stop := running(t, s)
		_, err := s.Publish(t.Context(), ping{1})
		require.NoError(t, err)
		time.Sleep(time.Minute)
		assert.Less(t, u.pulls.Load(), int64(100), "it backs off")
		assert.Empty(t, d.entries())
		u.down.Store(false)
		time.Sleep(2 * time.Second)
		assert.Len(t, d.entries(), 1)
		assert.Positive(t, s.Stats().BackendErrors)
		require.NoError(t, stop())
	})
}

func TestBackendFailuresInARowEndTheRunWhereAsked(t *testing.T) {
	bubble(t, func(t *testing.T) {
		u := &unreachable{Memory: spine.NewMemory()}
		u.down.Store(true)
		s := quiet(t, u, spine.WithBackendFailures(10), spine.WithOrgan(sink("a", newDiary[ping]())))
		err := s.Run(t.Context())
		require.ErrorIs(t, err, spine.ErrBackendUnavailable)
		assert.ErrorContains(t, err, "connection refused")
		assert.EqualValues(t, 10, u.pulls.Load())
	})
}

func enqueueFails(mode spine.EnqueueMode, tries *diary[int], options ...spine.Option) []spine.Option {
	huge := actors.NewOrgan("huge", actors.On(func(ctx context.Context, _ actors.EventOf[ping]) ([]actors.Payload, error) {
		tries.add(actors.Attempt(ctx))
		return actors.Emit(text{strings.Repeat("x", 100)}), nil
	}))
	return append(options, spine.WithEnqueueFailure(mode), spine.WithPolicy(steady(supervision.Log)), spine.WithOrgan(huge),
		spine.WithLimits(actors.Limits{Payload: 50}), spine.WithChecking())
}

func TestEnqueueFailureStoreDeadLettersEvenUnderLog(t *testing.T) {
	bubble(t, func(t *testing.T) {
		m, tries := spine.NewMemory(), newDiary[int]()
		_, err := quiet(t, m, enqueueFails(spine.EnqueueStore, tries)...).RunUntilIdle(t.Context(), ping{1})
		require.NoError(t, err)
		require.Len(t, letters(t, m), 1)
		assert.Equal(t, actors.KindEnqueue, letters(t, m)[0].Reason)
		assert.Equal(t, []int{1}, tries.entries())
	})
}

func TestEnqueueFailureFailEndsTheRunAndKeepsTheEvent(t *testing.T) {
	bubble(t, func(t *testing.T) {
		m, tries := spine.NewMemory(), newDiary[int]()
		_, err := quiet(t, m, enqueueFails(spine.EnqueueFail, tries)...).RunUntilIdle(t.Context(), ping{1})
		require.ErrorIs(t, err, spine.ErrEnqueue)
		var l *actors.LimitError
		require.ErrorAs(t, err, &l)
		assert.ErrorContains(t, err, "organ huge")
		assert.Equal(t, []int{1}, tries.entries())
		b, err := m.Backlog(t.Context())
		require.NoError(t, err)
		assert.Equal(t, 1, b.Ready)
		assert.Empty(t, letters(t, m))
	})
}

func TestEnqueueFailureRetryTriesAgainAndThenFails(t *testing.T) {
	bubble(t, func(t *testing.T) {
		m, tries := spine.NewMemory(), newDiary[int]()
		_, err := quiet(t, m, enqueueFails(spine.EnqueueRetry, tries)...).RunUntilIdle(t.Context(), ping{1})
		require.ErrorIs(t, err, spine.ErrEnqueue)
		assert.Equal(t, []time.Duration{0, time.Second, 3 * time.Second}, tries.times())
		assert.Empty(t, letters(t, m))
	})
}
