package host

import (
	"time"

	"github.com/necrostack/necrostack/actors"
	"github.com/necrostack/necrostack/supervision"
)

// gate lets a Ref's fresh events through as far as the organ's breaker does. It is under the Ref's
// lock.
type gate struct {
	breaker   *supervision.Breaker
	probe     *Lane // has the probe of a breaker that is half open
	succeeded bool  // in this batch, since the last failure
	heard     bool  // the probe, if it is of this batch, has its result
}

// admits says how many fresh tasks a lane may have. After a probe it is owed a call of begun.
func (g *gate) admits(limit int) (fresh int, probe bool) {
	switch g.breaker.State() {
	case supervision.Closed:
		return limit, false
	case supervision.HalfOpen:
		if g.probe == nil && g.breaker.Allow() {
			return 1, true
		}
	}
	return 0, false
}

// begun says which lane has the probe; nil that there was nothing to probe with.
func (g *gate) begun(l *Lane) {
	g.probe = l
	if l == nil {
		g.breaker.Release()
	}
}

func (g *gate) success() { g.succeeded, g.heard = true, true }

// failure tells the breaker. Successes it hears of once per run of them, which is the same to a count of
// failures in a row.
func (g *gate) failure(k actors.Kind) {
	if k.Permanent() {
		// A bad event says nothing against the organ: whatever it depends on has answered.
		g.success()
		return
	}
	g.settle()
	g.heard = true
	g.breaker.Failure()
}

func (g *gate) settle() {
	if g.succeeded {
		g.succeeded = false
		g.breaker.Success()
	}
}

// ended is called when a lane's batch has been gone through.
func (g *gate) ended(l *Lane) {
	g.settle()
	heard := g.heard
	g.heard = false
	if g.probe != l {
		return
	}
	g.probe = nil
	if !heard {
		g.breaker.Release()
	}
}

// opens is how long it takes until an open breaker lets a probe through; 0 when it is not open.
func (g *gate) opens() time.Duration { return g.breaker.Remaining() }
