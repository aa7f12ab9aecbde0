package through

import (
	"fmt"

	"github.com/necrostack/necrostack/bench/load"
	"github.com/necrostack/necrostack/bench/orders/flow"
	"github.com/necrostack/necrostack/examples/trading_orderbook/desk"
	"github.com/necrostack/necrostack/examples/trading_orderbook/matching"
)

// texts are all that orders are written with, made once: what is measured is not the making of strings.
type texts struct {
	symbols []string
	prices  [flow.Width]desk.Decimal
	traders [flow.Traders + 1]string
	ids     load.Keys
	specs   []matching.Spec
}

// idCount is how many ids there are; when they are used up they begin again, long after the first ones were
// forgotten.
const idCount = 1 << 20

func newTexts(symbols int) *texts {
	t := &texts{ids: load.NewKeys(idCount)}
	for i := range symbols {
		t.specs = append(t.specs, matching.DefaultSpec(fmt.Sprintf("S%03d", i)))
		t.symbols = append(t.symbols, t.specs[i].Name)
	}
	for i := range t.prices {
		t.prices[i] = desk.Decimal(t.specs[0].AppendPrice(nil, int64(i)))
	}
	for i := range t.traders {
		t.traders[i] = fmt.Sprintf("trader-%02d", i)
	}
	return t
}

// symbol is the number of a symbol by its name.
func (t *texts) symbol(name string) int {
	n := 0
	for _, digit := range []byte(name[1:]) {
		n = 10*n + int(digit-'0')
	}
	return n
}

// traffic makes orders, one symbol after the other in turn, so that order i is of symbol i modulo their
// number. The first ones fill the books.
type traffic struct {
	*texts
	streams  []*flow.Stream
	made     int
	recorded []flow.Op // those that come next
}

func newTraffic(t *texts, seed uint64) *traffic {
	tr := &traffic{texts: t}
	for i := range t.symbols {
		tr.streams = append(tr.streams, flow.New(flow.Config{Seed: seed + uint64(i), Live: liveBound}))
	}
	return tr
}

// fillers is how many orders fill the books.
func (t *traffic) fillers() int { return fill * len(t.symbols) }

// record works out the next n orders, before the clock starts: who sends orders knows them.
func (t *traffic) record(n int) {
	first := t.made + len(t.recorded)
	for i := first; i < first+n; i++ {
		t.recorded = append(t.recorded, t.op(i))
	}
}

// op works out order i, which comes after all before it.
func (t *traffic) op(i int) flow.Op {
	stream := t.streams[i%len(t.symbols)]
	if i < t.fillers() {
		return stream.Passive()
	}
	return stream.Next()
}

// next returns the next order as ValidateOrder would pass it on.
func (t *traffic) next() desk.Command {
	if len(t.recorded) == 0 {
		t.record(1)
	}
	op := t.recorded[0]
	t.recorded = t.recorded[1:]
	n := len(t.symbols)
	k := t.made % n
	t.made++
	id := t.ids.At(uint64(op.ID)*uint64(n) + uint64(k))
	if op.Kind == flow.Cancel {
		return desk.Command{Action: desk.ActionCancel, OrderID: id, Symbol: t.symbols[k]}
	}
	side := "BUY"
	if op.Kind == flow.Sell {
		side = "SELL"
	}
	return desk.Command{
		Action: desk.ActionNew, OrderID: id, TraderID: t.traders[op.Trader], Symbol: t.symbols[k], Side: side,
		OrderType: "LIMIT", TIF: "GTC", Quantity: desk.Quantity(op.Qty), Price: t.prices[op.Price],
	}
}
