package matching

// foreign tells whether a CancelOrder or AmendOrder names a trader who is not the order's.
func (e *Engine) foreign(c *Command, slot uint32) bool {
	return c.Trader != 0 && e.orders[slot].trader != c.Trader
}

// amend is the AmendOrder command.
func (e *Engine) amend(c *Command) {
	slot := e.index.get(hashOf(c.Order), c.Order, e.orders)
	if slot == 0 || e.foreign(c, slot) {
		e.reject(c, UnknownOrder)
		return
	}
	o := &e.orders[slot]
	b := e.bookAt(o)
	left, price, why := e.checkAmend(b, slot, c)
	if why != NoReason {
		e.reject(c, why)
		return
	}
	switch {
	case o.state&place != resting:
		e.amendParked(b, slot, left, price)
	case price == e.limit(slot) && left <= e.left(slot):
		e.shrink(b, slot, left)
	default:
		e.reenter(b, slot, left, price)
	}
}

// checkAmend returns what the order is to have open and its limit, or why not.
func (e *Engine) checkAmend(b *book, slot uint32, c *Command) (left int64, price int32, why Reason) {
	o, d := &e.orders[slot], e.detailsOf(slot)
	left, price = e.left(slot), e.limit(slot)
	if c.HasQty {
		if c.Qty <= 0 || c.Qty > b.maxQty {
			return 0, 0, InvalidQty
		}
		left = c.Qty
		if e.cfg.AmendTotal {
			left -= e.filledOf(slot)
		}
		if left <= 0 || d.display != 0 && left > MaxSlices*int64(d.display) {
			return 0, 0, InvalidQty
		}
	}
	if c.HasPrice {
		if o.state&place == waitingStop {
			return 0, 0, InvalidPrice
		}
		if why := b.checkPrice(c.Price, InvalidPrice); why != NoReason {
			return 0, 0, why
		}
		price = int32(c.Price)
	}
	if !c.HasQty && !c.HasPrice {
		return 0, 0, NothingToAmend
	}
	if why := b.phase.refusal(); why != NoReason {
		return 0, 0, why
	}
	if o.state&place == resting && o.tif == PostOnly && price != e.limit(slot) && b.side(o.side.Opposite()).crosses(price) {
		return 0, 0, PostOnlyWouldCross
	}
	return left, price, NoReason
}

// shrink takes from the order without touching its priority, from its reserve first.
func (e *Engine) shrink(b *book, slot uint32, left int64) {
	o := &e.orders[slot]
	lv := &e.levels[o.level]
	shown, hidden := int64(o.open), e.reserve(slot)
	open := min(shown, left)
	o.open = int32(open)
	lv.open += open - shown
	if hidden > 0 {
		e.details[slot].reserve = int32(left - open)
		lv.hidden += left - open - hidden
	}
	e.kept(b, slot)
	if open != shown {
		e.feed(OrderChanged, o, lv, b.id)
	}
}

// reenter takes the order out of its queue and sends it through the book like a new one.
func (e *Engine) reenter(b *book, slot uint32, left int64, price int32) {
	// The event comes before those of the queue it leaves, which therefore still see the old order.
	o := &e.orders[slot]
	ev := e.event(Amended)
	ev.Order, ev.Trader, ev.Symbol, ev.Side = o.id, o.trader, b.id, o.side
	ev.Price, ev.Left = int64(price), left
	e.leave(b, slot)
	t := e.takerFrom(b, slot, left, price)
	e.sweep(b, &t)
	if t.filled > 0 {
		e.fill(slot, t.filled)
	}
	e.settle(b, &t)
	if t.filled > 0 {
		e.runStops(b)
	}
}

// takerFrom sends a live order on its way again. There is never more than one such order at a time.
func (e *Engine) takerFrom(b *book, slot uint32, left int64, limit int32) taker {
	o := &e.orders[slot]
	e.again = Command{
		Order: o.id, Trader: o.trader, Symbol: b.id, Side: o.side, TIF: o.tif, Prevention: o.stp,
	}
	return taker{Command: &e.again, left: left, slot: slot, limit: limit}
}

// amendParked changes a stop where it waits.
func (e *Engine) amendParked(b *book, slot uint32, left int64, price int32) {
	o := &e.orders[slot]
	lv := &e.levels[o.level]
	lv.open += left - int64(o.open)
	o.open = int32(left)
	e.details[slot].limit = price
	e.kept(b, slot)
}

// kept reports an amend that kept the order's priority.
func (e *Engine) kept(b *book, slot uint32) {
	o := &e.orders[slot]
	ev := e.event(Amended)
	ev.Order, ev.Trader, ev.Symbol, ev.Side = o.id, o.trader, b.id, o.side
	ev.Price, ev.Left, ev.Kept = int64(e.limit(slot)), e.left(slot), true
}
