package matching

// level is one price of one side: a queue of orders and its totals.
type level struct {
	head, tail uint32
	count      uint32
	price      int32
	open       int64 // shown
	hidden     int64 // reserves
}

// push joins the order to the tail.
func (a *arena) push(lv *level, slot uint32) {
	o := &a.orders[slot]
	o.next, o.prev = 0, lv.tail
	if lv.tail == 0 {
		lv.head = slot
	} else {
		a.orders[lv.tail].next = slot
	}
	lv.tail = slot
	lv.count++
	lv.open += int64(o.open)
	if o.state&detailed != 0 {
		lv.hidden += int64(a.details[slot].reserve)
	}
}

// pull takes the order out of its level, wherever it stands. The neighbour that becomes head keeps
// its stale prev: setting it would cost a cache line that nothing else needs.
func (a *arena) pull(lv *level, slot uint32) {
	o := &a.orders[slot]
	lv.count--
	lv.open -= int64(o.open)
	if o.state&detailed != 0 {
		lv.hidden -= int64(a.details[slot].reserve)
	}
	head, tail := lv.head == slot, lv.tail == slot
	switch {
	case head && tail:
		lv.head, lv.tail = 0, 0
	case head:
		lv.head = o.next
	case tail:
		lv.tail = o.prev
		a.orders[o.prev].next = 0
	default:
		a.orders[o.prev].next = o.next
		a.orders[o.next].prev = o.prev
	}
}
