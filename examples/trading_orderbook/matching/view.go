package matching

import "iter"

// Resting is one live order as seen from outside.
type Resting struct {
	Order      OrderID
	Trader     TraderID
	Symbol     SymbolID
	Side       Side
	TIF        TIF
	Prevention Prevention
	Type       Type  // Limit in the book, Stop or StopLimit parked
	Price      int64 // limit; 0 for a parked STOP
	Left       int64 // all that is open, reserve included
	Shown      int64
	Display    int64  // 0: not an iceberg
	Filled     int64  // since it first rested
	Trigger    int64  // of a parked stop
	Expiry     int64  // of a GTD order
	Arrival    uint64 // of a parked stop or GTD order, 0 otherwise
}

// Depth is one level of a side: what it shows in how many orders.
type Depth struct {
	Price int64
	Qty   int64
	Count uint32
}

// Symbol returns the symbol of that name, or 0.
func (e *Engine) Symbol(name []byte) SymbolID { return e.symbols[string(name)] }

// Symbols returns how many symbols there are; they are numbered from 1.
func (e *Engine) Symbols() int { return len(e.books) - 1 }

// Spec returns the description of a symbol, its zero value for an unknown one.
func (e *Engine) Spec(id SymbolID) Spec {
	if e.bookOf(id) == nil {
		return Spec{}
	}
	return e.specs[id]
}

// Phase returns the phase of a symbol.
func (e *Engine) Phase(id SymbolID) Phase {
	if b := e.bookOf(id); b != nil {
		return b.phase
	}
	return Continuous
}

// LastPrice returns the price of the symbol's last trade in ticks, 0 if there was none.
func (e *Engine) LastPrice(id SymbolID) int64 {
	if b := e.bookOf(id); b != nil {
		return int64(b.last)
	}
	return 0
}

// Trades returns how many trades there were.
func (e *Engine) Trades() uint64 { return e.trades }

// Seq returns how many events and changes there were, over all symbols and all commands: who has read fewer
// has missed some.
func (e *Engine) Seq() uint64 { return e.seq + uint64(len(e.events)+len(e.changes)) }

// Live returns how many orders rest in books.
func (e *Engine) Live() int { return e.index.n - e.waits }

// ParkedOrders returns how many stops wait for their trigger.
func (e *Engine) ParkedOrders() int { return e.waits }

// Now returns the time of the last Tick, 0 before the first.
func (e *Engine) Now() int64 { return e.now }

// Find returns a live order.
func (e *Engine) Find(id OrderID) (Resting, bool) {
	slot := e.index.get(hashOf(id), id, e.orders)
	if slot == 0 {
		return Resting{}, false
	}
	return e.view(slot), true
}

// Levels returns the levels of a side, best first. The engine must not be used meanwhile.
func (e *Engine) Levels(id SymbolID, s Side) iter.Seq[Depth] {
	return func(yield func(Depth) bool) {
		for lv := range e.walk(id, s) {
			if !yield(Depth{Price: int64(lv.price), Qty: lv.open, Count: lv.count}) {
				return
			}
		}
	}
}

// Orders returns the orders of a side in priority order. The engine must not be used meanwhile.
func (e *Engine) Orders(id SymbolID, s Side) iter.Seq[Resting] {
	return func(yield func(Resting) bool) {
		for lv := range e.walk(id, s) {
			for slot := lv.head; slot != 0; slot = e.orders[slot].next {
				if !yield(e.view(slot)) {
					return
				}
			}
		}
	}
}

// Stops returns the parked stops of a symbol in order of arrival. The engine must not be used meanwhile.
func (e *Engine) Stops(id SymbolID) iter.Seq[Resting] {
	return func(yield func(Resting) bool) {
		b := e.bookOf(id)
		if b == nil {
			return
		}
		for _, slot := range e.parked(b) {
			if !yield(e.view(slot)) {
				return
			}
		}
	}
}

// lists are the orders of a symbol: BUY, SELL, parked.
func (e *Engine) lists(id SymbolID) [3]iter.Seq[Resting] {
	return [3]iter.Seq[Resting]{e.Orders(id, Buy), e.Orders(id, Sell), e.Stops(id)}
}

// all returns the orders of the lists one after the other.
func (e *Engine) all(id SymbolID) iter.Seq[Resting] {
	return func(yield func(Resting) bool) {
		for _, list := range e.lists(id) {
			for o := range list {
				if !yield(o) {
					return
				}
			}
		}
	}
}

func (e *Engine) walk(id SymbolID, s Side) iter.Seq[*level] {
	return func(yield func(*level) bool) {
		b := e.bookOf(id)
		if b == nil || s != Buy && s != Sell {
			return
		}
		l := b.side(s)
		for ref := l.best; ref != 0; ref = e.after(l, ref) {
			if !yield(&e.levels[ref]) {
				return
			}
		}
	}
}

func (e *Engine) view(slot uint32) Resting {
	o, d := &e.orders[slot], e.detailsOf(slot)
	r := Resting{
		Order: o.id, Trader: o.trader, Symbol: e.bookAt(o).id, Side: o.side, TIF: o.tif, Prevention: o.stp,
		Price: int64(e.limit(slot)), Left: e.left(slot), Shown: int64(o.open), Display: int64(d.display),
		Filled: e.filledOf(slot), Trigger: int64(d.trigger), Expiry: d.expiry, Arrival: d.arrival,
	}
	switch o.state & place {
	case waiting:
		r.Type = StopLimit
	case waitingStop:
		r.Type = Stop
	}
	return r
}
