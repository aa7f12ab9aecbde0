package matching_test

import (
	"math/rand/v2"

	"github.com/necrostack/necrostack/examples/trading_orderbook/matching"
)

// workload makes commands for one symbol: 60 % passive limits, 30 % cancels of orders that are mostly
// live, 10 % aggressors, around a middle that drifts. It knows which orders are live from the events.
type workload struct {
	rng  *rand.Rand
	next matching.OrderID
	mid  int64
	live []matching.OrderID
	at   map[matching.OrderID]int
	n    int
}

func newWorkload(seed uint64) *workload {
	return &workload{rng: rand.New(rand.NewPCG(seed, 1)), mid: 8000, at: map[matching.OrderID]int{}}
}

// passive is a limit order that rests at a distance with an average of 40 ticks.
func (w *workload) passive() matching.Command {
	c := w.order()
	away := min(1+int64(w.rng.ExpFloat64()*40), 500)
	c.Price = w.mid + away
	if c.Side == matching.Buy {
		c.Price = w.mid - away
	}
	return c
}

func (w *workload) order() matching.Command {
	w.next++
	return matching.Command{
		Op: matching.NewOrder, Order: w.next, Trader: 1 + matching.TraderID(w.rng.Uint32N(50)), Symbol: 1,
		Side: matching.Buy + matching.Side(w.rng.IntN(2)), Qty: 1 + w.rng.Int64N(100),
	}
}

func (w *workload) command() matching.Command {
	if w.n++; w.n%200 == 0 {
		w.mid += w.rng.Int64N(3) - 1
	}
	switch dice := w.rng.IntN(100); {
	case dice < 60:
		return w.passive()
	case dice < 90 && len(w.live) > 0:
		return matching.Command{Op: matching.CancelOrder, Order: w.live[w.rng.IntN(len(w.live))]}
	}
	c := w.order()
	c.Qty *= 5
	reach := int64(3)
	if w.rng.IntN(2) == 0 {
		reach = 200
	}
	c.Price = w.mid - reach
	if c.Side == matching.Buy {
		c.Price = w.mid + reach
	}
	return c
}

// learn keeps the list of live orders.
func (w *workload) learn(events []matching.Event) {
	for i := range events {
		switch ev := &events[i]; {
		case ev.Kind == matching.Queued || ev.Kind == matching.Partial:
			w.at[ev.Order] = len(w.live)
			w.live = append(w.live, ev.Order)
		case ev.Kind == matching.Cancelled:
			w.gone(ev.Order)
		case ev.Kind == matching.Trade && ev.MakerLeft == 0:
			w.gone(ev.Maker)
		}
	}
}

func (w *workload) gone(id matching.OrderID) {
	i, last := w.at[id], w.live[len(w.live)-1]
	w.live[i], w.at[last] = last, i
	w.live = w.live[:len(w.live)-1]
	delete(w.at, id)
}

// record runs n commands on a bare engine after prefilling it and returns all of them.
func record(seed uint64, prefill, n int) []matching.Command {
	w := newWorkload(seed)
	e := engineWith(matching.Config{})
	commands := make([]matching.Command, 0, prefill+n)
	for i := range prefill + n {
		c := w.passive
		if i >= prefill {
			c = w.command
		}
		commands = append(commands, c())
		e.Apply(&commands[i])
		w.learn(e.Events())
	}
	return commands
}

// engineWith has one symbol, number 1.
func engineWith(cfg matching.Config) *matching.Engine {
	e, err := matching.New(cfg)
	if err != nil {
		panic(err)
	}
	if _, err := e.AddSymbol(matching.DefaultSpec("AAPL")); err != nil {
		panic(err)
	}
	return e
}
