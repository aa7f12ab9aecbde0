package desk_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/necrostack/necrostack/actors"
	"github.com/necrostack/necrostack/actors/actorstest"
	"github.com/necrostack/necrostack/examples/trading_orderbook/desk"
)

func TestValidateOrderBringsACommandIntoItsOneForm(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ given, want desk.OrderSubmitted }{
		"words, blanks and zeros": {
			desk.OrderSubmitted{OrderID: " o1 ", TraderID: "t1", Symbol: " aapl", Side: "buy", OrderType: "limit", TIF: "gtc ", Quantity: 5, Price: " 0150.250"},
			desk.OrderSubmitted{Action: "NEW", OrderID: "o1", TraderID: "t1", Symbol: "AAPL", Side: "BUY", OrderType: "LIMIT", TIF: "GTC", Quantity: 5, Price: "150.25"},
		},
		"defaults": {
			limit("o1", "t1", "SELL", 5, "150", ""),
			desk.OrderSubmitted{Action: "NEW", OrderID: "o1", TraderID: "t1", Symbol: "AAPL", Side: "SELL", OrderType: "LIMIT", TIF: "GTC", Quantity: 5, Price: "150.00"},
		},
		"a type that is a tif": {
			limit("o1", "t1", "SELL", 5, "150", "post_only"),
			desk.OrderSubmitted{Action: "NEW", OrderID: "o1", TraderID: "t1", Symbol: "AAPL", Side: "SELL", OrderType: "LIMIT", TIF: "POST_ONLY", Quantity: 5, Price: "150.00"},
		},
		"a market order has no price": {
			limit("o1", "t1", "SELL", 5, "whatever", "MARKET"),
			desk.OrderSubmitted{Action: "NEW", OrderID: "o1", TraderID: "t1", Symbol: "AAPL", Side: "SELL", OrderType: "MARKET", TIF: "GTC", Quantity: 5},
		},
		"a stop has a trigger only": {
			desk.OrderSubmitted{OrderID: "o1", TraderID: "t1", Symbol: "AAPL", Side: "BUY", OrderType: "stop", Quantity: 5, Price: "1", Trigger: "7", Display: 0},
			desk.OrderSubmitted{Action: "NEW", OrderID: "o1", TraderID: "t1", Symbol: "AAPL", Side: "BUY", OrderType: "STOP", TIF: "GTC", Quantity: 5, Trigger: "7.00"},
		},
		"everything an order can have": {
			desk.OrderSubmitted{OrderID: "o1", TraderID: "t1", Symbol: "BRK.B", Side: "BUY", OrderType: "stop_limit", TIF: "gtd", Quantity: 500, Price: "7.5", Trigger: "7", Display: 10, Prevention: "decrement", Time: "2026-01-01T10:00:00+02:00"},
			desk.OrderSubmitted{Action: "NEW", OrderID: "o1", TraderID: "t1", Symbol: "BRK.B", Side: "BUY", OrderType: "STOP_LIMIT", TIF: "GTD", Quantity: 500, Price: "7.50", Trigger: "7.00", Display: 10, Prevention: "DECREMENT", Time: "2026-01-01T08:00:00Z"},
		},
		"cancel": {
			desk.OrderSubmitted{Action: "cancel", OrderID: "o1", Symbol: "aapl", Quantity: 7, Side: "BUY"},
			desk.OrderSubmitted{Action: "CANCEL", OrderID: "o1", Symbol: "AAPL"},
		},
		"amend": {
			desk.OrderSubmitted{Action: "Amend", OrderID: "o1", TraderID: "t1", Symbol: "AAPL", Price: "7"},
			desk.OrderSubmitted{Action: "AMEND", OrderID: "o1", TraderID: "t1", Symbol: "AAPL", Price: "7.00"},
		},
		"cancel all": {
			desk.OrderSubmitted{Action: "CANCEL_ALL", TraderID: "t1", Symbol: "AAPL", OrderID: "o1"},
			desk.OrderSubmitted{Action: "CANCEL_ALL", TraderID: "t1", Symbol: "AAPL"},
		},
		"phase": {
			desk.OrderSubmitted{Action: "SET_PHASE", Symbol: "AAPL", Phase: "halted"},
			desk.OrderSubmitted{Action: "SET_PHASE", Symbol: "AAPL", Phase: "HALTED"},
		},
		"tick": {
			desk.OrderSubmitted{Action: "TICK", Symbol: "AAPL", Time: "2026-01-01T10:00:00.1234567Z"},
			desk.OrderSubmitted{Action: "TICK", Symbol: "AAPL", Time: "2026-01-01T10:00:00.123456Z"},
		},
	} {
		r := actorstest.Handle(t, validator(t), c.given)
		assert.Equal(t, desk.OrderValidated(c.want), actorstest.One[desk.OrderValidated](t, r), name)
		again := actorstest.Handle(t, validator(t), desk.OrderSubmitted(c.want))
		assert.Equal(t, desk.OrderValidated(c.want), actorstest.One[desk.OrderValidated](t, again), "%s: its one form stays", name)
	}
}

func TestValidateOrderGivesEveryReason(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 65)
	order := func(change func(*desk.OrderSubmitted)) desk.OrderSubmitted {
		c := limit("o1", "t1", "BUY", 5, "150", "")
		change(&c)
		return c
	}
	for name, c := range map[string]struct {
		given desk.OrderSubmitted
		want  string
	}{
		"all at once": {
			desk.OrderSubmitted{OrderID: "a b", Symbol: "AAPL", Side: "HOLD", OrderType: "PEG", TIF: "NOW", Quantity: -1, Price: "NaN", Prevention: "MAYBE"},
			"INVALID_ID INVALID_TRADER INVALID_SIDE INVALID_TYPE INVALID_TIF INVALID_QTY INVALID_PRICE INVALID_PREVENTION",
		},
		"unknown symbol, and what can be said without it": {
			desk.OrderSubmitted{OrderID: "o1", TraderID: "t1", Symbol: "MSFT", Side: "UP", Quantity: 0, Price: "1"},
			"INVALID_SYMBOL INVALID_SIDE INVALID_QTY",
		},
		"no symbol":            {order(func(c *desk.OrderSubmitted) { c.Symbol = "" }), "INVALID_SYMBOL"},
		"symbol of any bytes":  {order(func(c *desk.OrderSubmitted) { c.Symbol = "\xff|\n" + long }), "INVALID_SYMBOL"},
		"no id":                {order(func(c *desk.OrderSubmitted) { c.OrderID = "" }), "INVALID_ID"},
		"long id":              {order(func(c *desk.OrderSubmitted) { c.OrderID = long }), "INVALID_ID"},
		"id for two lines":     {order(func(c *desk.OrderSubmitted) { c.OrderID = "a|b" }), "INVALID_ID"},
		"long trader":          {order(func(c *desk.OrderSubmitted) { c.TraderID = long }), "INVALID_TRADER"},
		"tif":                  {order(func(c *desk.OrderSubmitted) { c.TIF = "DAY" }), "INVALID_TIF"},
		"two tifs":             {order(func(c *desk.OrderSubmitted) { c.OrderType, c.TIF = "IOC", "FOK" }), "INVALID_TIF"},
		"market that rests":    {order(func(c *desk.OrderSubmitted) { c.OrderType, c.TIF = "MARKET", "POST_ONLY" }), "INVALID_TIF"},
		"market with a date":   {order(func(c *desk.OrderSubmitted) { c.OrderType, c.TIF, c.Time = "MARKET", "GTD", "2026-01-01T00:00:00Z" }), "INVALID_TIF"},
		"quantity too large":   {order(func(c *desk.OrderSubmitted) { c.Quantity = 1_000_000_001 }), "INVALID_QTY"},
		"quantity unreadable":  {order(func(c *desk.OrderSubmitted) { c.Quantity = desk.Unreadable }), "INVALID_QTY"},
		"lot":                  {order(func(c *desk.OrderSubmitted) { c.Symbol, c.Quantity = "BRK.B", 15 }), "INVALID_QTY"},
		"lots too many":        {order(func(c *desk.OrderSubmitted) { c.Symbol, c.Quantity = "BRK.B", 10_010 }), "INVALID_QTY"},
		"tick":                 {order(func(c *desk.OrderSubmitted) { c.Price = "150.255" }), "OFF_TICK"},
		"tick of five":         {order(func(c *desk.OrderSubmitted) { c.Symbol, c.Quantity, c.Price = "BRK.B", 10, "7.01" }), "OFF_TICK"},
		"price missing":        {order(func(c *desk.OrderSubmitted) { c.Price = "" }), "INVALID_PRICE"},
		"price of zero":        {order(func(c *desk.OrderSubmitted) { c.Price = "0.00" }), "INVALID_PRICE"},
		"price too high":       {order(func(c *desk.OrderSubmitted) { c.Price = "10000000.01" }), "INVALID_PRICE"},
		"price NaN":            {order(func(c *desk.OrderSubmitted) { c.Price = "NaN" }), "INVALID_PRICE"},
		"price infinite":       {order(func(c *desk.OrderSubmitted) { c.Price = "Inf" }), "INVALID_PRICE"},
		"price with exponent":  {order(func(c *desk.OrderSubmitted) { c.Price = "1.5e2" }), "INVALID_PRICE"},
		"price with sign":      {order(func(c *desk.OrderSubmitted) { c.Price = "-1" }), "INVALID_PRICE"},
		"trigger missing":      {order(func(c *desk.OrderSubmitted) { c.OrderType = "STOP_LIMIT" }), "INVALID_TRIGGER"},
		"trigger between":      {order(func(c *desk.OrderSubmitted) { c.OrderType, c.Trigger = "STOP", "1.001" }), "OFF_TICK"},
		"display above":        {order(func(c *desk.OrderSubmitted) { c.Display = 6 }), "INVALID_DISPLAY"},
		"display below 0":      {order(func(c *desk.OrderSubmitted) { c.Display = -6 }), "INVALID_DISPLAY"},
		"display of a taker":   {order(func(c *desk.OrderSubmitted) { c.Display, c.TIF = 1, "IOC" }), "INVALID_DISPLAY"},
		"display of a market":  {order(func(c *desk.OrderSubmitted) { c.Display, c.OrderType = 1, "MARKET" }), "INVALID_DISPLAY"},
		"slices":               {order(func(c *desk.OrderSubmitted) { c.Display, c.Quantity = 1, 1001 }), "INVALID_DISPLAY"},
		"date missing":         {order(func(c *desk.OrderSubmitted) { c.TIF = "GTD" }), "INVALID_TIME"},
		"action":               {order(func(c *desk.OrderSubmitted) { c.Action = "REPLACE" }), "UNKNOWN_OP"},
		"cancel without id":    {desk.OrderSubmitted{Action: "CANCEL", Symbol: symbol}, "INVALID_ID"},
		"cancel by nobody":     {desk.OrderSubmitted{Action: "CANCEL", OrderID: "o1", TraderID: "a b", Symbol: symbol}, "INVALID_TRADER"},
		"amend of nothing":     {desk.OrderSubmitted{Action: "AMEND", OrderID: "o1", Symbol: symbol}, "NOTHING_TO_AMEND"},
		"amend to nonsense":    {desk.OrderSubmitted{Action: "AMEND", OrderID: "o1", Symbol: symbol, Quantity: -1, Price: "x"}, "INVALID_QTY INVALID_PRICE"},
		"cancel all of nobody": {desk.OrderSubmitted{Action: "CANCEL_ALL", Symbol: symbol}, "INVALID_TRADER"},
		"phase":                {desk.OrderSubmitted{Action: "SET_PHASE", Symbol: symbol, Phase: "LUNCH"}, "INVALID_PHASE"},
		"tick without a time":  {desk.OrderSubmitted{Action: "TICK", Symbol: symbol, Time: "noon"}, "INVALID_TIME"},
		"tick before time":     {desk.OrderSubmitted{Action: "TICK", Symbol: symbol, Time: "1969-01-01T00:00:00Z"}, "INVALID_TIME"},
	} {
		got := actorstest.One[desk.OrderRejected](t, actorstest.Handle(t, validator(t), c.given))
		assert.Equal(t, c.want, strings.Join(got.Reasons, " "), name)
		assert.Equal(t, got.Reasons[0], got.Reason, name)
		assert.Equal(t, len(got.Reasons), 1+strings.Count(got.Detail, "; "), "%s: %s", name, got.Detail)
		assert.Equal(t, desk.ValidateOrder, got.RejectedBy, name)
	}
}

// TestEverySubmissionHasAKey is why a symbol of any bytes gets as far as the organ that refuses it.
func TestEverySubmissionHasAKey(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"", " ", "aapl", "AAPL", "a b", "Zoë", `a"b\c|{}`, strings.Repeat("ü", 300), "\xff\n"} {
		assert.NoError(t, actors.CheckName("key", desk.OrderSubmitted{Symbol: text}.EventKey()), "%q", text)
	}
	assert.Equal(t, "AAPL", desk.OrderSubmitted{Symbol: " aapl "}.EventKey(), "it has to stay in order with AAPL")
}

func TestSubmissionsReadNumbersWithoutFloats(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		`"quantity":100,"price":"150.25"`:  "",
		`"quantity":100,"price":150`:       "",
		`"quantity":1.5,"price":"150.25"`:  "INVALID_QTY",
		`"quantity":"100","price":"1"`:     "INVALID_QTY",
		`"quantity":1e2,"price":"1"`:       "INVALID_QTY",
		`"quantity":0,"price":"1"`:         "INVALID_QTY",
		`"quantity":null,"price":"1"`:      "INVALID_QTY",
		`"quantity":99999999999999999999`:  "INVALID_QTY INVALID_PRICE",
		`"quantity":100,"price":150.25`:    "INVALID_PRICE",
		`"quantity":100,"price":150.0`:     "INVALID_PRICE",
		`"quantity":100,"price":15e1`:      "INVALID_PRICE",
		`"quantity":100,"price":null`:      "INVALID_PRICE",
		`"quantity":100,"price":true`:      "INVALID_PRICE",
		`"quantity":100,"price":["1"]`:     "INVALID_PRICE",
		`"quantity":100,"price":"1.5e2"`:   "INVALID_PRICE",
		`"quantity":100,"price":"0x10"`:    "INVALID_PRICE",
		`"quantity":100,"price":"100.00 "`: "",
	} {
		var c desk.OrderSubmitted
		require.NoError(t, json.Unmarshal([]byte(`{"order_id":"o1","trader_id":"t1","symbol":"AAPL","side":"BUY",`+text+`}`), &c), text)
		r := actorstest.Handle(t, validator(t), c)
		reasons := ""
		for _, rejected := range actorstest.Of[desk.OrderRejected](r) {
			reasons = strings.Join(rejected.Reasons, " ")
		}
		assert.Equal(t, want, reasons, text)
	}
	var c desk.OrderSubmitted
	assert.Error(t, json.Unmarshal([]byte(`{"price":NaN}`), &c), "there is no such JSON")
}

func TestAmendToZeroIsNotAnAmendOfThePriceAlone(t *testing.T) {
	t.Parallel()
	var c desk.OrderSubmitted
	require.NoError(t, json.Unmarshal([]byte(`{"action":"AMEND","order_id":"o1","symbol":"AAPL","quantity":0,"price":"1"}`), &c))
	rejected := actorstest.One[desk.OrderRejected](t, actorstest.Handle(t, validator(t), c))
	assert.Equal(t, []string{"INVALID_QTY"}, rejected.Reasons)
}

// TestFailedCommandIsRejected holds that no command ends without an answer, whatever breaks.
func TestFailedCommandIsRejected(t *testing.T) {
	t.Parallel()
	broken := actors.Failure{Err: errors.New("out of order")}
	order := limit("o1", "t1", "BUY", 5, "1", "")
	for name, r := range map[string]actorstest.Result{
		desk.ValidateOrder:  actorstest.Failed(t, validator(t), order, broken),
		desk.MatchingEngine: actorstest.Failed(t, engine(t, config()), desk.OrderValidated(order), broken),
	} {
		assert.Equal(t, desk.OrderRejected{
			Order: desk.Order{OrderID: "o1", TraderID: "t1", Symbol: "AAPL", Side: "BUY"}, Action: "NEW", Reason: desk.ReasonFailed,
			Reasons: []string{desk.ReasonFailed}, Detail: "out of order", RejectedBy: name,
		}, actorstest.One[desk.OrderRejected](t, r))
	}
}
