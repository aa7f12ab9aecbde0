package desk_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/necrostack/necrostack/actors/actorstest"
	"github.com/necrostack/necrostack/examples/trading_orderbook/desk"
)

func TestOrderRestsTradesAndIsDone(t *testing.T) {
	t.Parallel()
	m := newMarket(t)
	assert.Equal(t, []string{"s1 queued 10 @100.00", "book"}, m.sell("s1", 10, "100.00", ""))
	assert.Equal(t, []string{"s2 queued 5 @101.00", "book"}, m.sell("s2", 5, "101.00", ""))
	assert.Equal(t, []string{
		"AAPL-1 4 @100.00 s1>b1", "maker s1 partial 4 left 6", "taker b1 filled 4", "book",
	}, m.buy("b1", 4, "100.00", ""))
	assert.Equal(t, []string{
		"AAPL-2 6 @100.00 s1>b2", "maker s1 filled 6", "AAPL-3 5 @101.00 s2>b2", "maker s2 filled 5",
		"taker b2 partial 11 left 9", "book",
	}, m.buy("b2", 20, "102.00", ""))
	assert.Equal(t, "BUY 102.00 9/1", m.ladder())
}

// TestTradeSaysEverything compares whole payloads, once from either side.
func TestTradeSaysEverything(t *testing.T) {
	t.Parallel()
	m := newMarket(t)
	m.sell("s1", 10, "100.00", "")
	r := m.do(limit("b1", "bob", "BUY", 4, "100.50", ""))
	assert.Equal(t, desk.TradeExecuted{
		TradeID: "AAPL-1", Symbol: symbol, Price: "100.00", Quantity: 4, BuyerID: "bob", SellerID: "trader-s1",
		BuyerOrder: "b1", SellerOrder: "s1", MakerOrder: "s1", TakerOrder: "b1", Aggressor: "BUY",
	}, actorstest.One[desk.TradeExecuted](t, r))
	assert.Equal(t, desk.OrderPartialFill{Fill: desk.Fill{
		Order: desk.Order{OrderID: "s1", TraderID: "trader-s1", Symbol: symbol, Side: "SELL"},
		Role:  desk.Maker, TradeID: "AAPL-1", Price: "100.00", Filled: 4, Remaining: 6,
	}}, actorstest.One[desk.OrderPartialFill](t, r))
	assert.Equal(t, desk.OrderFilled{Fill: desk.Fill{
		Order: desk.Order{OrderID: "b1", TraderID: "bob", Symbol: symbol, Side: "BUY"},
		Role:  desk.Taker, Price: "100.50", Filled: 4,
	}}, actorstest.One[desk.OrderFilled](t, r))
	assert.Equal(t, desk.BookChanged{Symbol: symbol, Sequence: 2, Levels: []desk.LevelChange{
		{Side: "SELL", Price: "100.00", Quantity: 6, Orders: 1},
	}}, actorstest.One[desk.BookChanged](t, r))
	m.buy("b2", 7, "99.00", "")
	r = m.do(limit("s2", "sue", "SELL", 7, "99.00", "IOC"))
	assert.Equal(t, desk.TradeExecuted{
		TradeID: "AAPL-2", Symbol: symbol, Price: "99.00", Quantity: 7, BuyerID: "trader-b2", SellerID: "sue",
		BuyerOrder: "b2", SellerOrder: "s2", MakerOrder: "b2", TakerOrder: "s2", Aggressor: "SELL",
	}, actorstest.One[desk.TradeExecuted](t, r))
	for _, ev := range r.Events {
		assert.Equal(t, symbol, ev.Key(), ev.Type())
	}
}

func TestQuantitiesAndPricesAreThoseOfTheSymbol(t *testing.T) {
	t.Parallel()
	c := actorstest.NewCell(t, engine(t, config()), "BRK.B")
	order := func(id, side string, quantity int) desk.OrderValidated {
		v := validated(limit(id, "t", side, quantity, "7.05", ""))
		v.Symbol = "BRK.B"
		return v
	}
	c.Send(order("s1", "SELL", 50))
	r := c.Send(order("b1", "BUY", 30))
	assert.Equal(t, []string{"BRK.B-1 30 @7.05 s1>b1", "maker s1 partial 30 left 20", "taker b1 filled 30", "book"}, said(r))
	assert.Equal(t, []desk.LevelChange{{Side: "SELL", Price: "7.05", Quantity: 20, Orders: 1}}, actorstest.One[desk.BookChanged](t, r).Levels)
	assert.Equal(t, []string{"b2 rejected INVALID_QTY"}, said(c.Send(order("b2", "BUY", 15))))
	off := order("b2", "BUY", 10)
	off.Price = "7.01"
	assert.Equal(t, []string{"b2 rejected OFF_TICK"}, said(c.Send(off)))
}

func TestFarPricesKeepTheirTexts(t *testing.T) {
	t.Parallel()
	m := newMarket(t)
	for i, price := range []string{"0.01", "10.25", "100.00", "110.24", "120.48", "10000000.00", "110.24", "100.00", "0.01"} {
		id := fmt.Sprintf("s%d", i)
		assert.Equal(t, []string{id + " queued 1 @" + price, "book"}, m.sell(id, 1, price, ""))
		m.cancel(id, "")
	}
}

func TestEveryReasonOfACancelledOrder(t *testing.T) {
	t.Parallel()
	m := newMarket(t)
	m.sell("s1", 5, "100.00", "")
	assert.Equal(t, []string{"s1 cancelled 5 left 0 USER", "book"}, m.cancel("s1", ""))
	assert.Equal(t, []string{"b1 cancelled 5 left 0 IOC_REMAINDER"}, m.buy("b1", 5, "100.00", "IOC"))
	m.sell("s2", 2, "100.00", "")
	assert.Equal(t, []string{
		"AAPL-1 2 @100.00 s2>b2", "maker s2 filled 2", "taker b2 partial 2 left 3", "b2 cancelled 3 left 0 MARKET_REMAINDER", "book",
	}, m.buy("b2", 5, "", "MARKET"))

	m.do(limit("o1", "self", "SELL", 5, "100.00", ""))
	own := limit("o2", "self", "BUY", 3, "100.00", "")
	own.Prevention = "DECREMENT"
	assert.Equal(t, []string{"o1 cancelled 3 left 2 SELF_TRADE", "o2 cancelled 3 left 0 SELF_TRADE", "book"}, said(m.do(own)))
	own.OrderID, own.Prevention = "o3", "CANCEL_BOTH"
	assert.Equal(t, []string{"o1 cancelled 2 left 0 SELF_TRADE", "o3 cancelled 3 left 0 SELF_TRADE", "book"}, said(m.do(own)))

	dated := limit("d1", "t", "BUY", 5, "90.00", "")
	dated.TIF, dated.Time = "GTD", "2026-01-01T12:00:00Z"
	m.do(dated)
	tick := desk.OrderSubmitted{Action: desk.ActionTick, Symbol: symbol, Time: "2026-01-01T11:59:59.999999Z"}
	assert.Empty(t, said(m.do(tick)))
	tick.Time = "2026-01-01T12:00:00Z"
	assert.Equal(t, []string{"d1 cancelled 5 left 0 EXPIRED", "book"}, said(m.do(tick)))
	assert.Equal(t, "2026-01-01 12:00:00 +0000 UTC", m.book().Time.String())

	m.do(limit("m1", "tom", "BUY", 1, "90.00", ""))
	m.do(limit("m2", "tom", "SELL", 1, "110.00", ""))
	m.buy("x", 1, "90.00", "")
	all := desk.OrderSubmitted{Action: desk.ActionCancelAll, TraderID: "tom", Symbol: symbol}
	assert.Equal(t, []string{"m1 cancelled 1 left 0 MASS_CANCEL", "m2 cancelled 1 left 0 MASS_CANCEL", "tom lost 2 orders", "book"}, said(m.do(all)))
	all.TraderID = "stranger"
	assert.Equal(t, []string{"stranger lost 0 orders"}, said(m.do(all)))
	assert.Equal(t, "BUY 90.00 1/1", m.ladder())
}

func TestEveryReasonOfARejectedCommand(t *testing.T) {
	t.Parallel()
	m := newMarket(t)
	m.sell("s1", 5, "100.00", "")
	before := m.book()
	assert.Equal(t, []string{"s1 rejected DUPLICATE_ID"}, m.sell("s1", 5, "100.00", ""))
	assert.Equal(t, []string{"b1 rejected FOK_UNFILLABLE"}, m.buy("b1", 6, "100.00", "FOK"))
	assert.Equal(t, []string{"b1 rejected POST_ONLY_WOULD_CROSS"}, m.buy("b1", 1, "100.00", "POST_ONLY"))
	assert.Equal(t, []string{"b1 rejected NO_LIQUIDITY"}, m.sell("b1", 1, "", "MARKET"))
	assert.Equal(t, []string{"b1 rejected UNKNOWN_ORDER"}, m.cancel("b1", ""))
	assert.Equal(t, []string{"s1 rejected UNKNOWN_ORDER"}, m.cancel("s1", "trader-b1"), "not the owner")
	assert.Equal(t, []string{"s1 rejected UNKNOWN_ORDER"}, m.cancel("s1", "stranger"), "who has never had an order")
	assert.Equal(t, []string{"s1 rejected NOTHING_TO_AMEND"}, m.amend("s1", 0, ""))
	assert.Equal(t, []string{"s1 rejected INVALID_QTY"}, m.amend("s1", -1, ""))
	assert.Equal(t, []string{"s1 rejected INVALID_PRICE"}, m.amend("s1", 0, "NaN"))
	assert.Equal(t, []string{"s1 rejected OFF_TICK"}, m.amend("s1", 0, "1.001"))
	for reason, change := range map[string]func(*desk.OrderValidated){
		"INVALID_ID":         func(c *desk.OrderValidated) { c.OrderID = "" },
		"INVALID_TRADER":     func(c *desk.OrderValidated) { c.TraderID = "" },
		"INVALID_SIDE":       func(c *desk.OrderValidated) { c.Side = "buy" },
		"INVALID_TYPE":       func(c *desk.OrderValidated) { c.OrderType = "IOC" },
		"INVALID_TIF":        func(c *desk.OrderValidated) { c.TIF = "DAY" },
		"INVALID_PREVENTION": func(c *desk.OrderValidated) { c.Prevention = "NO" },
		"INVALID_QTY":        func(c *desk.OrderValidated) { c.Quantity = desk.Unreadable },
		"INVALID_DISPLAY":    func(c *desk.OrderValidated) { c.Display = 9 },
		"INVALID_PRICE":      func(c *desk.OrderValidated) { c.Price = "1e2" },
		"INVALID_TRIGGER":    func(c *desk.OrderValidated) { c.OrderType, c.Trigger = "STOP", "x" },
		"INVALID_TIME":       func(c *desk.OrderValidated) { c.TIF, c.Time = "GTD", "soon" },
		"UNKNOWN_OP":         func(c *desk.OrderValidated) { c.Action = "REPLACE" },
		"INVALID_PHASE":      func(c *desk.OrderValidated) { c.Action, c.Phase = "SET_PHASE", "LUNCH" },
	} {
		c := validated(limit("b1", "t", "BUY", 5, "90.00", ""))
		change(&c)
		rejected := actorstest.One[desk.OrderRejected](t, m.Send(c))
		assert.Equal(t, []string{reason}, rejected.Reasons)
		assert.Equal(t, reason, rejected.Reason)
		assert.Equal(t, desk.MatchingEngine, rejected.RejectedBy)
		assert.Equal(t, c.Action, rejected.Action)
	}
	assert.Equal(t, before, m.book(), "a rejected command changes nothing")
	unknown := validated(limit("b1", "t", "BUY", 5, "90.00", ""))
	unknown.Symbol = "MSFT"
	other := actorstest.NewCell(t, engine(t, config()), "MSFT")
	assert.Equal(t, []string{"b1 rejected INVALID_SYMBOL"}, said(other.Send(unknown)))
}

func TestPhasesHoldOrdersBack(t *testing.T) {
	t.Parallel()
	m := newMarket(t)
	m.sell("s1", 5, "100.00", "")
	phase := func(p string) []string {
		return said(m.do(desk.OrderSubmitted{Action: desk.ActionSetPhase, Symbol: symbol, Phase: p}))
	}
	assert.Equal(t, []string{"HALTED"}, phase("HALTED"))
	assert.Equal(t, []string{"s1 rejected SYMBOL_HALTED"}, m.cancel("s1", ""))
	assert.Equal(t, []string{"CANCEL_ONLY"}, phase("CANCEL_ONLY"))
	assert.Equal(t, []string{"b1 rejected SYMBOL_CANCEL_ONLY"}, m.buy("b1", 1, "1.00", ""))
	assert.Equal(t, []string{"s1 cancelled 5 left 0 USER", "book"}, m.cancel("s1", ""))
	assert.Equal(t, []string{"CONTINUOUS"}, phase("CONTINUOUS"))
	assert.Equal(t, []string{"b1 queued 1 @1.00", "book"}, m.buy("b1", 1, "1.00", ""), "its refusal was not its end")
}

func TestAmendedOrderKeepsOrLosesItsPriority(t *testing.T) {
	t.Parallel()
	m := newMarket(t)
	m.sell("s1", 10, "100.00", "")
	m.sell("s2", 10, "100.00", "")
	assert.Equal(t, []string{"s1 amended 4 @100.00 kept", "book"}, m.amend("s1", 4, ""))
	assert.Equal(t, []string{"AAPL-1 1 @100.00 s1>b1", "maker s1 partial 1 left 3", "taker b1 filled 1", "book"}, m.buy("b1", 1, "100.00", ""))
	assert.Equal(t, []string{"s1 amended 5 @100.00 lost", "s1 queued 5 @100.00", "book"}, m.amend("s1", 5, ""))
	assert.Equal(t, []string{"AAPL-2 1 @100.00 s2>b2", "maker s2 partial 1 left 9", "taker b2 filled 1", "book"}, m.buy("b2", 1, "100.00", ""))
	m.buy("b3", 2, "99.00", "")
	assert.Equal(t, []string{
		"s1 amended 5 @99.00 lost", "AAPL-3 2 @99.00 s1>b3", "maker b3 filled 2", "taker s1 partial 2 left 3", "book",
	}, m.amend("s1", 0, "99.00"))
	assert.Equal(t, "SELL 100.00 9/1, SELL 99.00 3/1", m.ladder())
}

func TestAmendMayNameTheTotal(t *testing.T) {
	t.Parallel()
	c := config()
	c.AmendTotal = true
	m := market{actorstest.NewCell(t, engine(t, c), symbol), t}
	m.sell("s1", 10, "100.00", "")
	m.buy("b1", 4, "100.00", "")
	assert.Equal(t, []string{"s1 amended 1 @100.00 kept", "book"}, m.amend("s1", 5, ""))
	assert.Equal(t, []string{"s1 rejected INVALID_QTY"}, m.amend("s1", 4, ""))
}

func TestStateListsOrdersInPriority(t *testing.T) {
	t.Parallel()
	m := newMarket(t)
	m.buy("b1", 1, "99.00", "")
	m.buy("b2", 2, "99.50", "POST_ONLY")
	m.buy("b3", 3, "99.00", "")
	berg := limit("s1", "t", "SELL", 10, "100.00", "")
	berg.Display = 4
	m.do(berg)
	stop := limit("x1", "t", "BUY", 5, "", "STOP")
	stop.Trigger = "101.00"
	m.do(stop)
	state, err := actorstest.Ask[desk.BookState](m.Cell, desk.BookStateOf{Orders: true})
	require.NoError(t, err)
	assert.Equal(t, []desk.RestingOrder{
		{OrderID: "b2", TraderID: "trader-b2", Side: "BUY", TIF: "POST_ONLY", Price: "99.50", Remaining: 2},
		{OrderID: "b1", TraderID: "trader-b1", Side: "BUY", TIF: "GTC", Price: "99.00", Remaining: 1},
		{OrderID: "b3", TraderID: "trader-b3", Side: "BUY", TIF: "GTC", Price: "99.00", Remaining: 3},
		{OrderID: "s1", TraderID: "t", Side: "SELL", TIF: "GTC", Price: "100.00", Remaining: 10},
	}, state.Orders)
	state.Orders = nil
	assert.Equal(t, state, m.book(), "which lists none unasked")
	assert.Equal(t, []int{4, 1}, []int{state.Live, state.Parked})
}

func TestStopsAndIcebergsAreOrdersToo(t *testing.T) {
	t.Parallel()
	m := newMarket(t)
	berg := limit("ice", "t1", "SELL", 10, "100.00", "")
	berg.Display = 4
	assert.Equal(t, []string{"ice queued 10 @100.00", "book"}, said(m.do(berg)))
	assert.Equal(t, "SELL 100.00 4/1", m.ladder(), "the reserve is nobody's business")
	stop := limit("stop", "t2", "BUY", 3, "", "STOP")
	stop.Trigger = "100.00"
	assert.Equal(t, []string{"stop queued 3 @100.00"}, said(m.do(stop)))
	assert.Equal(t, 1, m.book().Parked)
	assert.Equal(t, []string{
		"AAPL-1 2 @100.00 ice>b1", "maker ice partial 2 left 8", "taker b1 filled 2",
		"stop triggered @100.00", "AAPL-2 2 @100.00 ice>stop", "maker ice partial 2 left 6",
		"AAPL-3 1 @100.00 ice>stop", "maker ice partial 1 left 5", "taker stop filled 3", "book",
	}, m.buy("b1", 2, "100.00", ""))
}

// TestLevelChangesAddUpToTheDepth replays BOOK_CHANGED as somebody who has nothing else would.
func TestLevelChangesAddUpToTheDepth(t *testing.T) {
	t.Parallel()
	m := newMarket(t)
	sides := map[string]map[string]desk.Level{"BUY": {}, "SELL": {}}
	sequence, changes := uint64(0), 0
	for _, c := range mixed(2000, 7) {
		for i, p := range m.do(desk.OrderSubmitted(c)).Emitted {
			changed, ok := p.(desk.BookChanged)
			if !ok {
				continue
			}
			require.Positive(t, i, "it closes a command")
			sequence++
			require.Equal(t, sequence, changed.Sequence)
			for _, l := range changed.Levels {
				changes++
				sides[l.Side][l.Price] = desk.Level{Price: l.Price, Quantity: l.Quantity, Orders: l.Orders}
				if l.Orders == 0 {
					delete(sides[l.Side], l.Price)
				}
			}
		}
	}
	depth, err := actorstest.Ask[desk.Depth](m.Cell, desk.DepthOf{})
	require.NoError(t, err)
	assert.Equal(t, sequence, depth.Sequence)
	assert.Greater(t, changes, 1500)
	for side, levels := range map[string][]desk.Level{"BUY": depth.Bids, "SELL": depth.Asks} {
		found := map[string]desk.Level{}
		for _, l := range levels {
			found[l.Price] = l
		}
		assert.Equal(t, sides[side], found, side)
		assert.Greater(t, len(levels), 20, side)
	}
	short, err := actorstest.Ask[desk.Depth](m.Cell, desk.DepthOf{Levels: 3})
	require.NoError(t, err)
	assert.Equal(t, depth.Bids[:3], short.Bids)
	assert.Equal(t, depth.Asks[:3], short.Asks)
	assert.Equal(t, "CONTINUOUS", short.Phase)
	assert.NotEmpty(t, short.Last)
}

// TestQuantityIsConserved holds, for a long mixed stream: what was accepted is traded, cancelled or still
// there; buys are sells are trades; takers and makers are told the same.
func TestQuantityIsConserved(t *testing.T) {
	t.Parallel()
	m := newMarket(t)
	accepted, filled, cancelled := map[string]int64{}, map[string]int64{}, map[string]int64{}
	fills, traded := map[string]int64{}, int64(0) // by side and by role
	count := func(f desk.Fill) {
		fills[f.Side] += f.Filled
		fills[f.Role] += f.Filled
	}
	trades := uint64(0)
	for _, c := range mixed(2000, 8) {
		r := m.do(desk.OrderSubmitted(c))
		if len(actorstest.Of[desk.OrderRejected](r)) == 0 && c.Action == desk.ActionNew {
			accepted[c.OrderID] = int64(c.Quantity)
		}
		for _, p := range r.Emitted {
			switch p := p.(type) {
			case desk.TradeExecuted:
				trades++
				require.Equal(t, fmt.Sprintf("AAPL-%d", trades), p.TradeID)
				traded += p.Quantity
				filled[p.BuyerOrder] += p.Quantity
				filled[p.SellerOrder] += p.Quantity
			case desk.OrderFilled:
				count(p.Fill)
			case desk.OrderPartialFill:
				count(p.Fill)
			case desk.OrderCancelled:
				cancelled[p.OrderID] += p.Quantity
			}
		}
	}
	var resting, in, out int64
	depth, err := actorstest.Ask[desk.Depth](m.Cell, desk.DepthOf{})
	require.NoError(t, err)
	for _, l := range append(depth.Bids, depth.Asks...) {
		resting += l.Quantity
	}
	for id, quantity := range accepted {
		in += quantity
		out += filled[id] + cancelled[id]
		assert.LessOrEqual(t, filled[id]+cancelled[id], quantity, id)
	}
	assert.Equal(t, in, out+resting)
	assert.Equal(t, map[string]int64{"BUY": traded, "SELL": traded, desk.Taker: traded, desk.Maker: traded}, fills)
	assert.Equal(t, trades, m.book().Trades)
	assert.Greater(t, trades, uint64(80))
}
