package matching

// prevent keeps the taker from trading with the head of the level, an order of its own trader. It
// tells whether the level changed; the caller reports that once, with the level's other changes.
func (e *Engine) prevent(lv *level, slot uint32, t *taker) (changed bool) {
	switch t.Prevention {
	case CancelNewest:
		t.ended = true
		return false
	case Decrement:
		e.decrement(lv, slot, t)
		return true
	case CancelBoth:
		t.ended = true
	}
	o := &e.orders[slot]
	e.makerCancelled(o, lv, t, e.left(slot), 0)
	e.pull(lv, slot)
	e.orderChanged(OrderRemoved, o, lv, t.Symbol)
	e.forget(slot, e.indexed(slot))
	return true
}

// decrement takes the smaller quantity from both.
func (e *Engine) decrement(lv *level, slot uint32, t *taker) {
	o := &e.orders[slot]
	qty := min(t.left, int64(o.open))
	t.left -= qty
	t.lost += qty
	left := e.left(slot) - qty
	e.makerCancelled(o, lv, t, qty, left)
	if left > 0 {
		e.reduce(lv, slot, qty, t.Symbol)
	} else {
		e.endHead(lv, slot, t.Symbol)
	}
	e.takerCancelled(t, qty, t.left, SelfTrade)
}

// makerCancelled reports that a maker lost a quantity.
func (e *Engine) makerCancelled(o *order, lv *level, t *taker, qty, left int64) {
	ev := e.event(Cancelled)
	ev.Order, ev.Trader, ev.Symbol, ev.Side = o.id, o.trader, t.Symbol, o.side
	ev.Price, ev.Qty, ev.Left, ev.Reason = int64(lv.price), qty, left, SelfTrade
}

// fillable tells whether the taker's whole quantity can be had now within its limit (R5, R17).
func (e *Engine) fillable(l *ladder, t *taker) bool {
	want := t.left
	for ref := l.best; ref != 0; ref = e.after(l, ref) {
		lv := &e.levels[ref]
		if !l.within(lv.price, t.limit) {
			return false
		}
		if t.Prevention == Allow {
			want -= lv.open + lv.hidden
		} else {
			had, blocked := e.fromOthers(lv, t)
			want -= had
			if blocked && want > 0 {
				return false
			}
		}
		if want <= 0 {
			return true
		}
	}
	return false
}

// fromOthers counts what the taker can have from a level without its own orders, and tells whether
// one of them ends the count: then the reserves are behind it and do not count.
func (e *Engine) fromOthers(lv *level, t *taker) (had int64, blocked bool) {
	var reserves int64
	for slot := lv.head; slot != 0; slot = e.orders[slot].next {
		o := &e.orders[slot]
		switch {
		case o.trader != t.Trader:
			had += int64(o.open)
			reserves += e.reserve(slot)
		case t.Prevention != CancelOldest:
			return had, true
		}
	}
	return had + reserves, false
}
