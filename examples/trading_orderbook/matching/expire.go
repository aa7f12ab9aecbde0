package matching

// expiries is a heap of the orders good till a date, the next to expire on top. An order that ends
// otherwise stays in it until it comes up or the stale ones are the majority.
type expiries struct {
	heap  []expiring
	stale int
}

// expiring names an order by its slot and arrival, so that a stale entry is recognised.
type expiring struct {
	time    int64
	arrival uint64
	slot    uint32
}

func (x *expiring) before(y *expiring) bool {
	return x.time < y.time || x.time == y.time && x.arrival < y.arrival
}

func (x *expiring) live(a *arena) bool { return a.detailsOf(x.slot).arrival == x.arrival }

// sweepAt is the number of entries below which stale ones are not worth a look.
const sweepAt = 64

func (x *expiries) add(arrival uint64, time int64, slot uint32, a *arena) {
	if len(x.heap) >= sweepAt && 2*x.stale > len(x.heap) {
		x.clean(a)
	}
	x.heap = append(x.heap, expiring{time: time, arrival: arrival, slot: slot})
	x.up(len(x.heap) - 1)
}

// clean drops the stale entries and orders the rest anew.
func (x *expiries) clean(a *arena) {
	kept := x.heap[:0]
	for _, entry := range x.heap {
		if entry.live(a) {
			kept = append(kept, entry)
		}
	}
	x.heap, x.stale = kept, 0
	for i := len(kept)/2 - 1; i >= 0; i-- {
		x.down(i)
	}
}

func (x *expiries) pop() expiring {
	top := x.heap[0]
	last := len(x.heap) - 1
	x.heap[0] = x.heap[last]
	x.heap = x.heap[:last]
	x.down(0)
	return top
}

func (x *expiries) up(i int) {
	for i > 0 {
		parent := (i - 1) / 2
		if !x.heap[i].before(&x.heap[parent]) {
			return
		}
		x.heap[i], x.heap[parent] = x.heap[parent], x.heap[i]
		i = parent
	}
}

func (x *expiries) down(i int) {
	for {
		child := 2*i + 1
		if child >= len(x.heap) {
			return
		}
		if child+1 < len(x.heap) && x.heap[child+1].before(&x.heap[child]) {
			child++
		}
		if !x.heap[child].before(&x.heap[i]) {
			return
		}
		x.heap[i], x.heap[child] = x.heap[child], x.heap[i]
		i = child
	}
}

// tick is the Tick command.
func (e *Engine) tick(c *Command) {
	if c.Time <= 0 || c.Time < e.now {
		e.reject(c, InvalidTime)
		return
	}
	e.now = c.Time
	n := int64(0)
	for len(e.expiry.heap) > 0 && e.expiry.heap[0].time <= e.now {
		due := e.expiry.pop()
		e.expiry.stale--
		if !due.live(&e.arena) {
			continue
		}
		e.takeOut(e.bookAt(&e.orders[due.slot]), due.slot, e.indexed(due.slot), Expired)
		n++
	}
	e.room()
	ev := e.event(Ticked)
	ev.Price, ev.Qty = e.now, n
}
