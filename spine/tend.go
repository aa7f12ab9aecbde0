package spine

import "time"

// tending is the care of a keyed organ's cells that comes with time: its lanes passivate idle ones
// and forget expired ones.
type tending struct {
	every time.Duration // 0: the organ has no cells
	next  time.Time
}

const shortestTending = time.Second

func newTending(idle, expiry time.Duration) tending {
	t := tending{every: idle / 2}
	if expiry > 0 {
		t.every = min(t.every, expiry/2)
	}
	t.every = max(t.every, shortestTending)
	return t
}

// tick is called when a time that was asked for has come. Whatever else is waited for is asked for
// again.
func (c *core) tick(now time.Time) {
	c.begin(now)
	for _, o := range c.organs {
		c.state(o)
		c.tend(o)
		for _, l := range o.lanes {
			if l.queue.len() > 0 {
				c.touch(l)
			}
		}
	}
	if c.now.Before(c.credit.retryAt) {
		c.wakeAt(c.credit.retryAt)
	}
}

// tend lets free lanes of a keyed organ put their idle cells to rest, when it is time.
func (c *core) tend(o *organ) {
	t := &o.tending
	if t.every == 0 || c.stop.draining {
		return
	}
	if t.next.IsZero() {
		t.next = c.now.Add(t.every)
	}
	if !c.now.Before(t.next) {
		t.next = c.now.Add(t.every)
		for _, l := range o.lanes {
			if l.free() && !l.forget {
				c.out.sweeps = append(c.out.sweeps, l)
			}
		}
	}
	c.wakeAt(t.next)
}
