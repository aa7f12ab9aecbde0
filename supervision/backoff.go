package supervision

import (
	"math"
	"time"
)

// Backoff is how long to wait before an event is tried again: Base after the first failed
// attempt, Factor times as long after each further one, never longer than Max, each wait
// made shorter or longer by up to the share Jitter of itself.
type Backoff struct {
	Base   time.Duration
	Factor float64 // 1 or more
	Max    time.Duration
	Jitter float64 // 0 to 1; 0.2 is ±20 %
}

// Defaults of Backoff.
const (
	defaultBase   = 100 * time.Millisecond
	defaultFactor = 4
	defaultMax    = 30 * time.Second
	defaultJitter = 0.2
)

// Exponential returns a Backoff from base to most with factor 4 and ±20 % jitter.
func Exponential(base, most time.Duration) Backoff {
	return Backoff{Base: base, Factor: defaultFactor, Max: most, Jitter: defaultJitter}
}

// Delay returns the wait after failed attempt number attempt, 1 for the first, for a random
// rnd in [0,1); 0.5 means no jitter. It is between 0 and Max*(1+Jitter) for every attempt, and
// for the same rnd never shorter than after the attempt before.
func (b Backoff) Delay(attempt int, rnd float64) time.Duration {
	wait := float64(b.Base) * math.Pow(b.Factor, float64(max(attempt, 1)-1))
	// Stated so that the infinity of a huge attempt, and what is no number, count as too long.
	if wait < float64(b.Max) {
		return b.jittered(time.Duration(wait), rnd)
	}
	return b.longest(rnd)
}

// longest is the wait of a redelivery: Max, jittered.
func (b Backoff) longest(rnd float64) time.Duration { return b.jittered(b.Max, rnd) }

// jittered moves wait by up to Jitter of itself, down for rnd below a half and up above.
func (b Backoff) jittered(wait time.Duration, rnd float64) time.Duration {
	wait = max(wait, 0)
	shift := float64(wait) * b.Jitter * (2*rnd - 1)
	if shift >= float64(math.MaxInt64-wait) {
		return math.MaxInt64
	}
	return max(wait+time.Duration(shift), 0)
}
