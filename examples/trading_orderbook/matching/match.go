package matching

// taker is an order on its way through the book: a new one, an amended one or a stop that runs. Who it
// is stands in a command, that of the new order or one made of the order that runs again.
type taker struct {
	*Command
	left   int64
	filled int64  // traded now
	lost   int64  // lost to Decrement now
	slot   uint32 // its slot if it had one before; 0: a new order
	limit  int32
	market bool
	ended  bool // self-trade prevention cancels the remainder
}

// unlimited is the limit of a MARKET order: every price is within it.
func unlimited(s Side) int32 {
	if s == Buy {
		return MaxPrice
	}
	return 0
}

// enter is the NewOrder command.
func (e *Engine) enter(c *Command) {
	b := e.bookOf(c.Symbol)
	hash := hashOf(c.Order)
	taken, gap := e.index.find(hash, c.Order, e.orders)
	// Most orders are plain and new, and checkNew would find nothing in them.
	if taken != 0 || b == nil || !b.plain(c) || e.spent != nil {
		if why := e.checkNew(b, c); why != NoReason {
			e.reject(c, why)
			return
		}
	}
	if c.Type != Limit || b.side(c.Side.Opposite()).crosses(int32(c.Price)) || c.TIF == IOC || c.TIF == FOK {
		e.enterTaker(b, c)
		return
	}
	// Most have nothing to trade with and need no taker.
	e.accept(c.Order)
	ev := e.event(Queued)
	ev.Order, ev.Trader, ev.Symbol, ev.Side = c.Order, c.Trader, c.Symbol, c.Side
	ev.Price, ev.Left = c.Price, c.Qty
	slot := e.settleIn(c)
	e.index.fill(gap, indexSlot{hash, slot})
	e.show(slot, c.Qty)
	e.rest(b, slot, int32(c.Price))
}

// enterTaker goes on with a new order that is sound and may trade, or is to wait for its trigger.
func (e *Engine) enterTaker(b *book, c *Command) {
	t := taker{Command: c, left: c.Qty, limit: int32(c.Price)}
	if c.Type != Limit {
		t.market = c.Type == Market || c.Type == Stop
		if t.market {
			t.limit = unlimited(c.Side)
		}
		if c.Type != Market && !b.reached(c.Side, int32(c.Trigger)) {
			e.accept(c.Order)
			e.park(b, &t)
			return
		}
	}
	if t.TIF >= FOK || t.market {
		if why := e.unfit(b, &t); why != NoReason {
			e.reject(c, why)
			return
		}
	}
	e.accept(c.Order)
	if c.Type >= Stop {
		e.triggered(&t, c.Trigger)
	}
	e.run(b, &t)
	if t.filled > 0 {
		e.runStops(b)
	}
}

// accept numbers a new order; from here on nothing can refuse it.
func (e *Engine) accept(id OrderID) {
	e.arrival++
	if e.spent != nil {
		e.spent.add(id)
	}
}

// unfit tells why the book as it is refuses the taker: R5, R6 and R7, looked at before the first
// trade, so that nothing ever needs to be undone.
func (e *Engine) unfit(b *book, t *taker) Reason {
	opposite := b.side(t.Side.Opposite())
	switch {
	case t.TIF == FOK:
		if !e.fillable(opposite, t) {
			return FOKUnfillable
		}
	case t.market:
		if opposite.best == 0 {
			return NoLiquidity
		}
	case t.TIF == PostOnly:
		if opposite.crosses(t.limit) {
			return PostOnlyWouldCross
		}
	}
	return NoReason
}

// run matches the taker and deals with what remains.
func (e *Engine) run(b *book, t *taker) {
	if b.side(t.Side.Opposite()).crosses(t.limit) {
		e.sweep(b, t)
	}
	e.settle(b, t)
}

// sweep trades while the taker's limit allows.
func (e *Engine) sweep(b *book, t *taker) {
	opposite := b.side(t.Side.Opposite())
	for t.left > 0 && !t.ended && opposite.crosses(t.limit) {
		e.sweepLevel(b, opposite, t)
	}
}

// sweepLevel trades with the best level until it or the taker is done.
func (e *Engine) sweepLevel(b *book, l *ladder, t *taker) {
	ref := l.best
	lv := &e.levels[ref]
	touched := false
	for t.left > 0 && lv.count > 0 {
		e.room()
		slot := lv.head
		if t.Prevention != Allow && e.orders[slot].trader == t.Trader {
			touched = e.prevent(lv, slot, t) || touched
			if t.ended {
				break
			}
			continue
		}
		e.trade(b, lv, slot, t)
		touched = true
	}
	if touched {
		e.room()
		e.levelChanged(t.Symbol, t.Side.Opposite(), lv)
	}
	if lv.count == 0 {
		e.drop(l, ref)
	}
}

// trade exchanges what both have open with the head of the level, at its price.
func (e *Engine) trade(b *book, lv *level, slot uint32, t *taker) {
	o := &e.orders[slot]
	qty := min(t.left, int64(o.open))
	left := e.left(slot) - qty
	t.left -= qty
	t.filled += qty
	e.trades++
	b.last = lv.price

	ev := e.event(Trade)
	ev.Trade = e.trades
	ev.Order, ev.Trader, ev.Left, ev.Side = t.Order, t.Trader, t.left, t.Side
	ev.Maker, ev.MakerTrader, ev.MakerLeft = o.id, o.trader, left
	ev.Price, ev.Qty, ev.Symbol = int64(lv.price), qty, t.Symbol
	if left > 0 {
		e.reduce(lv, slot, qty, t.Symbol)
		e.fill(slot, qty)
		return
	}
	e.endHead(lv, slot, t.Symbol)
}

// endHead ends the head of a level, which has no reserve.
func (e *Engine) endHead(lv *level, slot uint32, symbol SymbolID) {
	o := &e.orders[slot]
	lv.count--
	lv.open -= int64(o.open)
	lv.head = o.next
	if lv.head == 0 {
		lv.tail = 0
	}
	e.orderChanged(OrderRemoved, o, lv, symbol)
	e.forget(slot, e.indexed(slot))
}

// reduce takes a quantity from the head of the level, which has something left: in its shown part, or
// else in a reserve of which it shows the next slice.
func (e *Engine) reduce(lv *level, slot uint32, qty int64, symbol SymbolID) {
	o := &e.orders[slot]
	o.open -= int32(qty)
	lv.open -= qty
	if o.open > 0 {
		e.orderChanged(OrderChanged, o, lv, symbol)
	} else {
		e.nextSlice(lv, slot, symbol)
	}
}

// settle reports what a sweep came to, and rests or cancels the remainder.
func (e *Engine) settle(b *book, t *taker) {
	e.room()
	why := t.remainder()
	if t.left == 0 || why != NoReason {
		e.finish(t, why)
		return
	}
	kind := Queued
	if t.filled > 0 {
		kind = Partial
	}
	e.outcome(kind, t)
	slot := t.slot
	if slot == 0 {
		slot = e.settleIn(t.Command)
		e.index.put(hashOf(t.Order), slot)
	}
	e.show(slot, t.left)
	e.rest(b, slot, t.limit)
}

// finish reports the end of a taker that does not rest.
func (e *Engine) finish(t *taker, why Reason) {
	switch {
	case t.left == 0 && t.lost == 0:
		e.outcome(Filled, t)
	case t.filled > 0:
		e.outcome(Partial, t)
	}
	if t.left > 0 {
		e.takerCancelled(t, t.left, 0, why)
	}
	e.dismiss(t)
}

// remainder tells why what is left of the taker does not rest; NoReason if it does.
func (t *taker) remainder() Reason {
	switch {
	case t.ended:
		return SelfTrade
	case t.market:
		return MarketRemainder
	case t.TIF == IOC:
		return IOCRemainder
	}
	return NoReason
}

// dismiss ends a taker that does not rest.
func (e *Engine) dismiss(t *taker) {
	if t.slot != 0 {
		e.forget(t.slot, e.indexed(t.slot))
		return
	}
	if e.names != nil && !e.known(t.Order) {
		e.names.retire(t.Order)
	}
}

// settleIn gives a new order its slot; its place in the index is the caller's to find.
func (e *Engine) settleIn(c *Command) uint32 {
	slot := e.take()
	o := &e.orders[slot]
	o.id, o.trader = c.Order, c.Trader
	o.side, o.tif, o.stp, o.state = c.Side, c.TIF, c.Prevention, vacant
	if c.Display != 0 || c.TIF == GTD {
		e.describe(slot, c)
	}
	return slot
}

// describe sets the details of a new order that most do not have.
func (e *Engine) describe(slot uint32, c *Command) {
	d := e.detail(slot)
	d.display = int32(c.Display)
	if c.TIF == GTD {
		d.arrival, d.expiry = e.arrival, c.Time
		e.expiry.add(e.arrival, c.Time, slot, &e.arena)
	}
}

func (e *Engine) outcome(k Kind, t *taker) {
	ev := e.event(k)
	ev.Order, ev.Trader, ev.Symbol, ev.Side = t.Order, t.Trader, t.Symbol, t.Side
	ev.Qty, ev.Left = t.filled, t.left
	if !t.market {
		ev.Price = int64(t.limit)
	}
}

func (e *Engine) takerCancelled(t *taker, qty, left int64, why Reason) {
	ev := e.event(Cancelled)
	ev.Order, ev.Trader, ev.Symbol, ev.Side = t.Order, t.Trader, t.Symbol, t.Side
	ev.Qty, ev.Left, ev.Reason = qty, left, why
	if !t.market {
		ev.Price = int64(t.limit)
	}
}
