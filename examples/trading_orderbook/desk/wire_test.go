package desk_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/necrostack/necrostack/actors"
	"github.com/necrostack/necrostack/examples/trading_orderbook/desk"
)

// TestWireForms holds the type, the key and the JSON of every payload, which others read.
func TestWireForms(t *testing.T) {
	t.Parallel()
	order := desk.Order{OrderID: "o1", TraderID: "t1", Symbol: symbol, Side: "BUY"}
	trade := desk.Trade{TradeID: "AAPL-1", Symbol: symbol, Price: "100.00", Quantity: 5, BuyerID: "t1", SellerID: "t2"}
	fill := desk.Fill{Order: order, Role: desk.Maker, TradeID: "AAPL-1", Price: "100.00", Filled: 5, Remaining: 6}
	const orderJSON = `"order_id":"o1","trader_id":"t1","symbol":"AAPL","side":"BUY"`
	const tradeJSON = `"trade_id":"AAPL-1","symbol":"AAPL","price":"100.00","quantity":5,"buyer_id":"t1","seller_id":"t2"`
	const fillJSON = orderJSON + `,"role":"maker","trade_id":"AAPL-1","price":"100.00","filled_quantity":5,"remaining_quantity":6`
	const commandJSON = `"action":"NEW",` + orderJSON + `,"order_type":"LIMIT","tif":"GTC","quantity":5,"price":"100.00"`
	command := validated(limit("o1", "t1", "BUY", 5, "100.00", ""))
	full := command
	full.Display, full.Trigger, full.Prevention, full.Time, full.Phase = 1, "2", "ALLOW", "t", "p"
	for _, c := range []struct {
		payload  actors.KeyedPayload
		typ, key string
		json     string
	}{
		{desk.OrderSubmitted(command), "ORDER_SUBMITTED", symbol, commandJSON},
		{command, "ORDER_VALIDATED", symbol, commandJSON},
		{full, "ORDER_VALIDATED", symbol, commandJSON + `,"display_quantity":1,"trigger_price":"2","prevention":"ALLOW","time":"t","phase":"p"`},
		{
			desk.OrderRejected{Order: order, Action: "NEW", Reason: "A", Reasons: []string{"A"}, Detail: "d", RejectedBy: "v"}, "ORDER_REJECTED",
			symbol, orderJSON + `,"action":"NEW","reason":"A","reasons":["A"],"detail":"d","rejected_by":"v"`,
		},
		{desk.OrderQueued{Order: order, Price: "1.00", Remaining: 5}, "ORDER_QUEUED", symbol, orderJSON + `,"price":"1.00","remaining_quantity":5`},
		{desk.OrderTriggered{Order: order, Trigger: "1.00"}, "ORDER_TRIGGERED", symbol, orderJSON + `,"trigger_price":"1.00"`},
		{desk.OrderPartialFill{Fill: fill}, "ORDER_PARTIAL_FILL", symbol, fillJSON},
		{desk.OrderFilled{Fill: fill}, "ORDER_FILLED", symbol, fillJSON},
		{
			desk.OrderCancelled{Order: order, Price: "1.00", Quantity: 5, Reason: "USER"}, "ORDER_CANCELLED",
			symbol, orderJSON + `,"price":"1.00","quantity":5,"remaining_quantity":0,"reason":"USER"`,
		},
		{
			desk.OrderAmended{Order: order, Price: "1.00", Remaining: 5, Priority: desk.PriorityLost}, "ORDER_AMENDED",
			symbol, orderJSON + `,"price":"1.00","remaining_quantity":5,"priority":"lost"`,
		},
		{desk.OrdersCancelled{Order: desk.Order{TraderID: "t1", Symbol: symbol}, Count: 2}, "ORDERS_CANCELLED", symbol, `"trader_id":"t1","symbol":"AAPL","count":2`},
		{desk.PhaseChanged{Symbol: symbol, Phase: "HALTED"}, "PHASE_CHANGED", symbol, `"symbol":"AAPL","phase":"HALTED"`},
		{
			desk.TradeExecuted{
				TradeID: "AAPL-1", Symbol: symbol, Price: "100.00", Quantity: 5, BuyerID: "t1", SellerID: "t2",
				BuyerOrder: "o1", SellerOrder: "o2", MakerOrder: "o2", TakerOrder: "o1", Aggressor: "BUY",
			}, "TRADE_EXECUTED", symbol,
			tradeJSON + `,"buyer_order":"o1","seller_order":"o2","maker_order":"o2","taker_order":"o1","aggressor":"BUY"`,
		},
		{
			desk.BookChanged{Symbol: symbol, Sequence: 3, Levels: []desk.LevelChange{{Side: "BUY", Price: "1.00", Quantity: 5, Orders: 1}}},
			"BOOK_CHANGED", symbol, `"symbol":"AAPL","sequence":3,"levels":[{"side":"BUY","price":"1.00","quantity":5,"orders":1}]`,
		},
		{
			desk.SettlementComplete{Trade: trade, Amount: money(t, "500"), Fee: money(t, "0.05")}, "SETTLEMENT_COMPLETE",
			symbol, tradeJSON + `,"amount":"500.00","fee":"0.05"`,
		},
		{
			desk.SettlementFailed{Trade: trade, Reason: "TIMEOUT", Detail: "d", Attempts: 3}, "SETTLEMENT_FAILED",
			symbol, tradeJSON + `,"reason":"TIMEOUT","detail":"d","attempts":3`,
		},
		{
			desk.PositionChanged{TraderID: "t1", Symbol: symbol, Quantity: -5, Price: "1.00", TradeID: "AAPL-1"}, "POSITION_CHANGED",
			"t1", `"trader_id":"t1","symbol":"AAPL","quantity":-5,"price":"1.00","trade_id":"AAPL-1"`,
		},
		{
			desk.RiskAlert{TraderID: "t1", Symbol: symbol, Reason: desk.PositionLimit, Value: "2", Limit: "1", TradeID: "AAPL-1"}, "RISK_ALERT",
			symbol, `"trader_id":"t1","symbol":"AAPL","reason":"POSITION_LIMIT","value":"2","limit":"1","trade_id":"AAPL-1"`,
		},
	} {
		assert.Equal(t, c.typ, c.payload.EventType())
		assert.Equal(t, c.key, c.payload.EventKey(), c.typ)
		data, err := json.Marshal(c.payload)
		require.NoError(t, err)
		assert.JSONEq(t, "{"+c.json+"}", string(data), c.typ)
	}
}
