package matching

import "fmt"

// Verify checks everything that must hold between two commands and returns the first thing that does
// not: a book neither crossed nor locked, levels in strict order and none empty, totals and counts
// equal to sums, queues linked both ways, every order in its index, arenas and trees without leaks.
// It takes time in proportion to all that the engine holds, and memory for tests.
func (e *Engine) Verify() error {
	v := &verifier{e: e, arrivals: map[uint64]OrderID{}}
	for id := 1; id < len(e.books); id++ {
		if err := v.book(SymbolID(id)); err != nil {
			return fmt.Errorf("symbol %q: %w", e.specs[id].Name, err)
		}
	}
	return v.totals()
}

// verifier counts what it finds.
type verifier struct {
	e        *Engine
	resting  int
	parked   int
	dated    int
	pages    int
	nodes    int
	arrivals map[uint64]OrderID
}

func (v *verifier) book(id SymbolID) error {
	b := &v.e.books[id]
	bid, ask := b.side(Buy), b.side(Sell)
	if bid.best != 0 && ask.best != 0 {
		if high, low := v.e.levels[bid.best].price, v.e.levels[ask.best].price; high >= low {
			return fmt.Errorf("bid %d and ask %d cross", high, low)
		}
	}
	for _, side := range []Side{Buy, Sell} {
		if err := v.ladder(id, side, b.side(side), false); err != nil {
			return fmt.Errorf("%v: %w", side, err)
		}
		stops := b.stop(side)
		if err := v.ladder(id, side, stops, true); err != nil {
			return fmt.Errorf("%v stops: %w", side, err)
		}
		if b.last != 0 && stops.crosses(b.last) {
			return fmt.Errorf("%v stop at rank %d waits at a last price of %d", side, stops.rank, b.last)
		}
	}
	return nil
}

// ladder checks one side: the tree, the chain of levels, and every level.
func (v *verifier) ladder(id SymbolID, side Side, l *ladder, stops bool) error {
	if l.best != 0 && l.best != v.e.first(l) {
		return fmt.Errorf("best level %d, by the tree %d", l.best, v.e.first(l))
	}
	if l.spare != 0 && (l.best != 0 || l.pages != 1) {
		return fmt.Errorf("spare page %d with best level %d and %d pages", l.spare, l.best, l.pages)
	}
	if rising := stops == (side == Buy); rising != (l.flip == 0) {
		return fmt.Errorf("flip is %x", l.flip)
	}
	if (l.best == 0) != (l.rank == noRank) {
		return fmt.Errorf("best level %d of rank %d", l.best, l.rank)
	}
	chain, previous := 0, uint32(0)
	for ref := l.best; ref != 0; ref = v.e.after(l, ref) {
		lv := &v.e.levels[ref]
		rank := uint32(lv.price) ^ l.flip
		if chain > 0 && rank <= previous {
			return fmt.Errorf("rank %d after rank %d", rank, previous)
		}
		if chain == 0 && rank != l.rank {
			return fmt.Errorf("best rank %d, its level says %d", l.rank, rank)
		}
		if err := v.level(id, side, ref, stops); err != nil {
			return fmt.Errorf("level %d: %w", lv.price, err)
		}
		chain, previous = chain+1, rank
	}
	pages := v.pages
	levels, err := v.tree(l, l.root, 0, treeBits)
	if err == nil && (levels != chain || v.pages-pages != int(l.pages)) {
		err = fmt.Errorf("%d levels in the tree, %d in the chain; %d pages, counted %d", levels, chain, v.pages-pages, l.pages)
	}
	return err
}

// tree counts the levels below a node and checks that nothing empty hangs in it. Shift is that of
// the node's part of the key, negative for a page.
func (v *verifier) tree(l *ladder, n, key uint32, shift int) (levels int, err error) {
	if n == 0 {
		return 0, nil
	}
	if shift < 0 {
		return v.page(l, n, key)
	}
	v.nodes++
	at := &v.e.nodes[n]
	if at.bits == 0 {
		return 0, fmt.Errorf("node %d is empty", n)
	}
	for i := range uint32(64) {
		if at.bits>>i&1 == 0 {
			continue
		}
		below, err := v.tree(l, at.child[i], key|i<<shift, shift-6)
		if err != nil {
			return 0, err
		}
		levels += below
	}
	return levels, nil
}

func (v *verifier) page(l *ladder, n, key uint32) (levels int, err error) {
	v.pages++
	head := &v.e.heads[n]
	if head.key != key || (head.bits == 0) != (n == l.spare) {
		return 0, fmt.Errorf("page %d has key %d and bits %x at key %d", n, head.key, head.bits, key)
	}
	if r := l.recent[key%recentPages]; r.key == key && r.page != 0 && r.page != n {
		return 0, fmt.Errorf("recent page %d of key %d, not %d", r.page, key, n)
	}
	for i := range uint32(64) {
		lv := &v.e.levels[n<<6|i]
		if used := head.bits>>i&1 == 1; used != (lv.count > 0) {
			return 0, fmt.Errorf("level %d of page %d has %d orders, in the bitmap: %v", i, n, lv.count, used)
		}
		if lv.count == 0 {
			continue
		}
		if uint32(lv.price) != (key<<6|i)^l.flip {
			return 0, fmt.Errorf("level %d of page %d has price %d", i, n, lv.price)
		}
		levels++
	}
	return levels, nil
}

// level checks a queue and its totals.
func (v *verifier) level(id SymbolID, side Side, ref uint32, stops bool) error {
	lv := &v.e.levels[ref]
	var open, hidden int64
	var count, previous uint32
	for slot := lv.head; slot != 0; slot = v.e.orders[slot].next {
		o := &v.e.orders[slot]
		if count++; count > lv.count {
			return fmt.Errorf("more orders than %d", lv.count)
		}
		if previous != 0 && o.prev != previous {
			return fmt.Errorf("order %d has prev %d, not %d", o.id, o.prev, previous)
		}
		if v.e.bookAt(o).id != id || o.side != side || o.level != ref {
			return fmt.Errorf("order %d belongs elsewhere", o.id)
		}
		if err := v.order(slot, lv, stops); err != nil {
			return fmt.Errorf("order %d: %w", o.id, err)
		}
		open += int64(o.open)
		hidden += v.e.reserve(slot)
		previous = slot
	}
	if count != lv.count || previous != lv.tail || open != lv.open || hidden != lv.hidden {
		return fmt.Errorf("%d orders of %d and %d in reserve, tail %d; the level says %+v", count, open, hidden, previous, *lv)
	}
	return nil
}

func (v *verifier) order(slot uint32, lv *level, stops bool) error {
	e := v.e
	o := &e.orders[slot]
	d := e.detailsOf(slot)
	at := o.state & place
	dated := o.tif == GTD
	if stops {
		v.parked++
	} else {
		v.resting++
	}
	if dated {
		v.dated++
	}
	if d.arrival != 0 {
		if other, taken := v.arrivals[d.arrival]; taken {
			return fmt.Errorf("arrival %d, as order %d", d.arrival, other)
		}
		v.arrivals[d.arrival] = o.id
	}
	switch {
	case stops && d.trigger != lv.price:
		return fmt.Errorf("trigger %d", d.trigger)
	case o.open <= 0 || d.reserve < 0 || e.filledOf(slot) < 0:
		return fmt.Errorf("open %d, reserve %d, filled %d", o.open, d.reserve, e.filledOf(slot))
	case stops != (at == waiting || at == waitingStop) || !stops && at != resting:
		return fmt.Errorf("state %d", o.state)
	case (d.arrival != 0) != (stops || dated) || (d.trigger != 0) != stops || (d.expiry != 0) != dated:
		return fmt.Errorf("%v with details %+v", o.tif, d)
	case d.display == 0 && d.reserve != 0 || d.display != 0 && !stops && o.open > d.display:
		return fmt.Errorf("shows %d with details %+v", o.open, d)
	case dated && d.expiry <= e.now:
		return fmt.Errorf("expired at %d", d.expiry)
	case e.index.get(hashOf(o.id), o.id, e.orders) != slot:
		return fmt.Errorf("the index says slot %d", e.index.get(hashOf(o.id), o.id, e.orders))
	case e.names != nil && len(e.names.orders.text(uint64(o.id))) == 0:
		return fmt.Errorf("no name")
	}
	return nil
}

// totals compares what was found with what the engine counts.
func (v *verifier) totals() error {
	e := v.e
	free := 0
	for slot := e.arena.free; slot != 0; slot = e.orders[slot].next {
		free++
	}
	entries, stale := len(e.expiry.heap), 0
	for i := range e.expiry.heap {
		if !e.expiry.heap[i].live(&e.arena) {
			stale++
		}
	}
	live := v.resting + v.parked
	switch {
	case v.parked != e.waits || live != e.index.n:
		return fmt.Errorf("%d resting and %d parked orders; %d counted as parked, %d indexed", v.resting, v.parked, e.waits, e.index.n)
	case live+free+1 != len(e.orders):
		return fmt.Errorf("%d live and %d vacant slots of %d", live, free, len(e.orders)-1)
	case v.pages != e.usedPages || v.nodes != e.usedNodes:
		return fmt.Errorf("%d pages and %d nodes, counted %d and %d", v.pages, v.nodes, e.usedPages, e.usedNodes)
	case stale != e.expiry.stale || entries-stale != v.dated:
		return fmt.Errorf("%d dated orders; %d entries, %d stale, counted %d", v.dated, entries, stale, e.expiry.stale)
	}
	return nil
}
