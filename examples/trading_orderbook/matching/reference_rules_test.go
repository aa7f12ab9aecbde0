package matching_test

import (
	"slices"

	"github.com/necrostack/necrostack/examples/trading_orderbook/matching"
)

// check is one reason to refuse a command, and whether it applies. Checks stand
// in the order of the rules; the first that applies is the answer.
type check struct {
	reason  matching.Reason
	applies bool
}

func first(checks ...check) matching.Reason {
	for _, c := range checks {
		if c.applies {
			return c.reason
		}
	}
	return matching.NoReason
}

func (r *reference) enter(c *matching.Command) matching.Reason {
	if reason := r.malformed(c); reason != matching.NoReason {
		return reason
	}
	b := r.book(c.Symbol)
	o := r.made(c)
	fires := o.parked && b.triggered(o)
	if !o.parked || fires {
		if reason := b.refusal(o); reason != matching.NoReason {
			return reason
		}
	}
	r.used[o.id] = true
	r.arrivals++
	o.arrival = r.arrivals
	if o.parked && !fires {
		r.park(b, o)
		return matching.NoReason
	}
	if fires {
		o.parked = false
		r.say(matching.Triggered, o, matching.Event{Price: o.trigger, Left: o.open})
	}
	r.match(o)
	r.cascade(b)
	return matching.NoReason
}

func (r *reference) park(b *refBook, o *refOrder) {
	r.orders[o.id] = o
	b.stops = append(b.stops, o)
	r.say(matching.Parked, o, matching.Event{Price: o.trigger, Left: o.open})
}

// made is the order that a sound New command describes. A stop is made parked.
func (r *reference) made(c *matching.Command) *refOrder {
	o := &refOrder{
		id: c.Order, trader: c.Trader, symbol: c.Symbol, side: c.Side,
		kind: c.Type, tif: c.TIF, prevention: c.Prevention,
		open: c.Qty, display: c.Display, parked: isStop(c.Type),
	}
	if hasLimit(c.Type) {
		o.price = c.Price
	}
	if isStop(c.Type) {
		o.trigger = c.Trigger
	}
	if c.TIF == matching.GTD {
		o.expiry = c.Time
	}
	return o
}

func isStop(kind matching.Type) bool { return kind == matching.Stop || kind == matching.StopLimit }

func hasLimit(kind matching.Type) bool { return kind == matching.Limit || kind == matching.StopLimit }

// malformed is what is wrong with a New before the orders in the book matter (R13).
func (r *reference) malformed(c *matching.Command) matching.Reason {
	b := r.book(c.Symbol)
	if c.Order == 0 || c.Trader == 0 || b == nil {
		return first(
			check{matching.InvalidID, c.Order == 0},
			check{matching.InvalidTrader, c.Trader == 0},
			check{matching.InvalidSymbol, b == nil},
		)
	}
	limit, stop := hasLimit(c.Type), isStop(c.Type)
	taken := r.orders[c.Order] != nil || r.idsEver && r.used[c.Order]
	return first(
		check{matching.InvalidSide, c.Side != matching.Buy && c.Side != matching.Sell},
		check{matching.InvalidType, c.Type > matching.StopLimit},
		check{matching.InvalidTIF, !goesWith(c.Type, c.TIF)},
		check{matching.InvalidPrevention, c.Prevention > matching.Decrement},
		check{matching.InvalidQty, c.Qty < 1 || c.Qty > b.spec.MaxQty},
		check{matching.InvalidDisplay, c.Display != 0 && !displayable(c)},
		check{matching.InvalidPrice, limit && c.Price != matching.OffTick && !b.priced(c.Price)},
		check{matching.OffTickReason, limit && c.Price == matching.OffTick},
		check{matching.InvalidTrigger, stop && c.Trigger != matching.OffTick && !b.priced(c.Trigger)},
		check{matching.OffTickReason, stop && c.Trigger == matching.OffTick},
		check{matching.InvalidTime, c.TIF == matching.GTD && c.Time <= r.now},
		check{matching.DuplicateID, taken},
		check{b.closed(), b.phase != matching.Continuous},
	)
}

// closed is why a symbol that is not continuous takes no order.
func (b *refBook) closed() matching.Reason {
	if b.phase == matching.Halted {
		return matching.SymbolHalted
	}
	return matching.SymbolCancelOnly
}

func (b *refBook) priced(price int64) bool { return price >= 1 && price <= b.spec.MaxPrice }

func goesWith(kind matching.Type, tif matching.TIF) bool {
	switch kind {
	case matching.Market:
		return slices.Contains([]matching.TIF{matching.GTC, matching.IOC, matching.FOK}, tif)
	case matching.Stop:
		return slices.Contains([]matching.TIF{matching.GTC, matching.IOC, matching.FOK, matching.GTD}, tif)
	default:
		return tif <= matching.GTD
	}
}

func displayable(c *matching.Command) bool {
	stays := c.TIF == matching.GTC || c.TIF == matching.GTD || c.TIF == matching.PostOnly
	return hasLimit(c.Type) && stays && c.Display >= 1 && c.Display <= c.Qty && !tooManySlices(c.Qty, c.Display)
}

// tooManySlices bounds what one command can lead to: an iceberg of a billion
// that shows one would make a billion trades.
func tooManySlices(qty, display int64) bool { return display > 0 && qty > 1000*display }

func (r *reference) amend(c *matching.Command) matching.Reason {
	o := r.orders[c.Order]
	if o == nil || c.Trader != 0 && c.Trader != o.trader {
		return matching.UnknownOrder
	}
	b := r.book(o.symbol)
	changed := *o // what the order is to be
	if c.HasQty {
		changed.open = c.Qty
		if r.amendTotal {
			changed.open -= o.filled
		}
	}
	if c.HasPrice {
		changed.price = c.Price
	}
	limit := hasLimit(o.kind)
	reason := first(
		check{matching.InvalidQty, c.HasQty && (c.Qty < 1 || c.Qty > b.spec.MaxQty || changed.open < 1 || tooManySlices(changed.open, o.display))},
		check{matching.InvalidPrice, c.HasPrice && (!limit || c.Price != matching.OffTick && !b.priced(c.Price))},
		check{matching.OffTickReason, c.HasPrice && c.Price == matching.OffTick},
		check{matching.NothingToAmend, !c.HasQty && !c.HasPrice},
		check{b.closed(), b.phase != matching.Continuous},
		check{matching.PostOnlyWouldCross, !o.parked && o.tif == matching.PostOnly && changed.price != o.price && b.touched(&changed)},
	)
	if reason != matching.NoReason {
		return reason
	}
	if o.parked || changed.price == o.price && changed.open <= o.open {
		r.amendInPlace(o, changed)
		return matching.NoReason
	}
	r.remove(o)
	r.say(matching.Amended, &changed, matching.Event{Left: changed.open})
	r.match(&changed)
	r.cascade(b)
	return matching.NoReason
}

// amendInPlace takes a decrease from the reserve first.
func (r *reference) amendInPlace(o *refOrder, changed refOrder) {
	o.open, o.price = changed.open, changed.price
	o.shown = min(o.shown, o.open)
	r.say(matching.Amended, o, matching.Event{Left: o.open, Kept: true})
}
