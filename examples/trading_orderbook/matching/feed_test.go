package matching_test

import (
	"fmt"
	"slices"

	"github.com/necrostack/necrostack/examples/trading_orderbook/matching"
)

// feed is a subscriber that never saw the book: it knows what the L2 and L3
// changes told, and has to end up with the same book.
type feed struct {
	depth  map[place]shownDepth
	orders map[place][]shownOrder // in priority order
}

// place is a price level.
type place struct {
	symbol matching.SymbolID
	side   matching.Side
	price  int64
}

func placeOf(c matching.Change) place { return place{c.Symbol, c.Side, int64(c.Price)} }

type shownDepth struct {
	qty   int64
	count uint32
}

type shownOrder struct {
	id  matching.OrderID
	qty int64
}

func newFeed() *feed {
	return &feed{depth: map[place]shownDepth{}, orders: map[place][]shownOrder{}}
}

func (f *feed) apply(e matching.Change) error {
	at := placeOf(e)
	switch e.Kind {
	case matching.LevelChanged:
		return f.level(at, e)
	case matching.OrderAdded:
		if e.Qty < 1 {
			return fmt.Errorf("order %d added with quantity %d", e.Order, e.Qty)
		}
		f.orders[at] = append(f.orders[at], shownOrder{e.Order, e.Qty})
	case matching.OrderChanged:
		i := f.find(at, e.Order)
		if i < 0 {
			return fmt.Errorf("order %d changed at %v, where it is not", e.Order, at)
		}
		f.orders[at][i].qty = e.Qty
	case matching.OrderRemoved:
		i := f.find(at, e.Order)
		if i < 0 {
			return fmt.Errorf("order %d removed from %v, where it is not", e.Order, at)
		}
		f.orders[at] = slices.Delete(f.orders[at], i, i+1)
		if len(f.orders[at]) == 0 {
			delete(f.orders, at)
		}
	}
	return nil
}

func (f *feed) level(at place, e matching.Change) error {
	if e.Count > 0 {
		f.depth[at] = shownDepth{e.Qty, e.Count}
		return nil
	}
	if e.Qty != 0 {
		return fmt.Errorf("level %v without orders shows %d", at, e.Qty)
	}
	delete(f.depth, at)
	return nil
}

func (f *feed) find(at place, id matching.OrderID) int {
	return slices.IndexFunc(f.orders[at], func(o shownOrder) bool { return o.id == id })
}

// compare holds what the feed says of a symbol against the book.
func (f *feed) compare(b *refBook) error {
	want := map[place][]shownOrder{}
	for _, o := range slices.Concat(b.buys, b.sells) {
		at := place{b.symbol, o.side, o.price}
		want[at] = append(want[at], shownOrder{o.id, o.shown})
	}
	for at, orders := range want {
		if !slices.Equal(f.orders[at], orders) {
			return fmt.Errorf("L3 has %v at %v, the book %v", f.orders[at], at, orders)
		}
		if total := depthOf(orders); f.depth[at] != total {
			return fmt.Errorf("L2 has %v at %v, the book %v", f.depth[at], at, total)
		}
	}
	if places := placesOf(f.orders, b.symbol); places != len(want) {
		return fmt.Errorf("L3 has %d levels, the book %d", places, len(want))
	}
	if places := placesOf(f.depth, b.symbol); places != len(want) {
		return fmt.Errorf("L2 has %d levels, the book %d", places, len(want))
	}
	return nil
}

func placesOf[V any](levels map[place]V, symbol matching.SymbolID) (n int) {
	for at := range levels {
		if at.symbol == symbol {
			n++
		}
	}
	return n
}

func depthOf(orders []shownOrder) shownDepth {
	total := shownDepth{count: uint32(len(orders))}
	for _, o := range orders {
		total.qty += o.qty
	}
	return total
}

// feedsInPlace checks that changes come in the order of what they follow from (R20).
func feedsInPlace(events []matching.Event, changes []matching.Change) error {
	rest := changes
	for _, e := range events {
		var found bool
		switch e.Kind {
		case matching.Trade:
			rest, found = after(rest, func(c matching.Change) bool { return isL3(c.Kind) && c.Order == e.Maker })
			if !found {
				return fmt.Errorf("trade %d has no change of its maker in place: %v", e.Trade, changes)
			}
		case matching.Queued:
			rest, found = after(rest, func(c matching.Change) bool { return c.Kind == matching.OrderAdded && c.Order == e.Order })
			if !found || len(rest) == 0 || rest[0].Kind != matching.LevelChanged {
				return fmt.Errorf("order %d was queued, and not added to a level that then changed: %v", e.Order, changes)
			}
		}
	}
	return sweptOnce(events, changes)
}

// after is what comes after the first change that matches.
func after(changes []matching.Change, match func(matching.Change) bool) ([]matching.Change, bool) {
	i := slices.IndexFunc(changes, match)
	return changes[i+1:], i >= 0
}

// sweptOnce checks that a sweep tells each level that it takes from once. Where stops ran too, there were
// several sweeps.
func sweptOnce(events []matching.Event, changes []matching.Change) error {
	taker := matching.Side(0)
	for _, e := range events {
		switch e.Kind {
		case matching.Triggered:
			return nil
		case matching.Trade:
			taker = e.Side
		}
	}
	swept := map[place]bool{}
	for _, c := range changes {
		if c.Kind != matching.LevelChanged || taker != c.Side.Opposite() {
			continue
		}
		if swept[placeOf(c)] {
			return fmt.Errorf("one sweep changed level %v twice", placeOf(c))
		}
		swept[placeOf(c)] = true
	}
	return nil
}

func isL3(kind matching.ChangeKind) bool { return kind > matching.LevelChanged }
