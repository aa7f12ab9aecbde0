package matching_test

import (
	"fmt"
	"slices"

	"github.com/necrostack/necrostack/examples/trading_orderbook/matching"
)

// feed is a subscriber that never saw the book: it knows what the L2 and L3
// events told, and has to end up with the same book.
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

func (f *feed) apply(e matching.Event) error {
	at := place{e.Symbol, e.Side, e.Price}
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

func (f *feed) level(at place, e matching.Event) error {
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

// feedsInPlace checks where the feeds stand among the other events (R20).
func feedsInPlace(events []matching.Event) error {
	told := map[place]int{} // changes of levels that the sweep at hand takes from
	taker := matching.Side(0)
	for i, e := range events {
		switch e.Kind {
		case matching.Trade:
			taker = e.Side
			if next := following(events, i); next.Order != e.Maker || !isL3(next.Kind) {
				return fmt.Errorf("trade %d is followed by %v of order %d, not by its maker's L3", e.Trade, next.Kind, next.Order)
			}
		case matching.Triggered:
			clear(told)
			taker = 0
		case matching.Queued:
			next, then := following(events, i), following(events, i+1)
			if next.Kind != matching.OrderAdded || next.Order != e.Order || then.Kind != matching.LevelChanged {
				return fmt.Errorf("order %d queued, followed by %v and %v", e.Order, next.Kind, then.Kind)
			}
		case matching.LevelChanged:
			at := place{e.Symbol, e.Side, e.Price}
			if told[at]++; told[at] > 1 && taker == e.Side.Opposite() {
				return fmt.Errorf("one sweep changed level %v twice", at)
			}
		}
	}
	return nil
}

func isL3(kind matching.Kind) bool { return kind > matching.LevelChanged }

// following is the event after i, of no kind if there is none.
func following(events []matching.Event, i int) matching.Event {
	if i+1 < len(events) {
		return events[i+1]
	}
	return matching.Event{}
}
