package supervision_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/necrostack/necrostack/supervision"
)

var epoch = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

func TestFirstRestartIsAtOnce(t *testing.T) {
	t.Parallel()
	b := supervision.NewBudget(supervision.Restarts{Max: 3, Within: time.Minute})
	delay, ok := b.Next(epoch)
	assert.True(t, ok)
	assert.Zero(t, delay)
}

func TestRestartsWaitLongerAndLonger(t *testing.T) {
	t.Parallel()
	b := supervision.NewBudget(supervision.Restarts{Max: 100, Within: time.Hour})
	b.Next(epoch)
	for i, want := range []time.Duration{10, 20, 40, 80, 160, 320, 640, 1280, 2560} {
		delay, ok := b.Next(epoch)
		require.True(t, ok)
		assert.InDelta(t, want*time.Millisecond, delay, float64(want*time.Millisecond)/5+1, "restart %d", i+2)
	}
	for range 20 {
		delay, ok := b.Next(epoch)
		require.True(t, ok)
		assert.LessOrEqual(t, delay, 5*time.Second)
		assert.GreaterOrEqual(t, delay, 4*time.Second)
	}
}

// Waits of 5 s would let a lane that always panics restart for ever within a budget of 100 a
// minute: nobody would be told.
func TestOneLaneThatAlwaysPanicsUsesUpTheBudget(t *testing.T) {
	t.Parallel()
	b := supervision.NewBudget(supervision.Default().Restarts)
	now := epoch
	for range 1000 {
		delay, ok := b.Next(now)
		if !ok {
			assert.Less(t, now.Sub(epoch), time.Minute)
			return
		}
		now = now.Add(delay)
	}
	t.Error("the budget never ran out")
}

func TestBudgetRunsOut(t *testing.T) {
	t.Parallel()
	b := supervision.NewBudget(supervision.Restarts{Max: 3, Within: time.Minute})
	for i := range 3 {
		_, ok := b.Next(epoch.Add(time.Duration(i) * time.Second))
		assert.True(t, ok)
	}
	delay, ok := b.Next(epoch.Add(59 * time.Second))
	assert.False(t, ok)
	assert.Zero(t, delay)
}

func TestBudgetWindowSlides(t *testing.T) {
	t.Parallel()
	b := supervision.NewBudget(supervision.Restarts{Max: 2, Within: time.Minute})
	b.Next(epoch)
	b.Next(epoch.Add(40 * time.Second))
	_, ok := b.Next(epoch.Add(59 * time.Second))
	require.False(t, ok)
	delay, ok := b.Next(epoch.Add(60 * time.Second))
	assert.True(t, ok, "the first restart has left the window, and the refusal cost nothing")
	assert.Positive(t, delay, "the window was not quiet")
	_, ok = b.Next(epoch.Add(99 * time.Second))
	assert.False(t, ok)
}

func TestQuietWindowStartsAgain(t *testing.T) {
	t.Parallel()
	b := supervision.NewBudget(supervision.Restarts{Max: 5, Within: time.Minute})
	for range 6 {
		b.Next(epoch)
	}
	later := epoch.Add(time.Minute)
	delay, ok := b.Next(later)
	assert.True(t, ok)
	assert.Zero(t, delay)
	delay, ok = b.Next(later)
	assert.True(t, ok)
	assert.InDelta(t, 10*time.Millisecond, delay, float64(2*time.Millisecond)+1)
}

func TestZeroRestartsAreAHundredAMinute(t *testing.T) {
	t.Parallel()
	b := supervision.NewBudget(supervision.Restarts{})
	for range 100 {
		_, ok := b.Next(epoch)
		require.True(t, ok)
	}
	_, ok := b.Next(epoch.Add(time.Minute - 1))
	assert.False(t, ok)
	_, ok = b.Next(epoch.Add(time.Minute))
	assert.True(t, ok)
}

func TestNoWindowHasMoreRestartsThanTheBudget(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		limit := supervision.Restarts{
			Max:    rapid.IntRange(1, 8).Draw(t, "max"),
			Within: time.Duration(rapid.IntRange(1, 60).Draw(t, "within")) * time.Second,
		}
		b := supervision.NewBudget(limit)
		var granted []time.Time
		now := epoch
		for _, ms := range rapid.SliceOfN(rapid.IntRange(0, 20_000), 1, 60).Draw(t, "gaps") {
			now = now.Add(time.Duration(ms) * time.Millisecond)
			inWindow := 0
			for _, g := range granted {
				if now.Sub(g) < limit.Within {
					inWindow++
				}
			}
			delay, ok := b.Next(now)
			if ok != (inWindow < limit.Max) {
				t.Fatalf("ok is %v with %d restarts in the window, budget %d", ok, inWindow, limit.Max)
			}
			if (delay == 0) != (!ok || inWindow == 0) || delay < 0 || delay > 5*time.Second {
				t.Fatalf("delay is %v with %d restarts in the window", delay, inWindow)
			}
			if ok {
				granted = append(granted, now)
			}
		}
	})
}
