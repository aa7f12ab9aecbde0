package matching

import "fmt"

// sound tells what is wrong with an order of a snapshot by itself; how orders stand together is for
// Verify. Left of it is not set yet.
func (e *Engine) sound(o *Resting, reserve int64) error {
	spec := e.specs[o.Symbol]
	parked := o.Type == Stop || o.Type == StopLimit
	rests := o.TIF == GTC || o.TIF == PostOnly || o.TIF == GTD
	iceberg := rests && o.Type != Stop
	ranked := parked || o.TIF == GTD
	switch {
	case o.Order == 0 || o.Trader == 0 || o.Side != Buy && o.Side != Sell:
	case e.names != nil && int(o.Trader) >= len(e.names.traders.entries):
	case o.Type > StopLimit || o.Type == Market || !o.Type.takes(o.TIF) || !parked && !rests:
	case o.Prevention > Decrement:
	case o.Shown < 1 || o.Shown > spec.MaxQty || reserve < 0 || reserve > spec.MaxQty || o.Shown+reserve > spec.MaxQty:
	case o.Display < 0 || o.Display > spec.MaxQty || o.Display != 0 && !iceberg:
	case o.Display != 0 && o.Shown+reserve > MaxSlices*o.Display:
	case reserve > 0 && (o.Display == 0 || parked):
	case o.Display != 0 && !parked && o.Shown > o.Display:
	case o.Filled < 0 || parked && o.Filled != 0:
	case (o.Type == Stop) != (o.Price == 0) || o.Price < 0 || o.Price > spec.MaxPrice:
	case parked != (o.Trigger != 0) || o.Trigger < 0 || o.Trigger > spec.MaxPrice:
	case (o.TIF == GTD) != (o.Expiry != 0) || o.Expiry != 0 && o.Expiry <= e.now:
	case ranked != (o.Arrival != 0) || o.Arrival > e.arrival:
	case e.index.get(hashOf(o.Order), o.Order, e.orders) != 0 || e.spent != nil && !e.spent.has(o.Order):
	default:
		return nil
	}
	return fmt.Errorf("symbol %q: unsound order %+v with reserve %d", spec.Name, *o, reserve)
}

// put gives a sound order of a snapshot its slot and the tail of its level.
func (e *Engine) put(o *Resting) {
	slot := e.take()
	in := &e.orders[slot]
	in.id, in.trader, in.open = o.Order, o.Trader, int32(o.Shown)
	in.side, in.tif, in.stp, in.state = o.Side, o.TIF, o.Prevention, vacant
	e.index.put(hashOf(o.Order), slot)
	if o.Filled != 0 {
		e.fill(slot, o.Filled)
	}
	if o.Display != 0 || o.Arrival != 0 {
		*e.detail(slot) = details{
			expiry: o.Expiry, arrival: o.Arrival, reserve: int32(o.Left - o.Shown),
			display: int32(o.Display), trigger: int32(o.Trigger), limit: int32(o.Price),
		}
	}
	if o.Expiry != 0 {
		e.expiry.add(o.Arrival, o.Expiry, slot, &e.arena)
	}
	b := &e.books[o.Symbol]
	switch o.Type {
	case Stop:
		in.state |= waitingStop
		e.joinStops(b, slot)
	case StopLimit:
		in.state |= waiting
		e.joinStops(b, slot)
	default:
		in.state |= resting
		in.level = e.at(b.side(o.Side), int32(o.Price))
		e.push(&e.levels[in.level], slot)
	}
}
