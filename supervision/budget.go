package supervision

import (
	"slices"
	"time"

	"github.com/cenkalti/backoff/v5"
)

// Budget is the restart budget of one organ: how long the next restart has to wait, and when
// restarting is no help any more. It is for one goroutine.
type Budget struct {
	policy   Restarts
	longest  time.Duration
	waits    backoff.ExponentialBackOff
	restarts []time.Time // those within the window, at most policy.Max
}

// The waits before restarts. Five seconds are short enough for a repaired dependency to be
// noticed soon, and long enough that a broken one costs next to nothing. They are shorter where
// the budget asks for it: see longestWait.
const (
	firstRestartWait   = 10 * time.Millisecond
	longestRestartWait = 5 * time.Second
	restartFactor      = 2
	restartJitter      = 0.2
)

// NewBudget returns a full budget. The zero fields of r mean their defaults.
func NewBudget(r Restarts) *Budget {
	r = r.withDefaults()
	longest := longestWait(r)
	return &Budget{
		policy:  r,
		longest: longest,
		waits: backoff.ExponentialBackOff{
			InitialInterval:     min(firstRestartWait, longest),
			RandomizationFactor: restartJitter,
			Multiplier:          restartFactor,
			MaxInterval:         longest,
		},
	}
}

// longestWait leaves a single lane that panics at every restart time to use up the budget: with longer
// waits the budget could not run out, and its organ's breaker would never open.
func longestWait(r Restarts) time.Duration {
	return min(longestRestartWait, max(r.Within/time.Duration(2*r.Max), time.Millisecond))
}

// Next asks for a restart at time now and returns how long to wait before it: 0 for the first after a
// quiet window, then exponentially more, with jitter, up to 5 s or half of Within/Max, whichever is less. ok is false, and nothing is
// spent, when the window that ends now has had its Max restarts. A whole window without any starts
// the waits from 0 again. Times must not run backwards.
func (b *Budget) Next(now time.Time) (delay time.Duration, ok bool) {
	b.restarts = slices.DeleteFunc(b.restarts, func(t time.Time) bool { return now.Sub(t) >= b.policy.Within })
	if len(b.restarts) >= b.policy.Max {
		return 0, false
	}
	quiet := len(b.restarts) == 0
	b.restarts = append(b.restarts, now)
	if quiet {
		b.waits.Reset()
		return 0, true
	}
	// The library jitters after it has applied its maximum.
	return min(b.waits.NextBackOff(), b.longest), true
}
