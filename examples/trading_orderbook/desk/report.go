package desk

import (
	"strconv"

	"github.com/necrostack/necrostack/actors"
	"github.com/necrostack/necrostack/examples/trading_orderbook/matching"
)

// report turns what the engine did into payloads, in its order; the levels that changed close it,
// all in one.
func (b *book) report(p *Command, events []matching.Event, levels []matching.Change) []actors.Payload {
	out := cut(&b.payloads, count(events)+min(len(levels), 1))
	for i := range events {
		e := &events[i]
		switch e.Kind {
		case matching.Trade:
			out = b.trade(out, e)
		case matching.Ticked:
		case matching.Rejected:
			out = append(out, b.rejected(p, e.Reason))
		default:
			out = append(out, b.one(e))
		}
	}
	if len(levels) > 0 {
		out = append(out, b.changed(levels))
	}
	return out
}

// cut takes room for n elements from a slab, or from a fresh one when it is used up. Most commands need
// room for one to three, and to ask the runtime for it each time would cost as much as the match. What was
// cut is never touched again from here; what is emitted keeps its slab alive, of some kilobytes.
func cut[T any](slab *[]T, n int) []T {
	if len(*slab) < n {
		*slab = make([]T, max(n, slabRoom))
	}
	room := (*slab)[:0:n]
	*slab = (*slab)[n:]
	return room
}

const slabRoom = 64

// count tells how many payloads events become, at most.
func count(events []matching.Event) int {
	n := len(events)
	for i := range events {
		if events[i].Kind == matching.Trade {
			n++
		}
	}
	return n
}

// trade is the trade and what it was to the maker.
func (b *book) trade(out []actors.Payload, e *matching.Event) []actors.Payload {
	taker, maker := b.orderName(e.Order), b.orderName(e.Maker)
	t := TradeExecuted{
		TradeID: b.tradeID(e.Trade), Symbol: b.spec.Name, Price: b.price(e.Price), Quantity: b.units(e.Qty),
		BuyerID: b.traderName(e.Trader), SellerID: b.traderName(e.MakerTrader), BuyerOrder: taker, SellerOrder: maker,
		MakerOrder: maker, TakerOrder: taker, Aggressor: e.Side.String(),
	}
	if e.Side == matching.Sell {
		t.BuyerID, t.SellerID = t.SellerID, t.BuyerID
		t.BuyerOrder, t.SellerOrder = maker, taker
	}
	fill := Fill{
		Order: Order{maker, b.traderName(e.MakerTrader), b.spec.Name, e.Side.Opposite().String()},
		Role:  Maker, TradeID: t.TradeID, Price: t.Price, Filled: t.Quantity, Remaining: b.units(e.MakerLeft),
	}
	if e.MakerLeft == 0 {
		return append(out, t, OrderFilled{fill})
	}
	return append(out, t, OrderPartialFill{fill})
}

// one is the payload of an event about one order or the whole symbol.
func (b *book) one(e *matching.Event) actors.Payload {
	order := Order{b.orderName(e.Order), b.traderName(e.Trader), b.spec.Name, ""}
	if e.Side != 0 {
		order.Side = e.Side.String()
	}
	price, left := b.price(e.Price), b.units(e.Left)
	switch e.Kind {
	case matching.Filled:
		return OrderFilled{Fill{Order: order, Role: Taker, Price: price, Filled: b.units(e.Qty)}}
	case matching.Partial:
		return OrderPartialFill{Fill{Order: order, Role: Taker, Price: price, Filled: b.units(e.Qty), Remaining: left}}
	case matching.Queued:
		return OrderQueued{Order: order, Price: price, Remaining: left}
	case matching.Parked:
		return OrderQueued{Order: order, Trigger: price, Remaining: left}
	case matching.Triggered:
		return OrderTriggered{Order: order, Trigger: price}
	case matching.Cancelled:
		return OrderCancelled{Order: order, Price: price, Quantity: b.units(e.Qty), Remaining: left, Reason: e.Reason.String()}
	case matching.Amended:
		return OrderAmended{Order: order, Price: price, Remaining: left, Priority: priority(e.Kept)}
	case matching.CancelledAll:
		return OrdersCancelled{Order: order, Count: e.Qty}
	case matching.PhaseSet:
		return PhaseChanged{Symbol: b.spec.Name, Phase: e.Phase.String()}
	default:
		return nil // an event without a payload would be a mistake of report, and nil fails the command
	}
}

func priority(kept bool) string {
	if kept {
		return PriorityKept
	}
	return PriorityLost
}

// changed is the BOOK_CHANGED of a command.
func (b *book) changed(levels []matching.Change) BookChanged {
	b.sequence++
	c := BookChanged{Symbol: b.spec.Name, Sequence: b.sequence, Levels: cut(&b.levels, len(levels))}
	for i := range levels {
		l := &levels[i]
		c.Levels = append(c.Levels, LevelChange{l.Side.String(), b.price(int64(l.Price)), b.units(l.Qty), int64(l.Count)})
	}
	return c
}

func (b *book) rejected(p *Command, why matching.Reason) OrderRejected {
	return OrderRejected{
		Order: p.order(), Action: p.action(), Reason: why.String(), Reasons: []string{why.String()}, RejectedBy: MatchingEngine,
	}
}

func (b *book) price(ticks int64) string { return b.prices.of(&b.spec, ticks) }

func (b *book) units(lots int64) int64 { return lots * b.spec.Lot }

func (b *book) tradeID(n uint64) string {
	b.scratch = append(append(b.scratch[:0], b.spec.Name...), '-')
	b.scratch = strconv.AppendUint(b.scratch, n, 10)
	return string(b.scratch)
}

// orderName is mostly asked for the order that the command names.
func (b *book) orderName(id matching.OrderID) string {
	switch id {
	case 0:
		return ""
	case b.command.Order:
		return b.asked
	}
	if id >= matching.OrderID(len(b.orders)) || b.orders[id] == "" {
		b.scratch = b.engine.Names().AppendOrder(b.scratch[:0], id)
		b.orders = named(b.orders, uint32(id), string(b.scratch))
	}
	return b.orders[id]
}

func (b *book) traderName(id matching.TraderID) string {
	if id == 0 {
		return ""
	}
	if id >= matching.TraderID(len(b.traders)) || b.traders[id] == "" {
		b.scratch = b.engine.Names().AppendTrader(b.scratch[:0], id)
		b.traders = named(b.traders, uint32(id), string(b.scratch))
	}
	return b.traders[id]
}
