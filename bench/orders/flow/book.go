package flow

// book is a limit order book that a reader can check: a queue per price, and a search tick by tick for the next
// price. It remembers which orders are live, so that a cancel can pick one.
type book struct {
	orders []resting // 0 is none
	vacant []int32
	live   []int32 // slots of orders, in no order
	queues [Width]queue
	bid    int32 // best prices; 0 and Width-1 where there is none
	ask    int32
	gone   gone
}

type resting struct {
	id         uint32
	price      int32
	left       int32
	prev, next int32 // in its queue
	at         int32 // in live
}

type queue struct{ first, last int32 }

// gone are the ids that left the book last.
type gone struct {
	ids [1024]uint32
	n   int
}

func (g *gone) add(id uint32) {
	g.ids[g.n%len(g.ids)] = id
	g.n++
}

func (g *gone) at(i int) uint32 { return g.ids[i] }

func newBook() book { return book{orders: make([]resting, 1), ask: Width - 1} }

// enter lets an order trade with whom it meets, and puts what is left of it into its queue.
func (b *book) enter(op Op, t *Totals) {
	left := op.Qty
	for left > 0 && b.crosses(op) {
		price := b.bid
		if op.Kind == Buy {
			price = b.ask
		}
		slot := b.queues[price].first
		maker := &b.orders[slot]
		traded := min(left, maker.left)
		left -= traded
		maker.left -= traded
		t.Trades++
		t.Traded += int64(traded)
		t.Notional += int64(traded) * int64(price)
		if maker.left == 0 {
			b.remove(slot)
		}
	}
	if left > 0 {
		op.Qty = left
		b.rest(op)
	}
}

func (b *book) crosses(op Op) bool {
	if op.Kind == Buy {
		return b.queues[b.ask].first != 0 && b.ask <= op.Price
	}
	return b.queues[b.bid].first != 0 && b.bid >= op.Price
}

func (b *book) rest(op Op) {
	slot := int32(len(b.orders))
	if n := len(b.vacant); n > 0 {
		slot, b.vacant = b.vacant[n-1], b.vacant[:n-1]
	} else {
		b.orders = append(b.orders, resting{})
	}
	q := &b.queues[op.Price]
	b.orders[slot] = resting{id: op.ID, price: op.Price, left: op.Qty, prev: q.last, at: int32(len(b.live))}
	b.live = append(b.live, slot)
	if q.last == 0 {
		q.first = slot
	} else {
		b.orders[q.last].next = slot
	}
	q.last = slot
	if op.Kind == Buy {
		b.bid = max(b.bid, op.Price)
	} else {
		b.ask = min(b.ask, op.Price)
	}
}

// remove takes an order out, and finds the best price again where it was the last of it.
func (b *book) remove(slot int32) {
	o := b.orders[slot]
	q := &b.queues[o.price]
	if o.prev == 0 {
		q.first = o.next
	} else {
		b.orders[o.prev].next = o.next
	}
	if o.next == 0 {
		q.last = o.prev
	} else {
		b.orders[o.next].prev = o.prev
	}
	other := b.live[len(b.live)-1]
	b.live[o.at], b.orders[other].at = other, o.at
	b.live = b.live[:len(b.live)-1]
	b.vacant = append(b.vacant, slot)
	b.gone.add(o.id)
	for b.bid > 0 && b.queues[b.bid].first == 0 {
		b.bid--
	}
	for b.ask < Width-1 && b.queues[b.ask].first == 0 {
		b.ask++
	}
}
