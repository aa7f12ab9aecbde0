package supervision_test

import (
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"pgregory.net/rapid"

	"github.com/necrostack/necrostack/supervision"
)

func TestDelayGrowsByTheFactorUpToMax(t *testing.T) {
	t.Parallel()
	b := supervision.Exponential(100*time.Millisecond, 30*time.Second)
	var got []time.Duration
	for attempt := 1; attempt <= 7; attempt++ {
		got = append(got, b.Delay(attempt, noJitter))
	}
	assert.Equal(t, []time.Duration{
		100 * time.Millisecond, 400 * time.Millisecond, 1600 * time.Millisecond, 6400 * time.Millisecond,
		25600 * time.Millisecond, 30 * time.Second, 30 * time.Second,
	}, got)
}

func TestJitterMovesTheDelayBothWays(t *testing.T) {
	t.Parallel()
	b := supervision.Exponential(time.Second, 30*time.Second)
	assert.Equal(t, 800*time.Millisecond, b.Delay(1, 0))
	assert.Equal(t, 1100*time.Millisecond, b.Delay(1, 0.75))
	assert.InDelta(t, 36*time.Second, b.Delay(50, math.Nextafter(1, 0)), 1, "Max is jittered too")
}

func TestDelayOfNoAttemptIsTheFirst(t *testing.T) {
	t.Parallel()
	b := supervision.Exponential(time.Second, 30*time.Second)
	assert.Equal(t, time.Second, b.Delay(0, noJitter))
	assert.Equal(t, time.Second, b.Delay(math.MinInt, noJitter))
}

func TestDelayOfOddBackoffsIsStillADelay(t *testing.T) {
	t.Parallel()
	for name, b := range map[string]supervision.Backoff{
		"zero":          {},
		"negative base": {Base: -time.Second, Factor: 4, Max: time.Minute, Jitter: 0.2},
		"negative max":  {Base: time.Second, Factor: 4, Max: -time.Minute, Jitter: 0.2},
		"no number":     {Base: time.Second, Factor: math.NaN(), Max: time.Minute, Jitter: 0.2},
		"infinite":      {Base: time.Second, Factor: math.Inf(1), Max: time.Minute, Jitter: 0.2},
		"much jitter":   {Base: time.Second, Factor: 4, Max: time.Minute, Jitter: 2},
	} {
		for _, attempt := range []int{1, 2, 1000, math.MaxInt} {
			for _, rnd := range []float64{0, noJitter, 0.999} {
				got := b.Delay(attempt, rnd)
				assert.GreaterOrEqual(t, got, time.Duration(0), "%s, attempt %d, rnd %v", name, attempt, rnd)
				assert.LessOrEqual(t, got, 3*time.Minute, "%s, attempt %d, rnd %v", name, attempt, rnd)
			}
		}
	}
}

func TestLongestDelayDoesNotOverflow(t *testing.T) {
	t.Parallel()
	b := supervision.Backoff{Base: 1, Factor: 1000, Max: math.MaxInt64, Jitter: 1}
	assert.Equal(t, time.Duration(math.MaxInt64), b.Delay(math.MaxInt, 0.999))
	b.Jitter = 0
	assert.Equal(t, time.Duration(math.MaxInt64), b.Delay(math.MaxInt, 0))
}

func drawBackoff(t *rapid.T) supervision.Backoff {
	base := rapid.Int64Range(1, int64(time.Hour)).Draw(t, "base")
	return supervision.Backoff{
		Base:   time.Duration(base),
		Factor: float64(rapid.IntRange(100, 2000).Draw(t, "factor %")) / 100,
		Max:    time.Duration(rapid.Int64Range(base, int64(24*time.Hour)).Draw(t, "max")),
		Jitter: rapid.Float64Range(0, 1).Draw(t, "jitter"),
	}
}

func TestDelayStaysWithinItsBounds(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		b := drawBackoff(t)
		attempt := rapid.IntRange(1, math.MaxInt).Draw(t, "attempt")
		got := b.Delay(attempt, rapid.Float64Range(0, math.Nextafter(1, 0)).Draw(t, "rnd"))
		if most := b.Max + time.Duration(float64(b.Max)*b.Jitter); got < 0 || got > most {
			t.Fatalf("delay is %v, want 0 to %v", got, most)
		}
		plain := b.Delay(attempt, noJitter)
		if off := float64((got - plain).Abs()); off > float64(plain)*b.Jitter+1 {
			t.Fatalf("delay is %v, %v without jitter", got, plain)
		}
	})
}

func TestDelayNeverShrinks(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		b := drawBackoff(t)
		rnd := rapid.Float64Range(0, math.Nextafter(1, 0)).Draw(t, "rnd")
		attempt := rapid.IntRange(1, 200).Draw(t, "attempt")
		if before, after := b.Delay(attempt, rnd), b.Delay(attempt+1, rnd); after < before {
			t.Fatalf("%v after attempt %d, %v after the next", before, attempt, after)
		}
	})
}
