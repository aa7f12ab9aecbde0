package matching

// MaxSlices bounds the slices of an iceberg: each is a trade of its own, and without a bound one
// command against an order of 10^9 lots that shows one would make 10^9 of them.
const MaxSlices = 1000

// nextSlice shows the next part of an iceberg's reserve, at the tail of its level: what was hidden
// has not waited in the queue.
func (e *Engine) nextSlice(lv *level, slot uint32, symbol SymbolID) {
	o := &e.orders[slot]
	e.orderChanged(OrderRemoved, o, lv, symbol)
	e.pull(lv, slot)
	e.show(slot, e.reserve(slot))
	e.push(lv, slot)
	e.orderChanged(OrderAdded, o, lv, symbol)
}
