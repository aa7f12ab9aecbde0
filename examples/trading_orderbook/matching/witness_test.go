package matching_test

import (
	"fmt"

	"github.com/necrostack/necrostack/examples/trading_orderbook/matching"
)

// witness reads commands and events only, and keeps accounts: nothing may
// appear or vanish, however the engine and the reference came to agree.
type witness struct {
	trades   uint64
	open     map[matching.OrderID]int64
	accepted int64 // quantity of accepted orders and of what amends added to them
	traded   int64
	lost     int64 // quantity cancelled
	position map[matching.SymbolID]map[matching.TraderID]int64
	lastStep int64 // price of the sweep at hand, 0 between sweeps
}

func newWitness() *witness {
	return &witness{
		open:     map[matching.OrderID]int64{},
		position: map[matching.SymbolID]map[matching.TraderID]int64{},
	}
}

// command takes in the events of c.
func (w *witness) command(c *matching.Command, events []matching.Event) error {
	if len(events) == 0 {
		return fmt.Errorf("no event at all")
	}
	if c.Op == matching.NewOrder && events[0].Kind != matching.Rejected {
		if w.open[c.Order] != 0 {
			return fmt.Errorf("order %d accepted while it is live", c.Order)
		}
		w.open[c.Order] = c.Qty
		w.accepted += c.Qty
	}
	w.lastStep = 0
	for i, e := range events {
		if e.Kind == matching.Rejected && len(events) > 1 {
			return fmt.Errorf("%d events with a rejection", len(events))
		}
		if err := w.event(e); err != nil {
			return fmt.Errorf("event %d: %w", i, err)
		}
	}
	return w.balance()
}

func (w *witness) event(e matching.Event) error {
	switch e.Kind {
	case matching.Trade:
		return w.trade(e)
	case matching.Amended:
		w.accepted += e.Left - w.open[e.Order]
		w.open[e.Order] = e.Left
	case matching.Triggered:
		w.lastStep = 0 // Another taker begins.
	case matching.Cancelled:
		w.lost += e.Qty
		return w.reduce(e.Order, e.Qty, e.Left)
	case matching.Filled:
		return w.stands(e.Order, 0)
	case matching.Partial, matching.Queued, matching.Parked:
		return w.stands(e.Order, e.Left)
	}
	return nil
}

func (w *witness) trade(e matching.Event) error {
	w.trades++
	w.traded += e.Qty
	if e.Trade != w.trades || e.Qty < 1 || e.Price < 1 {
		return fmt.Errorf("trade %d of %d at %d, want number %d", e.Trade, e.Qty, e.Price, w.trades)
	}
	if w.lastStep != 0 && better(e.Side.Opposite(), e.Price, w.lastStep) {
		return fmt.Errorf("sweep went from %d back to the better %d", w.lastStep, e.Price)
	}
	w.lastStep = e.Price
	buyer, seller := e.Trader, e.MakerTrader
	if e.Side == matching.Sell {
		buyer, seller = seller, buyer
	}
	if w.position[e.Symbol] == nil {
		w.position[e.Symbol] = map[matching.TraderID]int64{}
	}
	w.position[e.Symbol][buyer] += e.Qty
	w.position[e.Symbol][seller] -= e.Qty
	if err := w.reduce(e.Order, e.Qty, e.Left); err != nil {
		return err
	}
	return w.reduce(e.Maker, e.Qty, e.MakerLeft)
}

// reduce takes qty from an order, which must leave left.
func (w *witness) reduce(id matching.OrderID, qty, left int64) error {
	if qty < 1 {
		return fmt.Errorf("order %d loses %d", id, qty)
	}
	w.open[id] -= qty
	return w.stands(id, left)
}

func (w *witness) stands(id matching.OrderID, left int64) error {
	if w.open[id] != left {
		return fmt.Errorf("order %d has %d left by the accounts, the event says %d", id, w.open[id], left)
	}
	if left == 0 {
		delete(w.open, id)
	}
	return nil
}

// balance is the law of conservation: what came in was traded (on both sides),
// cancelled, or is still there; and no share was made or destroyed.
func (w *witness) balance() error {
	resting := int64(0)
	for _, open := range w.open {
		resting += open
	}
	if w.accepted != 2*w.traded+w.lost+resting {
		return fmt.Errorf("accepted %d, but traded 2x%d, cancelled %d, open %d", w.accepted, w.traded, w.lost, resting)
	}
	for symbol, positions := range w.position {
		sum := int64(0)
		for _, p := range positions {
			sum += p
		}
		if sum != 0 {
			return fmt.Errorf("positions of symbol %d add up to %d", symbol, sum)
		}
	}
	return nil
}
