package matching

// cancel is the CancelOrder command.
func (e *Engine) cancel(c *Command) {
	slot, indexed := e.index.find(hashOf(c.Order), c.Order, e.orders)
	if slot == 0 || e.foreign(c, slot) {
		e.reject(c, UnknownOrder)
		return
	}
	b := e.bookAt(&e.orders[slot])
	if b.phase == Halted {
		e.reject(c, SymbolHalted)
		return
	}
	e.takeOut(b, slot, indexed, User)
}

// cancelAll is the CancelAll command. It looks at every order of the symbols it names: a trader has
// no list of his own, which every other command would pay for.
func (e *Engine) cancelAll(c *Command) {
	if c.Trader == 0 {
		e.reject(c, InvalidTrader)
		return
	}
	if c.Symbol != 0 && e.bookOf(c.Symbol) == nil {
		e.reject(c, InvalidSymbol)
		return
	}
	n := 0
	first, last := c.Symbol, c.Symbol
	if c.Symbol == 0 {
		first, last = 1, SymbolID(len(e.books)-1)
	}
	for id := first; id <= last; id++ {
		b := &e.books[id]
		n += e.cancelSide(b, Buy, c.Trader)
		n += e.cancelSide(b, Sell, c.Trader)
		n += e.cancelStops(b, c.Trader)
	}
	e.room()
	ev := e.event(CancelledAll)
	ev.Trader, ev.Symbol, ev.Qty = c.Trader, c.Symbol, int64(n)
}

// cancelSide takes the trader's orders out, best first.
func (e *Engine) cancelSide(b *book, s Side, trader TraderID) (n int) {
	l := b.side(s)
	for ref := l.best; ref != 0; {
		next := e.after(l, ref) // the level may be gone afterwards
		n += e.cancelLevel(b, ref, trader)
		ref = next
	}
	return n
}

func (e *Engine) cancelLevel(b *book, ref uint32, trader TraderID) (n int) {
	for slot := e.levels[ref].head; slot != 0; {
		o := &e.orders[slot]
		next := o.next
		if o.trader == trader {
			e.takeOut(b, slot, e.indexed(slot), MassCancel)
			n++
		}
		slot = next
	}
	return n
}

// cancelStops takes the trader's parked stops out in order of arrival.
func (e *Engine) cancelStops(b *book, trader TraderID) (n int) {
	for _, slot := range e.parked(b) {
		if e.orders[slot].trader == trader {
			e.takeOut(b, slot, e.indexed(slot), MassCancel)
			n++
		}
	}
	return n
}
