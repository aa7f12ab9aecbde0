package spine

import (
	"errors"
	"fmt"
	"time"
)

// stopping is how far a run is on its way to its end.
type stopping struct {
	draining    bool
	hurried     bool  // the drain time is over
	interrupted int   // events that went back because their handlers were interrupted
	err         error // why, when it is not the caller's wish
}

// drain begins the end: no more pulls, what is not begun goes back, what runs goes on.
func (c *core) drain(now time.Time) {
	c.begin(now)
	if c.stop.draining {
		return
	}
	c.stop.draining = true
	c.out.unhurry = true
	for _, o := range c.organs {
		if o.holds != nil {
			for _, i := range o.holds.unpark() {
				c.handBack(i, Later{Due: c.now})
			}
		}
		for _, l := range o.lanes {
			c.returnQueue(l, anyWork, Later{Due: c.now})
			for _, a := range l.asks {
				a.fail(ErrNotRunning)
			}
			l.asks = l.asks[:0]
		}
	}
}

// hurry ends the drain time: handlers are interrupted.
func (c *core) hurry(now time.Time) {
	c.begin(now)
	c.stop.hurried = true
	c.out.interrupt = true
}

// fail begins the end for a reason, the first of which is what Run returns.
func (c *core) fail(err error) {
	if c.stop.err == nil {
		c.stop.err = err
	}
	c.drain(c.now)
}

// checkEnd says that the run is over when nothing is left.
func (c *core) checkEnd() {
	if !c.stop.draining || c.credit.pulling || c.ledger.inHand() > 0 {
		return
	}
	for _, o := range c.organs {
		for _, l := range o.lanes {
			if l.busy {
				return
			}
		}
	}
	c.out.ended = true
}

// result is what Run returns.
func (c *core) result() error {
	err := c.stop.err
	if left := c.ledger.inHand(); left > 0 || c.stop.interrupted > 0 {
		err = errors.Join(err, &DrainError{Interrupted: c.stop.interrupted, Unanswered: left})
	}
	return err
}

// idling is who waits for the Spine to have nothing to do.
type idling struct {
	waiters []chan error
	asked   bool // the backend was asked for its backlog
	again   bool // something happened since
	// When to ask again though nothing has happened here: what is left may be another node's.
	askAt time.Time
}

// idleEvery is how often the backend is asked while nothing is in hand here, and something is left there.
const idleEvery = 100 * time.Millisecond

// awaitIdle registers a waiter; it gets one value.
func (c *core) awaitIdle(now time.Time, w chan error) {
	c.begin(now)
	c.idle.waiters = append(c.idle.waiters, w)
	c.idle.again = true
}

// checkIdle asks the backend whether anything is left, when nothing is in hand.
func (c *core) checkIdle() {
	i := &c.idle
	switch {
	case len(i.waiters) == 0:
	case c.stop.draining:
		i.tell(ErrNotRunning)
	case c.ledger.events > 0:
		i.again, i.askAt = true, time.Time{}
	case i.asked:
	case i.again || !i.askAt.IsZero() && !c.now.Before(i.askAt):
		i.again, i.asked, i.askAt = false, true, time.Time{}
		c.out.inspect = true
	case !i.askAt.IsZero():
		c.wakeAt(i.askAt)
	}
}

// backlog takes the backend's answer. Events in a pull on its way here count as in flight there, so
// that an empty backlog is the truth.
func (c *core) backlog(now time.Time, b Backlog, err error) {
	c.begin(now)
	i := &c.idle
	i.asked = false
	switch {
	case err != nil:
		i.tell(fmt.Errorf("spine: backlog: %w", err))
	case b.Ready+b.InFlight+b.Retrying > 0:
		// If it comes here, we ask again when it is settled; of what another node has nothing is heard.
		i.askAt = c.now.Add(idleEvery)
	case b.Waiting > 0 && c.anyBlocked():
		i.tell(ErrWaiting)
	case b.Waiting > 0:
		i.again = true
	default:
		i.tell(nil)
	}
}

func (c *core) anyBlocked() bool {
	for _, o := range c.organs {
		if c.blocked(o) {
			return true
		}
	}
	return false
}

func (i *idling) tell(err error) {
	for _, w := range i.waiters {
		w <- err
	}
	i.waiters = nil
	i.again, i.askAt = false, time.Time{}
}

// pause stops giving work to an organ, resume begins again. What is running goes on.
func (c *core) pause(now time.Time, o *organ, paused bool) {
	c.begin(now)
	o.paused = paused
	for _, l := range o.lanes {
		c.touch(l)
	}
}

// budgetSpent opens the organ's breaker: it restarts too often.
func (c *core) budgetSpent(now time.Time, o *organ) {
	c.begin(now)
	o.breaker.Trip()
	o.calm, o.seenAt = false, 0
	for _, l := range o.lanes {
		c.touch(l)
	}
}

// abandoned notes how many handlers ignore the end of their context.
func (c *core) abandoned(now time.Time, n int) {
	c.begin(now)
	c.stats.abandoned = n
	if n >= c.config.abandoned {
		c.fail(fmt.Errorf("%w: %d of at most %d", ErrTooManyAbandoned, n, c.config.abandoned))
		c.hurry(now)
	}
}

func wrap(sentinel, err error) error { return fmt.Errorf("%w: %w", sentinel, err) }
