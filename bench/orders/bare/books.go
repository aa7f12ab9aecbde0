package bare

import (
	"fmt"
	"time"

	"github.com/necrostack/necrostack/bench/orders/floor"
	"github.com/necrostack/necrostack/bench/orders/flow"
	"github.com/necrostack/necrostack/examples/trading_orderbook/matching"
)

// room is how many orders every book has room for at the beginning, as many as the yardstick's.
const room = 1 << 14

// Contestants are those who take part in every contest: the engine with everything on, variants of
// it, and the floor.
func Contestants() []Contestant {
	all := matching.Config{L2: true, L3: true, Orders: room}
	return []Contestant{
		{Name: "engine, all checks and events", Kind: Engine, Open: openEngine(all, 1)},
		{Name: "the same, reading 16 orders ahead", Kind: Engine, Open: openEngine(all, 16), Ahead: true},
		{Name: "engine without L2 and L3", Kind: Engine, Open: openEngine(matching.Config{Orders: room}, 1)},
		{Name: "floor: limit and cancel, no checks", Kind: Floor, Open: openFloor},
	}
}

// engine is the book of the trading desk.
type engine struct {
	*matching.Engine
	ahead    int // operations that are read ahead, 1 for none
	commands []matching.Command
}

func openEngine(c matching.Config, ahead int) func() (Book, error) {
	return func() (Book, error) {
		e, err := newEngine(c)
		if err != nil {
			return nil, err
		}
		return &engine{Engine: e, ahead: ahead, commands: make([]matching.Command, ahead)}, nil
	}
}

// newEngine returns an engine with one symbol, number 1.
func newEngine(c matching.Config) (*matching.Engine, error) {
	e, err := matching.New(c)
	if err != nil {
		return nil, err
	}
	_, err = e.AddSymbol(matching.DefaultSpec("BENCH"))
	return e, err
}

// command turns op into what the engine takes. It clears and then sets: a literal would be built elsewhere and
// copied, and the copy would wait for every store before it, those of the engine to far memory included.
func command(c *matching.Command, op *flow.Op) {
	*c = matching.Command{}
	c.Order = matching.OrderID(op.ID)
	if op.Kind == flow.Cancel {
		c.Op = matching.CancelOrder
		return
	}
	c.Op, c.Symbol, c.Side = matching.NewOrder, 1, matching.Side(op.Kind)
	c.Trader, c.Price, c.Qty = matching.TraderID(op.Trader), int64(op.Price), int64(op.Qty)
}

// Both packages number the sides alike.
var _ = [1]struct{}{}[int(matching.Buy)-int(flow.Buy)+int(matching.Sell)-int(flow.Sell)]

// Play implements Book.
func (e *engine) Play(ops []flow.Op) {
	if e.ahead > 1 {
		e.playAhead(ops)
		return
	}
	c := &e.commands[0]
	for i := range ops {
		command(c, &ops[i])
		e.Apply(c)
	}
}

func (e *engine) playAhead(ops []flow.Op) {
	for len(ops) > 0 {
		next := e.commands[:min(e.ahead, len(ops))]
		for i := range next {
			command(&next[i], &ops[i])
		}
		e.Warm(next)
		for i := range next {
			e.Apply(&next[i])
		}
		ops = ops[len(next):]
	}
}

// Time implements Book. It reads nothing ahead.
func (e *engine) Time(ops []flow.Op, took []int32) {
	c := &e.commands[0]
	for i := range ops {
		command(c, &ops[i])
		from := time.Since(origin)
		e.Apply(c)
		took[i] = lap(from)
	}
}

// Trades implements Book.
func (e *engine) Trades() int64 { return int64(e.Engine.Trades()) }

// Resting implements Book.
func (e *engine) Resting() int { return e.Live() }

// ladder is the floor.
type ladder struct{ *floor.Book }

func openFloor() (Book, error) { return ladder{floor.New(room)}, nil }

// Play implements Book.
func (l ladder) Play(ops []flow.Op) {
	for i := range ops {
		l.do(&ops[i])
	}
}

func (l ladder) do(op *flow.Op) {
	if op.Kind == flow.Cancel {
		l.Cancel(uint64(op.ID))
		return
	}
	l.Limit(uint64(op.ID), op.Kind == flow.Buy, int(op.Price), int64(op.Qty))
}

// Time implements Book.
func (l ladder) Time(ops []flow.Op, took []int32) {
	for i := range ops {
		from := time.Since(origin)
		l.do(&ops[i])
		took[i] = lap(from)
	}
}

// Trades implements Book.
func (l ladder) Trades() int64 { return l.Totals().Trades }

// Check plays a recording on an engine with everything on and on the floor, reads every event, and compares
// what they come to with what they should. The engine looks through all its tables in the end.
func Check(r flow.Recording) error {
	e, err := newEngine(matching.Config{L2: true, L3: true})
	if err != nil {
		return err
	}
	var got flow.Totals
	var c matching.Command
	for _, ops := range [][]flow.Op{r.Fill, r.Ops} {
		got = flow.Totals{}
		for i := range ops {
			command(&c, &ops[i])
			e.Apply(&c)
			count(&got, e.Events())
		}
	}
	got.Resting = e.Live()
	if !r.Want.Agrees(got) {
		return fmt.Errorf("the engine came to %+v, want %+v", got, r.Want)
	}
	if err := e.Verify(); err != nil {
		return err
	}
	b := floor.New(0)
	ladder{b}.Play(r.Fill)
	b.Reset()
	ladder{b}.Play(r.Ops)
	if got := totalsOf(b); !r.Want.Agrees(got) {
		return fmt.Errorf("the floor came to %+v, want %+v", got, r.Want)
	}
	return nil
}

func totalsOf(b *floor.Book) flow.Totals {
	t := b.Totals()
	return flow.Totals{Traded: t.Traded, Notional: t.Notional, Trades: t.Trades, Refused: t.Refused, Resting: b.Resting()}
}

func count(t *flow.Totals, events []matching.Event) {
	for i := range events {
		switch e := &events[i]; e.Kind {
		case matching.Trade:
			t.Trades++
			t.Traded += e.Qty
			t.Notional += e.Qty * e.Price
		case matching.Rejected:
			t.Refused++
		}
	}
}
