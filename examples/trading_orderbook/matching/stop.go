package matching

import (
	"cmp"
	"slices"
)

// reached tells whether the last trade price satisfies a trigger.
func (b *book) reached(s Side, trigger int32) bool {
	if b.last == 0 {
		return false
	}
	return b.stop(s).within(trigger, b.last)
}

// park lets a stop wait for its trigger.
func (e *Engine) park(b *book, t *taker) {
	slot := e.settleIn(t.Command)
	e.index.put(hashOf(t.Order), slot)
	o := &e.orders[slot]
	d := e.detail(slot)
	d.arrival, d.trigger, d.limit = e.arrival, int32(t.Trigger), t.limit
	o.open, o.state = int32(t.left), detailed|waiting
	if t.market {
		d.limit, o.state = 0, detailed|waitingStop
	}
	e.joinStops(b, slot)

	ev := e.event(Parked)
	ev.Order, ev.Trader, ev.Symbol, ev.Side = t.Order, t.Trader, t.Symbol, t.Side
	ev.Price, ev.Left = t.Trigger, t.left
}

func (e *Engine) joinStops(b *book, slot uint32) {
	o := &e.orders[slot]
	o.level = e.at(b.stop(o.side), e.details[slot].trigger)
	e.push(&e.levels[o.level], slot)
	e.waits++
}

// unpark takes a stop out of its queue.
func (e *Engine) unpark(b *book, slot uint32) {
	o := &e.orders[slot]
	lv := &e.levels[o.level]
	e.pull(lv, slot)
	e.waits--
	if lv.count == 0 {
		e.drop(b.stop(o.side), o.level)
	}
}

// parked returns the stops of a book in order of arrival. The slice is reused.
func (e *Engine) parked(b *book) []uint32 {
	e.elected = e.elected[:0]
	for i := range b.stops {
		l := &b.stops[i]
		for ref := l.best; ref != 0; ref = e.after(l, ref) {
			e.elect(ref)
		}
	}
	e.sortElected()
	return e.elected
}

func (e *Engine) elect(ref uint32) {
	for slot := e.levels[ref].head; slot != 0; slot = e.orders[slot].next {
		e.elected = append(e.elected, slot)
	}
}

func (e *Engine) sortElected() {
	slices.SortFunc(e.elected, func(a, b uint32) int {
		return cmp.Compare(e.details[a].arrival, e.details[b].arrival)
	})
}

// runStops runs the stops that the trades of a command have reached, round after round. Each runs
// once, so there are at most as many rounds as stops.
func (e *Engine) runStops(b *book) {
	for b.stops[0].best|b.stops[1].best != 0 && e.round(b) {
		for _, slot := range e.elected {
			e.runStop(b, slot)
		}
	}
}

// round takes every stop whose trigger is reached out of its park and tells whether there is one.
func (e *Engine) round(b *book) bool {
	e.elected = e.elected[:0]
	for i := range b.stops {
		l := &b.stops[i]
		for l.crosses(b.last) {
			ref := l.best
			e.elect(ref)
			for e.levels[ref].count > 0 {
				e.pull(&e.levels[ref], e.levels[ref].head)
				e.waits--
			}
			e.drop(l, ref)
		}
	}
	e.sortElected()
	return len(e.elected) > 0
}

// runStop sends a stop that left its park through the book.
func (e *Engine) runStop(b *book, slot uint32) {
	e.room()
	o := &e.orders[slot]
	d := &e.details[slot]
	t := e.takerFrom(b, slot, int64(o.open), d.limit)
	if o.state&place == waitingStop {
		t.market, t.limit = true, unlimited(o.side)
	}
	e.triggered(&t, int64(d.trigger))
	d.trigger, d.limit = 0, 0
	if o.tif != GTD {
		d.arrival = 0
	}
	if why := e.unfit(b, &t); why != NoReason {
		e.takerCancelled(&t, t.left, 0, why)
		e.dismiss(&t)
		return
	}
	e.run(b, &t)
}

func (e *Engine) triggered(t *taker, trigger int64) {
	ev := e.event(Triggered)
	ev.Order, ev.Trader, ev.Symbol, ev.Side = t.Order, t.Trader, t.Symbol, t.Side
	ev.Price, ev.Left = trigger, t.left
}
