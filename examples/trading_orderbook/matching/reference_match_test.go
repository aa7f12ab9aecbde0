package matching_test

import (
	"github.com/necrostack/necrostack/examples/trading_orderbook/matching"
)

// taking is an order on its way through the opposite queue.
type taking struct {
	order      *refOrder
	traded     int64
	decreased  bool // by self-trade prevention
	selfTraded bool // self-trade prevention cancels what remains
}

func (o *refOrder) isMarket() bool { return o.kind == matching.Market || o.kind == matching.Stop }

// reaches reports whether o may trade at price.
func (o *refOrder) reaches(price int64) bool {
	return o.isMarket() || !better(o.side.Opposite(), o.price, price)
}

// touched says whether o would trade with or run into anything.
func (b *refBook) touched(o *refOrder) bool {
	opposite := *b.queue(o.side.Opposite())
	return len(opposite) > 0 && o.reaches(opposite[0].price)
}

// refusal says why o must not enter the book now (R5, R6, R7).
func (b *refBook) refusal(o *refOrder) matching.Reason {
	switch {
	case o.tif == matching.FOK && !b.fillable(o):
		return matching.FOKUnfillable
	case o.tif == matching.PostOnly && b.touched(o):
		return matching.PostOnlyWouldCross
	case o.isMarket() && len(*b.queue(o.side.Opposite())) == 0:
		return matching.NoLiquidity
	default:
		return matching.NoReason
	}
}

// fillable tries o on a copy of the opposite queue.
func (b *refBook) fillable(o *refOrder) bool {
	rehearsal := &refBook{symbol: b.symbol}
	queue := rehearsal.queue(o.side.Opposite())
	for _, maker := range *b.queue(o.side.Opposite()) {
		maker := *maker
		*queue = append(*queue, &maker)
	}
	for left := o.open; left > 0; {
		if !rehearsal.touched(o) {
			return false
		}
		maker := (*queue)[0]
		own := maker.trader == o.trader && o.prevention != matching.Allow
		switch {
		case own && o.prevention == matching.CancelOldest:
			rehearsal.leave(maker)
		case own:
			return false
		default:
			left -= rehearsal.takeShown(maker, left)
		}
	}
	return true
}

// takeShown takes up to most from what maker shows and returns how much it was.
// A maker that shows nothing any more goes to the tail with its next slice, or
// leaves.
func (b *refBook) takeShown(maker *refOrder, most int64) int64 {
	qty := min(most, maker.shown)
	maker.shown -= qty
	maker.open -= qty
	if maker.shown > 0 {
		return qty
	}
	b.leave(maker)
	if maker.open > 0 {
		maker.shown = min(maker.display, maker.open)
		b.join(maker)
	}
	return qty
}

// match lets o take what it can, says what became of it, and lets the rest stand
// where it may.
func (r *reference) match(o *refOrder) {
	b := r.book(o.symbol)
	t := taking{order: o}
	for o.open > 0 && !t.selfTraded && b.touched(o) {
		maker := (*b.queue(o.side.Opposite()))[0]
		if maker.trader == o.trader && o.prevention != matching.Allow {
			r.prevent(&t, maker)
		} else {
			r.trade(&t, maker)
		}
	}
	r.conclude(t)
}

func (r *reference) trade(t *taking, maker *refOrder) {
	b, o := r.book(maker.symbol), t.order
	qty := b.takeShown(maker, o.open)
	o.open -= qty
	t.traded += qty
	maker.filled += qty
	if o.rested {
		o.filled += qty
	}
	b.lastPrice = maker.price
	r.trades++
	r.say(matching.Trade, o, matching.Event{
		Trade: r.trades, Maker: maker.id, MakerTrader: maker.trader,
		Price: maker.price, Qty: qty, Left: o.open, MakerLeft: maker.open,
	})
	if maker.open == 0 {
		delete(r.orders, maker.id)
	}
}

// prevent keeps t from trading with maker, an order of the same trader (R17).
func (r *reference) prevent(t *taking, maker *refOrder) {
	switch t.order.prevention {
	case matching.CancelNewest:
		t.selfTraded = true
	case matching.CancelOldest:
		r.drop(maker, matching.SelfTrade)
	case matching.CancelBoth:
		r.drop(maker, matching.SelfTrade)
		t.selfTraded = true
	case matching.Decrement:
		r.decrement(t, maker)
	}
}

func (r *reference) decrement(t *taking, maker *refOrder) {
	qty := r.book(maker.symbol).takeShown(maker, t.order.open)
	t.order.open -= qty
	t.decreased = true
	if maker.open == 0 {
		delete(r.orders, maker.id)
	}
	r.say(matching.Cancelled, maker, matching.Event{Qty: qty, Left: maker.open, Reason: matching.SelfTrade})
	r.say(matching.Cancelled, t.order, matching.Event{Qty: qty, Left: t.order.open, Reason: matching.SelfTrade})
}

// conclude says what became of a taker.
func (r *reference) conclude(t taking) {
	o := t.order
	switch {
	case o.open == 0 && !t.decreased:
		r.say(matching.Filled, o, matching.Event{Qty: t.traded})
	case t.traded > 0:
		r.say(matching.Partial, o, matching.Event{Qty: t.traded, Left: o.open})
	}
	if o.open == 0 {
		return
	}
	switch {
	case t.selfTraded:
		r.say(matching.Cancelled, o, matching.Event{Qty: o.open, Reason: matching.SelfTrade})
	case o.isMarket():
		r.say(matching.Cancelled, o, matching.Event{Qty: o.open, Reason: matching.MarketRemainder})
	case o.tif == matching.IOC:
		r.say(matching.Cancelled, o, matching.Event{Qty: o.open, Reason: matching.IOCRemainder})
	default:
		if t.traded == 0 {
			r.say(matching.Queued, o, matching.Event{Left: o.open})
		}
		r.rest(o)
	}
}

func (r *reference) rest(o *refOrder) {
	o.rested, o.parked = true, false
	o.shown = o.open
	if o.display > 0 {
		o.shown = min(o.display, o.open)
	}
	r.orders[o.id] = o
	r.book(o.symbol).join(o)
}

// triggered reports whether the condition of a stop holds.
func (b *refBook) triggered(o *refOrder) bool {
	if b.lastPrice == 0 {
		return false
	}
	if o.side == matching.Buy {
		return b.lastPrice >= o.trigger
	}
	return b.lastPrice <= o.trigger
}

// cascade runs the stops that trades have triggered, round after round (R14).
func (r *reference) cascade(b *refBook) {
	for {
		var round []*refOrder
		for _, o := range b.stops {
			if b.triggered(o) {
				round = append(round, o)
			}
		}
		if len(round) == 0 {
			return
		}
		for _, o := range round {
			r.remove(o)
		}
		for _, o := range round {
			r.runStop(b, o)
		}
	}
}

func (r *reference) runStop(b *refBook, o *refOrder) {
	o.parked = false
	r.say(matching.Triggered, o, matching.Event{Price: o.trigger, Left: o.open})
	if why := b.refusal(o); why != matching.NoReason {
		r.say(matching.Cancelled, o, matching.Event{Qty: o.open, Reason: why})
		return
	}
	r.match(o)
}
