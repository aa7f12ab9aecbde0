package matching

import "slices"

// state of an order: where it is, and what of it is kept beside it.
type state uint8

const (
	vacant      state = iota
	resting           // in a level of the book
	waiting           // a parked STOP_LIMIT, in a level of the stops
	waitingStop       // a parked STOP: it has no limit

	place    state = 3 // mask of the above
	detailed state = 4 // the details of this slot are this order's
	traded   state = 8 // so is what is filled of it
)

// order is one live order: what every command needs of it, in half a cache line and without pointers,
// so that many orders are near and the collector never looks into the arena. Its price and symbol are
// those of its level.
type order struct {
	id     OrderID
	next   uint32 // towards the tail; in a vacant slot the next vacant one
	prev   uint32 // towards the head; stale in the head itself, whose level knows it
	level  uint32
	open   int32 // shown
	trader TraderID
	side   Side
	tif    TIF
	stp    Prevention
	state  state
}

// details are what most orders never have. They lie beside the orders, by the same slots, as far as the last one that has
// had any, and are touched by those only that have them.
type details struct {
	expiry  int64  // of GTD
	arrival uint64 // of stops and GTD
	reserve int32  // hidden part of an iceberg
	display int32  // 0: no iceberg
	trigger int32  // of a parked stop
	limit   int32  // of a parked stop, 0 for none
}

// arena holds all orders of an engine. Slot 0 is never used, so 0 means none. What was filled of an order
// since it first rested is not among its details: every tenth command or so fills a maker in part, and writes
// a number that is hardly ever read. That is done with by the next command; details are waited for.
type arena struct {
	orders  []order
	details []details
	filled  []int64
	free    uint32
}

func newArena(hint int) arena {
	return arena{orders: make([]order, 1, hint+1), filled: make([]int64, 1, hint+1)}
}

// take returns a vacant slot; its fields are the caller's to set.
func (a *arena) take() uint32 {
	slot := a.free
	if slot == 0 {
		return a.grow()
	}
	a.free = a.orders[slot].next
	return slot
}

// grow doubles the arena, which append would not do for a big one: growing less often matters more
// than the room.
//
//go:noinline
func (a *arena) grow() uint32 {
	n := len(a.orders)
	if n == cap(a.orders) {
		a.orders = slices.Grow(a.orders, n)
		a.filled = slices.Grow(a.filled, cap(a.orders)-n)
	}
	a.orders = a.orders[:n+1]
	a.filled = a.filled[:n+1]
	return uint32(n)
}

// release makes the slot vacant.
func (a *arena) release(slot uint32) {
	o := &a.orders[slot]
	o.state = vacant
	o.next = a.free
	a.free = slot
}

// detail returns the order's details to be set, empty ones at first.
func (a *arena) detail(slot uint32) *details {
	o := &a.orders[slot]
	if o.state&detailed == 0 {
		o.state |= detailed
		if int(slot) >= len(a.details) {
			a.details = slices.Grow(a.details, cap(a.orders)-len(a.details))[:cap(a.orders)]
		}
		a.details[slot] = details{}
	}
	return &a.details[slot]
}

// detailsOf returns the order's details, empty if it has none.
func (a *arena) detailsOf(slot uint32) details {
	if a.orders[slot].state&detailed == 0 {
		return details{}
	}
	return a.details[slot]
}

// fill adds to what is filled of the order.
func (a *arena) fill(slot uint32, qty int64) {
	o := &a.orders[slot]
	if o.state&traded == 0 {
		o.state |= traded
		a.filled[slot] = qty
		return
	}
	a.filled[slot] += qty
}

// filledOf is what is filled of the order since it first rested.
func (a *arena) filledOf(slot uint32) int64 {
	if a.orders[slot].state&traded == 0 {
		return 0
	}
	return a.filled[slot]
}

// reserve is the hidden part of the order.
func (a *arena) reserve(slot uint32) int64 {
	if a.orders[slot].state&detailed == 0 {
		return 0
	}
	return int64(a.details[slot].reserve)
}

// left is all the order has open.
func (a *arena) left(slot uint32) int64 { return int64(a.orders[slot].open) + a.reserve(slot) }

// show splits the remainder of an order that has the display set into the part shown and the reserve.
func (a *arena) show(slot uint32, left int64) {
	shown := left
	if a.orders[slot].state&detailed != 0 {
		d := &a.details[slot]
		if d.display != 0 {
			shown = min(left, int64(d.display))
		}
		d.reserve = int32(left - shown)
	}
	a.orders[slot].open = int32(shown)
}
