package supervision_test

import (
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/necrostack/necrostack/supervision"
)

// thirty is a breaker that opens for thirty seconds after three failures in a row.
func thirty() *supervision.Breaker {
	return supervision.NewBreaker(supervision.BreakerPolicy{Failures: 3, Open: 30 * time.Second})
}

func TestBreakerOpensAfterFailuresInARow(t *testing.T) {
	t.Parallel()
	b := thirty()
	for range 3 {
		assert.True(t, b.Allow())
		assert.Equal(t, supervision.Closed, b.State())
		b.Failure()
	}
	assert.False(t, b.Allow())
	assert.Equal(t, supervision.Open, b.State())
}

func TestSuccessStartsTheCountAgain(t *testing.T) {
	t.Parallel()
	b := thirty()
	b.Failure()
	b.Failure()
	b.Success()
	b.Failure()
	b.Failure()
	assert.True(t, b.Allow())
	b.Failure()
	assert.False(t, b.Allow())
}

func TestBreakerWithoutACountIsOnlyTripped(t *testing.T) {
	t.Parallel()
	b := supervision.NewBreaker(supervision.BreakerPolicy{})
	for range 1000 {
		b.Failure()
		b.Success()
	}
	assert.True(t, b.Allow())
	b.Trip()
	assert.False(t, b.Allow())
}

func TestBreakerStaysOpenForThirtySecondsByDefault(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := supervision.NewBreaker(supervision.BreakerPolicy{})
		assert.Zero(t, b.Remaining())
		b.Trip()
		assert.Equal(t, 30*time.Second, b.Remaining())
		time.Sleep(29 * time.Second)
		assert.Equal(t, time.Second, b.Remaining())
		assert.False(t, b.Allow())
		time.Sleep(time.Second)
		assert.Zero(t, b.Remaining())
		assert.Equal(t, supervision.HalfOpen, b.State(), "without an attempt")
	})
}

func TestHalfOpenBreakerLetsOneProbeThrough(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := thirty()
		b.Trip()
		time.Sleep(30 * time.Second)
		assert.True(t, b.Allow())
		assert.Equal(t, supervision.HalfOpen, b.State())
		assert.False(t, b.Allow())
		time.Sleep(time.Hour)
		assert.False(t, b.Allow(), "a probe may take its time")
	})
}

func TestProbeThatSucceedsClosesTheBreaker(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := thirty()
		b.Trip()
		time.Sleep(30 * time.Second)
		assert.True(t, b.Allow())
		b.Success()
		assert.Equal(t, supervision.Closed, b.State())
		b.Failure()
		b.Failure()
		assert.True(t, b.Allow(), "the count begins again")
		b.Failure()
		assert.False(t, b.Allow())
	})
}

func TestProbeThatFailsOpensTheBreakerAgain(t *testing.T) {
	t.Parallel()
	for name, failures := range map[string]int{"counting": 3, "tripped only": 0} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				b := supervision.NewBreaker(supervision.BreakerPolicy{Failures: failures, Open: 30 * time.Second})
				b.Trip()
				time.Sleep(30 * time.Second)
				assert.True(t, b.Allow())
				b.Failure()
				assert.Equal(t, supervision.Open, b.State())
				assert.Equal(t, 30*time.Second, b.Remaining(), "for its full time")
			})
		})
	}
}

func TestBreakerProbesUntilItCloses(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := thirty()
		b.Trip()
		for range 5 {
			time.Sleep(30 * time.Second)
			assert.True(t, b.Allow())
			b.Failure()
			assert.False(t, b.Allow())
		}
		time.Sleep(30 * time.Second)
		assert.True(t, b.Allow())
		b.Success()
		assert.True(t, b.Allow())
	})
}

func TestReleasedProbeSaysNothing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := thirty()
		b.Trip()
		time.Sleep(30 * time.Second)
		assert.True(t, b.Allow())
		b.Release()
		assert.Equal(t, supervision.HalfOpen, b.State())
		assert.True(t, b.Allow(), "the next probe")
		assert.False(t, b.Allow())
	})
}

func TestReleaseOfAClosedBreakerChangesNothing(t *testing.T) {
	t.Parallel()
	b := thirty()
	b.Failure()
	b.Failure()
	b.Release()
	assert.True(t, b.Allow())
	b.Failure()
	assert.False(t, b.Allow(), "a release is no success")
}

// Results that arrive while nothing is being probed are those of attempts that began before the
// breaker opened. They say nothing about now.
func TestLateResultsDoNotMoveTheBreaker(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := thirty()
		b.Trip()
		b.Success()
		b.Failure()
		assert.Equal(t, 30*time.Second, b.Remaining())
		time.Sleep(30 * time.Second)
		b.Success()
		assert.Equal(t, supervision.HalfOpen, b.State())
		b.Failure()
		assert.Equal(t, supervision.HalfOpen, b.State())
		assert.True(t, b.Allow(), "the probe is still to come")
	})
}

func TestTripEndsAProbe(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := thirty()
		b.Trip()
		time.Sleep(30 * time.Second)
		assert.True(t, b.Allow())
		b.Trip()
		assert.Equal(t, 30*time.Second, b.Remaining())
		b.Success()
		assert.Equal(t, supervision.Open, b.State(), "the probe was void")
		time.Sleep(30 * time.Second)
		assert.True(t, b.Allow())
	})
}

func TestTripDoesNotKeepAnOpenBreakerOpen(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := thirty()
		b.Trip()
		time.Sleep(20 * time.Second)
		b.Trip()
		assert.Equal(t, 10*time.Second, b.Remaining())
		time.Sleep(10 * time.Second)
		b.Trip()
		assert.Equal(t, 30*time.Second, b.Remaining(), "a half-open one opens again")
	})
}

func TestAllowOfAClosedBreakerDoesNotAllocate(t *testing.T) {
	// Not parallel: AllocsPerRun counts what all goroutines allocate.
	b := thirty()
	assert.Zero(t, testing.AllocsPerRun(100, func() { b.Allow() }))
	assert.Zero(t, testing.AllocsPerRun(100, func() { b.Success() }))
}

func TestManyGoroutinesGetOneProbe(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := thirty()
		b.Trip()
		time.Sleep(30 * time.Second)
		var wg sync.WaitGroup
		allowed := make(chan bool, 50)
		for range cap(allowed) {
			wg.Go(func() { allowed <- b.Allow() })
		}
		wg.Wait()
		close(allowed)
		probes := 0
		for ok := range allowed {
			if ok {
				probes++
			}
		}
		assert.Equal(t, 1, probes)
	})
}

// Under the race detector this shows that every method may be called by everybody.
func TestBreakerIsSafeForConcurrentUse(t *testing.T) {
	t.Parallel()
	b := supervision.NewBreaker(supervision.BreakerPolicy{Failures: 2, Open: time.Nanosecond})
	var wg sync.WaitGroup
	for range 4 {
		for _, use := range []func(){
			b.Success, b.Failure, b.Trip, b.Release,
			func() { b.Allow() }, func() { b.State() }, func() { b.Remaining() },
		} {
			wg.Go(func() {
				for range 200 {
					use()
				}
			})
		}
	}
	wg.Wait()
	b.Trip()
	assert.Contains(t, []supervision.State{supervision.Open, supervision.HalfOpen}, b.State())
}

func TestStatesHaveTheirText(t *testing.T) {
	t.Parallel()
	assert.Equal(t, "closed", supervision.Closed.String())
	assert.Equal(t, "open", supervision.Open.String())
	assert.Equal(t, "half_open", supervision.HalfOpen.String())
	assert.Equal(t, "state(3)", supervision.State(3).String())
}

func BenchmarkBreakerAllow(b *testing.B) {
	breaker := thirty()
	b.ReportAllocs()
	for b.Loop() {
		breaker.Allow()
	}
}
