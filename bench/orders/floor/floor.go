// Package floor is the least that an order book can be: limit orders and cancels by id, price before time,
// and nothing else. It refuses no order, whatever is in it, and reports in 32 bytes what happened. It is there
// to be measured beside a book that does everything, on the same machine in the same minute.
//
// Prices are the rungs of one ladder for both sides: as no bid is above an ask, the side of a rung follows from
// where it is. A bitmap tells which rungs are occupied, and a second one which words of it are not
// zero. Orders lie in one slice without pointers and find each other by number.
package floor

import "math/bits"

// Width is how many prices there are: 1 to Width-1.
const Width = 1 << 14

// Kind says what an Event tells.
type Kind uint8

// The kinds of events.
const (
	Trade Kind = iota + 1
	Rested
	Done
	Cancelled
	Unknown
)

// Event is what happened to an order. In a Trade, Maker is the other order and Left is the maker's.
type Event struct {
	Order uint64
	Maker uint64
	Qty   int32
	Left  int32
	Price int32
	Kind  Kind
}

// Totals are what a Book has come to.
type Totals struct{ Traded, Notional, Trades, Refused int64 }

// Book is a book. Its zero value is none; see New. It is for one goroutine.
type Book struct {
	rungs  [Width]rung
	marks  [Width / 64]uint64 // of occupied rungs
	groups [Width / 64 / 64]uint64
	bid    int // best prices, 0 and Width for none
	ask    int
	orders []order // 0 is none
	free   uint32
	index  index
	count  uint64
	totals Totals
	events [ring]Event
}

// ring is how many events are kept, a power of two.
const ring = 1 << 10

// order has half a cache line.
type order struct {
	id         uint64
	left       int64
	prev, next uint32 // in its queue; next is that of a vacant one, too
	price      int32
}

type rung struct {
	first, last uint32
	open        int64
}

// New returns an empty book with room for so many orders at once.
func New(room int) *Book {
	return &Book{ask: Width, orders: make([]order, 1, room+1), index: newIndex(room)}
}

// Totals are those of all operations since the last Reset.
func (b *Book) Totals() Totals { return b.totals }

// Reset begins new totals. Orders stay.
func (b *Book) Reset() { b.totals = Totals{} }

// Resting is how many orders are in the book.
func (b *Book) Resting() int { return b.index.used }

// Last is the event before which back others happened, at most 1,023.
func (b *Book) Last(back int) Event { return b.events[(b.count-1-uint64(back))%ring] }

func (b *Book) tell(e Event) {
	b.events[b.count%ring] = e
	b.count++
}

// Limit enters an order. The id is of no order in the book, the price is 1 to Width-1, the quantity at least 1.
func (b *Book) Limit(id uint64, buy bool, price int, qty int64) {
	left := qty
	if buy {
		for left > 0 && b.ask <= price {
			at := b.ask
			if left = b.take(id, at, left); b.rungs[at].first == 0 {
				b.clear(at)
				b.ask = b.above(at)
			}
		}
	} else {
		for left > 0 && b.bid >= price {
			at := b.bid
			if left = b.take(id, at, left); b.rungs[at].first == 0 {
				b.clear(at)
				b.bid = b.below(at)
			}
		}
	}
	if left == 0 {
		b.tell(Event{Order: id, Qty: int32(qty), Price: int32(price), Kind: Done})
		return
	}
	b.rest(id, buy, price, left)
	b.tell(Event{Order: id, Qty: int32(qty), Left: int32(left), Price: int32(price), Kind: Rested})
}

// take trades with the orders of a rung, and returns what is left of the taker.
func (b *Book) take(id uint64, price int, left int64) int64 {
	r := &b.rungs[price]
	for slot := r.first; slot != 0; slot = r.first {
		o := &b.orders[slot]
		traded := min(left, o.left)
		left -= traded
		o.left -= traded
		r.open -= traded
		b.totals.Trades++
		b.totals.Traded += traded
		b.totals.Notional += traded * int64(price)
		b.tell(Event{Order: id, Maker: o.id, Qty: int32(traded), Left: int32(o.left), Price: int32(price), Kind: Trade})
		if o.left > 0 {
			return 0
		}
		b.index.remove(o.id, slot)
		r.first = o.next
		o.next, b.free = b.free, slot
		if r.first == 0 {
			r.last = 0
		} else {
			b.orders[r.first].prev = 0
		}
		if left == 0 {
			return 0
		}
	}
	return left
}

func (b *Book) rest(id uint64, buy bool, price int, left int64) {
	slot := b.free
	if slot != 0 {
		b.free = b.orders[slot].next
	} else {
		slot = uint32(len(b.orders))
		b.orders = append(b.orders, order{})
	}
	r := &b.rungs[price]
	b.orders[slot] = order{id: id, left: left, prev: r.last, price: int32(price)}
	if r.last != 0 {
		b.orders[r.last].next = slot
	} else {
		r.first = slot
		b.marks[price>>6] |= 1 << (price & 63)
		b.groups[price>>12] |= 1 << (price >> 6 & 63)
		if buy {
			b.bid = max(b.bid, price)
		} else {
			b.ask = min(b.ask, price)
		}
	}
	r.last = slot
	r.open += left
	b.index.put(id, slot)
}

// Cancel takes an order out and reports whether there was one.
func (b *Book) Cancel(id uint64) bool {
	slot := b.index.find(id, b.orders)
	if slot == 0 {
		b.totals.Refused++
		b.tell(Event{Order: id, Kind: Unknown})
		return false
	}
	o := &b.orders[slot]
	r := &b.rungs[o.price]
	r.open -= o.left
	if o.prev != 0 {
		b.orders[o.prev].next = o.next
	} else {
		r.first = o.next
	}
	if o.next != 0 {
		b.orders[o.next].prev = o.prev
	} else {
		r.last = o.prev
	}
	b.tell(Event{Order: id, Qty: int32(o.left), Price: o.price, Kind: Cancelled})
	if r.first == 0 {
		b.vacate(int(o.price))
	}
	b.index.remove(id, slot)
	o.next, b.free = b.free, slot
	return true
}

// vacate clears a rung, and finds the best price again if it was that.
func (b *Book) vacate(price int) {
	b.clear(price)
	switch price {
	case b.bid:
		b.bid = b.below(price)
	case b.ask:
		b.ask = b.above(price)
	}
}

func (b *Book) clear(price int) {
	w := price >> 6
	if b.marks[w] &^= 1 << (price & 63); b.marks[w] == 0 {
		b.groups[w>>6] &^= 1 << (w & 63)
	}
}

// below is the highest occupied rung under price, 0 for none.
func (b *Book) below(price int) int {
	w := price >> 6
	if m := b.marks[w] & (1<<(price&63) - 1); m != 0 {
		return w<<6 + bits.Len64(m) - 1
	}
	g := w >> 6
	for m := b.groups[g] & (1<<(w&63) - 1); ; m = b.groups[g] {
		if m != 0 {
			w = g<<6 + bits.Len64(m) - 1
			return w<<6 + bits.Len64(b.marks[w]) - 1
		}
		if g--; g < 0 {
			return 0
		}
	}
}

// above is the lowest occupied rung over price, Width for none.
func (b *Book) above(price int) int {
	w := price >> 6
	if m := b.marks[w] &^ (2<<(price&63) - 1); m != 0 {
		return w<<6 + bits.TrailingZeros64(m)
	}
	g := w >> 6
	for m := b.groups[g] &^ (2<<(w&63) - 1); ; m = b.groups[g] {
		if m != 0 {
			w = g<<6 + bits.TrailingZeros64(m)
			return w<<6 + bits.TrailingZeros64(b.marks[w])
		}
		if g++; g == len(b.groups) {
			return Width
		}
	}
}
