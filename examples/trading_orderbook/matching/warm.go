package matching

// warmBatch is how many commands Warm looks at: more of them would push each other out again.
const warmBatch = 64

// Warm reads the memory that the next commands are going to need, up to 64 of them at a time, so that
// far memory is waited for once and not once a command. It changes nothing and need not be called; it
// pays for batches of commands, cancels above all, against books of more than some thousand orders.
func (e *Engine) Warm(next []Command) {
	var slots [warmBatch]uint32
	n := 0
	mask := len(e.index.slots) - 1
	for i := range next[:min(len(next), warmBatch)] {
		if op := next[i].Op; op == CancelOrder || op == AmendOrder {
			// Mostly this is the order; if not, the wrong memory is read and nothing else happens.
			slots[n] = e.index.slots[e.index.home(hashOf(next[i].Order))&mask].at
			n++
		}
	}
	read := uint32(0)
	for _, slot := range slots[:n] {
		o := &e.orders[slot]
		read += e.orders[o.prev].prev + e.orders[o.next].prev
	}
	e.warmed = read
}
