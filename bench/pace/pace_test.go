package pace_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/necrostack/necrostack/bench/pace"
)

func TestStartsHappenWhenTheyAreDue(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		begin := time.Now().Add(time.Second)
		p := pace.For(begin, 100, time.Second)
		require.Equal(t, 100, p.N)
		var at []time.Time
		lag, err := p.Drive(t.Context(), 10, func(first, n int) error {
			require.Equal(t, len(at), first)
			for range n {
				at = append(at, time.Now())
			}
			return nil
		})
		require.NoError(t, err)
		require.Len(t, at, 100)
		for i := range at {
			assert.WithinDuration(t, begin.Add(time.Duration(i)*10*time.Millisecond), at[i], time.Microsecond)
		}
		assert.LessOrEqual(t, lag.Quantiles().Max, time.Microsecond)
	})
}

// TestPauseMakesEveryStartInItLate: this is what coordinated omission would leave out.
func TestPauseMakesEveryStartInItLate(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := pace.For(time.Now(), 1000, 2*time.Second)
		calls := 0
		lag, err := p.Drive(t.Context(), 256, func(first, n int) error {
			if calls++; calls == 1 {
				time.Sleep(time.Second)
			}
			return nil
		})
		require.NoError(t, err)
		q := lag.Quantiles()
		assert.EqualValues(t, 2000, q.Count)
		// Half of the starts were due in the pause, and late by half of it on average.
		assert.InDelta(t, 250, q.Mean.Milliseconds(), 5)
		assert.InDelta(t, 1000, q.Max.Milliseconds(), 5)
	})
}

func TestDriveEndsWithItsContextAndWithTheFirstError(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		enough := errors.New("enough")
		ctx, cancel := context.WithTimeoutCause(t.Context(), time.Second, enough)
		defer cancel()
		_, err := pace.For(time.Now(), 10, time.Minute).Drive(ctx, 1, func(int, int) error { return nil })
		require.ErrorIs(t, err, enough)
		bad := errors.New("bad")
		_, err = pace.For(time.Now(), 10, time.Minute).Drive(t.Context(), 1, func(int, int) error { return bad })
		assert.ErrorIs(t, err, bad)
	})
}

func TestPlanHasAtLeastOneStart(t *testing.T) {
	t.Parallel()
	p := pace.For(time.Now(), 0.001, time.Second)
	assert.Equal(t, 1, p.N)
	assert.Equal(t, 0, p.Due(p.Begin.Add(-1)))
	assert.Equal(t, 1, p.Due(p.Begin))
	assert.Equal(t, 1, p.Due(p.End()))
}
