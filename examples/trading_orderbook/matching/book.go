package matching

// book is one symbol: its orders and its parked stops, by side. The orders themselves are in the
// engine's arena.
type book struct {
	sides    [2]ladder // Buy, Sell
	stops    [2]ladder // by trigger: the one that is reached first is the best
	id       SymbolID
	maxQty   int64
	maxPrice int64
	last     int32 // price of the last trade; 0: none yet
	phase    Phase
}

func newBook(id SymbolID, spec Spec) book {
	b := book{id: id, maxQty: spec.MaxQty, maxPrice: spec.MaxPrice}
	for i := range b.sides {
		b.sides[i].rank, b.stops[i].rank = noRank, noRank
		b.sides[i].symbol, b.stops[i].symbol = id, id
	}
	b.side(Buy).flip = falling
	b.stop(Sell).flip = falling
	return b
}

func (b *book) side(s Side) *ladder { return &b.sides[(s-1)&1] }
func (b *book) stop(s Side) *ladder { return &b.stops[(s-1)&1] }

// bookAt returns the book that the order is in.
func (e *Engine) bookAt(o *order) *book { return &e.books[e.heads[o.level>>6].symbol] }

// limit returns the order's limit, 0 for a STOP.
func (e *Engine) limit(slot uint32) int32 {
	if o := &e.orders[slot]; o.state&place == resting {
		return e.levels[o.level].price
	}
	return e.details[slot].limit
}

// rest joins the order to the tail of a price.
func (e *Engine) rest(b *book, slot uint32, price int32) {
	o := &e.orders[slot]
	o.state = o.state&^place | resting
	l := b.side(o.side)
	ref := l.near(price)
	if e.levels[ref].count == 0 {
		ref = e.open(l, price)
	}
	o.level = ref
	lv := &e.levels[ref]
	e.push(lv, slot)
	e.orderChanged(OrderAdded, o, lv, b.id)
	e.levelChanged(b.id, o.side, lv)
}

// leave takes a resting order out of its level, wherever it stands there.
func (e *Engine) leave(b *book, slot uint32) {
	o := &e.orders[slot]
	lv := &e.levels[o.level]
	e.pull(lv, slot)
	e.orderChanged(OrderRemoved, o, lv, b.id)
	e.levelChanged(b.id, o.side, lv)
	if lv.count == 0 {
		e.drop(b.side(o.side), o.level)
	}
}

// forget ends the life of an order that is in no level any more; indexed is its place in the index.
func (e *Engine) forget(slot uint32, indexed int) {
	o := &e.orders[slot]
	e.index.del(indexed)
	if o.tif == GTD {
		e.expiry.stale++
	}
	if e.names != nil {
		e.retire(o.id)
	}
	e.release(slot)
}

// indexed returns the place of a live order in the index.
func (e *Engine) indexed(slot uint32) int { return e.index.placeOf(hashOf(e.orders[slot].id), slot) }

// retire lets the name of an order go once it has been printed.
//
//go:noinline
func (e *Engine) retire(id OrderID) {
	if e.spent == nil {
		e.names.retire(id)
	}
}

// takeOut cancels a live order, resting or parked; indexed is its place in the index.
func (e *Engine) takeOut(b *book, slot uint32, indexed int, why Reason) {
	e.room()
	o := &e.orders[slot]
	ev := e.event(Cancelled)
	ev.Order, ev.Trader, ev.Symbol, ev.Side = o.id, o.trader, b.id, o.side
	ev.Price, ev.Qty, ev.Reason = int64(e.limit(slot)), e.left(slot), why
	if o.state&place == resting {
		e.leave(b, slot)
	} else {
		e.unpark(b, slot)
	}
	e.forget(slot, indexed)
}
