package spine

import (
	"time"

	"github.com/necrostack/necrostack/actors/host"
	"github.com/necrostack/necrostack/supervision"
)

// lane is one lane of an organ as the core sees it: what waits for it, and whether it is free.
type lane struct {
	organ      *organ
	index      int32
	busy       bool // has a batch
	down       bool // restarting
	dirty      bool
	turn       bool // its batch counts among c.turns
	inLine     bool // it is among c.turns.waiting
	forget     bool // its cells are not what is stored
	queue      queue
	host       *host.Lane // the shell's
	before     *lane      // in c.turns
	after      *lane
	unanswered int // changes of cells whose commit has no answer yet
	asks       []*ask
	saves      []*saving
	started    time.Time // its batch
}

// free reports whether the lane may be given something. A keyed lane is ahead of the store
// until its commits are answered.
func (l *lane) free() bool { return !l.busy && !l.down && l.unanswered == 0 }

func (c *core) touch(l *lane) {
	if !l.dirty {
		l.dirty = true
		c.dirty = append(c.dirty, l)
	}
}

// admits reports whether the organ takes new work.
func (c *core) admits(o *organ) bool {
	if o.paused || o.inHand > c.credit.share {
		return false
	}
	switch c.state(o) {
	case supervision.Closed:
		return true
	case supervision.HalfOpen:
		return !o.probing && o.inHand <= 1
	default:
		return false
	}
}

// state is what the organ's breaker lets through. It is asked for every event, and looks once per step, at most.
func (c *core) state(o *organ) supervision.State {
	if o.calm {
		return supervision.Closed
	}
	if o.seenAt != c.step {
		o.seen, o.seenAt = o.breaker.State(), c.step
		if o.seen == supervision.Open {
			c.wakeAt(c.now.Add(o.breaker.Remaining()))
		}
	}
	return o.seen
}

// blocked reports whether the organ may not work at all.
func (c *core) blocked(o *organ) bool { return o.paused || c.state(o) == supervision.Open }

// enqueue gives work i to its lane: by the upper half of the key's hash, so that a key
// has one lane, or in turn.
func (c *core) enqueue(o *organ, i uint32) {
	w := &c.ledger.works[i]
	n := len(o.lanes)
	switch {
	case n == 1:
		w.lane = 0
	case w.event.HasKey():
		w.lane = int32((w.event.KeyHash() >> 32) % uint64(n))
	default:
		w.lane = c.shortest(o)
	}
	l := o.lanes[w.lane]
	l.queue.push(i)
	if !l.busy && !l.inLine { // else it is looked at when that ends
		c.touch(l)
	}
}

// shortest finds a lane for an event that may go to any: an idle one, else one with a
// short queue. It looks at four at most, from where it ended last time.
func (c *core) shortest(o *organ) int32 {
	best, length := o.next, -1
	for k := range min(len(o.lanes), 4) {
		i := (o.next + k) % len(o.lanes)
		l := o.lanes[i]
		load := l.queue.len()
		if !l.free() {
			load++
		}
		if length < 0 || load < length {
			best, length = i, load
		}
	}
	o.next = (best + 1) % len(o.lanes)
	return int32(best)
}

// dispatch gives a free lane what waits for it.
func (c *core) dispatch(l *lane) {
	if l.free() {
		c.tidy(l)
	}
	if c.stop.draining {
		c.returnQueue(l, anyWork, Later{Due: c.now})
		return
	}
	if !l.free() {
		return
	}
	for _, a := range l.asks {
		c.out.asks = append(c.out.asks, laneAsk{l, a})
	}
	clear(l.asks)
	l.asks = l.asks[:0]
	if l.queue.len() == 0 || c.turns.wait(l) {
		return
	}
	n := c.allowance(l)
	if n == 0 {
		return
	}
	b := c.spareBatch()
	for range min(n, l.queue.len()) {
		i := l.queue.pop()
		w := &c.ledger.works[i]
		w.state = workRunning
		b.Items = append(b.Items, host.Item{Event: w.event, Attempt: w.attempts() + 1, Ref: i, Failed: w.failed()})
		if w.failed() != nil && l.organ.ordered {
			break // see keepsLane: what follows must wait for the dead letter
		}
	}
	l.busy, l.started = true, c.now
	c.turns.begin(l)
	c.out.runs = append(c.out.runs, laneRun{l, b})
}

// allowance is how many items of its queue the lane may have now. What a blocked organ may
// not have goes back, to wait there at no cost; calls of OnFailed are allowed always, since
// they touch nothing outside.
func (c *core) allowance(l *lane) int {
	o := l.organ
	if o.paused {
		c.returnQueue(l, c.isFresh, Later{Waits: true})
		return min(l.queue.len(), c.config.maxBatch)
	}
	switch c.state(o) {
	case supervision.Closed:
		return min(l.queue.len(), c.batchSize(o))
	case supervision.HalfOpen:
		if c.ledger.works[l.queue.at(0)].failed() != nil {
			return 1
		}
		if !o.probing && o.breaker.Allow() {
			o.probing, o.seenAt = true, 0
			return 1
		}
	}
	c.returnQueue(l, c.isFresh, Later{Waits: true})
	return min(l.queue.len(), c.config.maxBatch)
}

func (c *core) isFresh(i uint32) bool { return c.ledger.works[i].failed() == nil }

func anyWork(uint32) bool { return true }

// returnQueue hands back those works of the lane's queue that which says.
func (c *core) returnQueue(l *lane, which func(i uint32) bool, later Later) {
	l.queue.filter(func(i uint32) bool {
		if !which(i) {
			return true
		}
		c.handBack(i, later)
		return false
	})
}

// returnHeld hands back what the lane has queued of keys that are held.
func (c *core) returnHeld(l *lane) {
	held := func(i uint32) bool { return c.held(l.organ, i) }
	c.returnQueue(l, held, Later{Due: c.now})
}

// held reports whether the key of work i is held, from before it.
func (c *core) held(o *organ, i uint32) bool {
	ev := c.ledger.works[i].event
	return o.holds != nil && ev.HasKey() && o.holds.held(ev.Key(), c.ledger.positions[i])
}

// laneOf is the lane that has b in hand.
func (c *core) laneOf(b *host.Batch) *lane {
	w := &c.ledger.works[b.Items[0].Ref]
	return c.organs[w.organ].lanes[w.lane]
}

// finished takes a batch back from lane l.
func (c *core) finished(now time.Time, l *lane, b *host.Batch) {
	c.begin(now)
	l.busy, l.down = false, b.Down
	c.turns.end(l)
	c.touch(l)
	o := l.organ
	o.stats.batch(b)
	o.paced(b)
	t := tally{organ: o}
	front := c.front[:0]
	for k := range b.Items {
		i := b.Items[k].Ref
		w := &c.ledger.works[i]
		if w.state == workVoid {
			t.nothing()
			c.release(i)
			continue
		}
		if c.outcome(l, b, k, &t) {
			w.state = workQueued
			front = append(front, i)
		}
	}
	t.end()
	l.queue.pushFront(front)
	c.front = front[:0]
	if t.held {
		c.returnHeld(l)
	}
	if !b.Abandoned {
		b.Reset()
		c.batches = append(c.batches, b)
	}
}

// outcome settles item k of b, or reports that it stays, to be tried next.
func (c *core) outcome(l *lane, b *host.Batch, k int, t *tally) (stays bool) {
	i := b.Items[k].Ref
	w := &c.ledger.works[i]
	out := &b.Outcomes[k]
	switch out.Code {
	case host.Handled:
		if w.failed() != nil {
			c.settleFinal(i, out.Emitted)
			return false
		}
		t.success()
		t.organ.stats.handled++
		c.settle(i, Done, out.Change).Emitted = out.Emitted
		return false
	case host.Failed:
		if w.failed() != nil {
			c.onFailedFailed(i, out.Failure)
			return false
		}
		return c.failure(i, *out.Failure, t)
	case host.Interrupted:
		t.nothing()
		c.stop.interrupted++
		c.handBack(i, Later{Due: c.now})
		t.held = t.held || w.back
		return false
	default: // Undone, Held
		t.nothing()
		return c.undone(l, b, i, t)
	}
}

// undone decides about an item that was not begun.
func (c *core) undone(l *lane, b *host.Batch, i uint32, t *tally) (stays bool) {
	w := &c.ledger.works[i]
	switch o := l.organ; {
	case b.Problem != nil:
		c.stats.backendErrors++
		c.handBack(i, Later{Due: c.now.Add(problemDelay)})
	case c.stop.draining:
		c.handBack(i, Later{Due: c.now})
	case c.held(o, i):
		c.handBack(i, Later{Due: c.now})
	default:
		return true
	}
	t.held = t.held || w.back
	return false
}

// problemDelay is how long events wait whose cells could not be loaded.
const problemDelay = time.Second

// laneReady says that a lane that was down takes batches again.
func (c *core) laneReady(now time.Time, l *lane) {
	c.begin(now)
	l.down = false
	c.touch(l)
}
