package matching_test

import (
	"cmp"
	"slices"

	"github.com/necrostack/necrostack/examples/trading_orderbook/matching"
)

// reference is a second matching engine, written from the rules in doc.go alone:
// slices, linear searches and copies, nothing clever. The engine has to agree
// with it in every event and every resting order.
type reference struct {
	amendTotal, idsEver bool

	books    []*refBook // by symbol, the first at 0
	orders   map[matching.OrderID]*refOrder
	used     map[matching.OrderID]bool // accepted at any time
	now      int64
	trades   uint64
	arrivals int
	events   []matching.Event // of the command at hand, without Seq
}

// refBook is one symbol. Its queues hold the orders in priority order.
type refBook struct {
	symbol    matching.SymbolID
	spec      matching.Spec
	phase     matching.Phase
	buys      []*refOrder
	sells     []*refOrder
	stops     []*refOrder // parked, in order of arrival
	lastPrice int64       // 0: no trade yet
}

type refOrder struct {
	id         matching.OrderID
	trader     matching.TraderID
	symbol     matching.SymbolID
	side       matching.Side
	kind       matching.Type
	tif        matching.TIF
	prevention matching.Prevention
	price      int64
	trigger    int64
	display    int64
	expiry     int64 // 0: never
	arrival    int
	open       int64 // shown and reserve
	shown      int64
	filled     int64 // since it first rested
	rested     bool
	parked     bool
}

func newReference(config matching.Config, specs ...matching.Spec) *reference {
	r := &reference{
		amendTotal: config.AmendTotal,
		idsEver:    config.IDsEver,
		orders:     map[matching.OrderID]*refOrder{},
		used:       map[matching.OrderID]bool{},
	}
	for i, spec := range specs {
		r.books = append(r.books, &refBook{symbol: matching.SymbolID(i + 1), spec: spec})
	}
	return r
}

// apply carries out one command and returns its events, without Seq and feeds.
func (r *reference) apply(c *matching.Command) []matching.Event {
	r.events = r.events[:0]
	reason := r.run(c)
	if reason != matching.NoReason {
		return []matching.Event{{
			Kind: matching.Rejected, Reason: reason, Order: c.Order, Trader: c.Trader, Symbol: c.Symbol,
		}}
	}
	return r.events
}

func (r *reference) run(c *matching.Command) matching.Reason {
	switch c.Op {
	case matching.NewOrder:
		return r.enter(c)
	case matching.CancelOrder:
		return r.cancel(c)
	case matching.AmendOrder:
		return r.amend(c)
	case matching.CancelAll:
		return r.cancelAll(c)
	case matching.SetPhase:
		return r.setPhase(c)
	case matching.Tick:
		return r.tick(c)
	default:
		return matching.UnknownOp
	}
}

func (r *reference) book(symbol matching.SymbolID) *refBook {
	if symbol < 1 || int(symbol) > len(r.books) {
		return nil
	}
	return r.books[symbol-1]
}

// say adds an event about an order. Where the event has no price of its own it
// has the order's limit.
func (r *reference) say(kind matching.Kind, o *refOrder, e matching.Event) {
	if e.Price == 0 {
		e.Price = o.price
	}
	e.Kind, e.Order, e.Trader, e.Symbol, e.Side = kind, o.id, o.trader, o.symbol, o.side
	r.events = append(r.events, e)
}

func (b *refBook) queue(side matching.Side) *[]*refOrder {
	if side == matching.Buy {
		return &b.buys
	}
	return &b.sells
}

// better reports whether price a goes before price b on side.
func better(side matching.Side, a, b int64) bool {
	if side == matching.Buy {
		return a > b
	}
	return a < b
}

// join puts o behind all orders with a better price or the same one.
func (b *refBook) join(o *refOrder) {
	queue := b.queue(o.side)
	at := 0
	for at < len(*queue) && !better(o.side, o.price, (*queue)[at].price) {
		at++
	}
	*queue = slices.Insert(*queue, at, o)
}

// leave takes o out of its queue or out of the park.
func (b *refBook) leave(o *refOrder) {
	same := func(x *refOrder) bool { return x == o }
	if o.parked {
		b.stops = slices.DeleteFunc(b.stops, same)
		return
	}
	queue := b.queue(o.side)
	*queue = slices.DeleteFunc(*queue, same)
}

// remove takes o out for good.
func (r *reference) remove(o *refOrder) {
	r.book(o.symbol).leave(o)
	delete(r.orders, o.id)
}

// drop cancels a live order.
func (r *reference) drop(o *refOrder, why matching.Reason) {
	r.remove(o)
	r.say(matching.Cancelled, o, matching.Event{Qty: o.open, Reason: why})
}

func (r *reference) cancel(c *matching.Command) matching.Reason {
	o := r.orders[c.Order]
	if o == nil || c.Trader != 0 && c.Trader != o.trader {
		return matching.UnknownOrder
	}
	if r.book(o.symbol).phase == matching.Halted {
		return matching.SymbolHalted
	}
	r.drop(o, matching.User)
	return matching.NoReason
}

func (r *reference) cancelAll(c *matching.Command) matching.Reason {
	if c.Trader == 0 {
		return matching.InvalidTrader
	}
	if c.Symbol != 0 && r.book(c.Symbol) == nil {
		return matching.InvalidSymbol
	}
	count := int64(0)
	for _, b := range r.books {
		if c.Symbol != 0 && c.Symbol != b.symbol {
			continue
		}
		for _, o := range slices.Concat(b.buys, b.sells, b.stops) {
			if o.trader == c.Trader {
				r.drop(o, matching.MassCancel)
				count++
			}
		}
	}
	r.events = append(r.events, matching.Event{
		Kind: matching.CancelledAll, Trader: c.Trader, Symbol: c.Symbol, Qty: count,
	})
	return matching.NoReason
}

func (r *reference) setPhase(c *matching.Command) matching.Reason {
	b := r.book(c.Symbol)
	if b == nil {
		return matching.InvalidSymbol
	}
	if c.Phase > matching.Halted {
		return matching.InvalidPhase
	}
	b.phase = c.Phase
	r.events = append(r.events, matching.Event{Kind: matching.PhaseSet, Symbol: c.Symbol, Phase: c.Phase})
	return matching.NoReason
}

func (r *reference) tick(c *matching.Command) matching.Reason {
	if c.Time <= 0 || c.Time < r.now {
		return matching.InvalidTime
	}
	r.now = c.Time
	var due []*refOrder
	for _, o := range r.orders {
		if o.expiry != 0 && o.expiry <= r.now {
			due = append(due, o)
		}
	}
	slices.SortFunc(due, func(a, b *refOrder) int {
		return cmp.Or(cmp.Compare(a.expiry, b.expiry), cmp.Compare(a.arrival, b.arrival))
	})
	for _, o := range due {
		r.drop(o, matching.Expired)
	}
	r.events = append(r.events, matching.Event{Kind: matching.Ticked, Price: c.Time, Qty: int64(len(due))})
	return matching.NoReason
}
