package desk_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/necrostack/necrostack/actors"
	"github.com/necrostack/necrostack/actors/actorstest"
	"github.com/necrostack/necrostack/examples/trading_orderbook/clearing"
	"github.com/necrostack/necrostack/examples/trading_orderbook/desk"
	"github.com/necrostack/necrostack/examples/trading_orderbook/matching"
)

const symbol = "AAPL"

// config is a desk of two symbols: one with the defaults, one with ticks of 0.05 and lots of 10.
func config() desk.Config {
	return desk.Config{
		Symbols: []matching.Spec{
			matching.DefaultSpec(symbol),
			{Name: "BRK.B", Decimals: 2, Step: 5, Lot: 10, MaxQty: 1000, MaxPrice: 1_000_000},
		},
		Clearing: settlesAll{},
	}
}

// settlesAll is a clearing house that has no network.
type settlesAll struct{}

func (settlesAll) Settle(_ context.Context, in []clearing.Instruction) ([]clearing.Result, error) {
	return make([]clearing.Result, len(in)), nil
}

func newDesk(t testing.TB, c desk.Config) *desk.Desk {
	t.Helper()
	d, err := desk.New(c)
	require.NoError(t, err)
	return d
}

// organ is one organ of a desk.
func organ[D actors.Definition](t testing.TB, c desk.Config, name string) D {
	t.Helper()
	var found D
	c.Wrap = func(def actors.Definition) actors.Definition {
		if def.Name() == name {
			found = def.(D)
		}
		return def
	}
	newDesk(t, c).Options()
	require.Equal(t, name, found.Name())
	return found
}

func validator(t testing.TB) actors.Organ {
	return organ[actors.Organ](t, config(), desk.ValidateOrder)
}

func engine(t testing.TB, c desk.Config) actors.KeyedOrgan {
	return organ[actors.KeyedOrgan](t, c, desk.MatchingEngine)
}

// market is the book of one symbol under test, and orders in few words.
type market struct {
	*actorstest.Cell
	t actorstest.T
}

func newMarket(t testing.TB) market {
	t.Helper()
	return market{actorstest.NewCell(t, engine(t, config()), symbol), t}
}

// limit is an order; instruction is a type or a tif, "" is a plain LIMIT.
func limit(id, trader, side string, quantity int, price, instruction string) desk.OrderSubmitted {
	return desk.OrderSubmitted{
		OrderID: id, TraderID: trader, Symbol: symbol, Side: side, OrderType: instruction,
		Quantity: desk.Quantity(quantity), Price: desk.Decimal(price),
	}
}

// validated is what ValidateOrder makes of an order without a mistake.
func validated(c desk.OrderSubmitted) desk.OrderValidated {
	v := desk.OrderValidated(c)
	if v.Action == "" {
		v.Action = desk.ActionNew
	}
	if v.Action != desk.ActionNew {
		return v
	}
	if v.TIF == "" {
		v.TIF = "GTC"
	}
	switch v.OrderType {
	case "IOC", "FOK", "POST_ONLY":
		v.OrderType, v.TIF = "LIMIT", v.OrderType
	case "":
		v.OrderType = "LIMIT"
	}
	return v
}

func (m market) do(c desk.OrderSubmitted) actorstest.Result {
	r := m.Send(validated(c))
	require.NoError(m.t.(require.TestingT), r.Err)
	return r
}

// buy and sell enter an order of a trader who is named like it.
func (m market) buy(id string, quantity int, price, instruction string) []string {
	return said(m.do(limit(id, "trader-"+id, "BUY", quantity, price, instruction)))
}

func (m market) sell(id string, quantity int, price, instruction string) []string {
	return said(m.do(limit(id, "trader-"+id, "SELL", quantity, price, instruction)))
}

func (m market) cancel(id, trader string) []string {
	return said(m.do(desk.OrderSubmitted{Action: desk.ActionCancel, OrderID: id, TraderID: trader, Symbol: symbol}))
}

func (m market) amend(id string, quantity int, price string) []string {
	return said(m.do(desk.OrderSubmitted{
		Action: desk.ActionAmend, OrderID: id, Symbol: symbol, Quantity: desk.Quantity(quantity), Price: desk.Decimal(price),
	}))
}

func (m market) book() desk.BookState {
	state, err := actorstest.Ask[desk.BookState](m.Cell, desk.BookStateOf{})
	require.NoError(m.t.(require.TestingT), err)
	return state
}

// ladder is the depth as text, sells above buys.
func (m market) ladder() string {
	depth, err := actorstest.Ask[desk.Depth](m.Cell, desk.DepthOf{})
	require.NoError(m.t.(require.TestingT), err)
	return ladderOf(depth)
}

func ladderOf(d desk.Depth) string {
	var lines []string
	for i := range d.Asks {
		l := d.Asks[len(d.Asks)-1-i]
		lines = append(lines, fmt.Sprintf("SELL %s %d/%d", l.Price, l.Quantity, l.Orders))
	}
	for _, l := range d.Bids {
		lines = append(lines, fmt.Sprintf("BUY %s %d/%d", l.Price, l.Quantity, l.Orders))
	}
	return strings.Join(lines, ", ")
}

// said is what was emitted, in words; the levels of a BOOK_CHANGED are for the tests about them.
func said(r actorstest.Result) []string {
	var words []string
	for _, p := range r.Emitted {
		words = append(words, wordOf(p))
	}
	return words
}

func wordOf(p actors.Payload) string {
	switch p := p.(type) {
	case desk.OrderRejected:
		return fmt.Sprintf("%s rejected %s", p.OrderID, strings.Join(p.Reasons, "+"))
	case desk.OrderQueued:
		return fmt.Sprintf("%s queued %d @%s%s", p.OrderID, p.Remaining, p.Price, p.Trigger)
	case desk.OrderTriggered:
		return fmt.Sprintf("%s triggered @%s", p.OrderID, p.Trigger)
	case desk.OrderFilled:
		return fmt.Sprintf("%s %s filled %d", p.Role, p.OrderID, p.Filled)
	case desk.OrderPartialFill:
		return fmt.Sprintf("%s %s partial %d left %d", p.Role, p.OrderID, p.Filled, p.Remaining)
	case desk.OrderCancelled:
		return fmt.Sprintf("%s cancelled %d left %d %s", p.OrderID, p.Quantity, p.Remaining, p.Reason)
	case desk.OrderAmended:
		return fmt.Sprintf("%s amended %d @%s %s", p.OrderID, p.Remaining, p.Price, p.Priority)
	case desk.OrdersCancelled:
		return fmt.Sprintf("%s lost %d orders", p.TraderID, p.Count)
	case desk.PhaseChanged:
		return p.Phase
	case desk.TradeExecuted:
		return fmt.Sprintf("%s %d @%s %s>%s", p.TradeID, p.Quantity, p.Price, p.SellerOrder, p.BuyerOrder)
	case desk.BookChanged:
		return "book"
	default:
		return p.EventType()
	}
}
