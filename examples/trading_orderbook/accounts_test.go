package main

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/necrostack/necrostack/actors"
	"github.com/necrostack/necrostack/examples/trading_orderbook/desk"
)

// An order that self-trade prevention brings to nothing is told of once or twice, and is one order.
func TestLostOrdersAreCountedOnce(t *testing.T) {
	t.Parallel()
	order := desk.Order{OrderID: "x", Symbol: "AAPL", Side: "BUY"}
	cancelled := desk.OrderCancelled{Order: order, Quantity: 5, Reason: "SELF_TRADE"}
	reduced := desk.OrderCancelled{Order: order, Quantity: 5, Remaining: 3, Reason: "SELF_TRADE"}
	done := desk.OrderPartialFill{Fill: desk.Fill{Order: order, Role: desk.Taker, Filled: 3}}
	for name, events := range map[string][]actors.Payload{
		"cancelled":            {cancelled},
		"traded and cancelled": {cancelled, done},
		"reduced, then traded": {reduced, done},
		"the other way round":  {done, cancelled},
	} {
		a := newAccounts()
		for _, p := range events {
			ev := newEvent(t, p)
			a.add(ev)
		}
		assert.Equal(t, 1, a.Symbols["AAPL"].Cancelled, name)
	}
}

func TestTradesAreSettledOnceOrSaidNotToBe(t *testing.T) {
	t.Parallel()
	trade := func(id string) desk.TradeExecuted {
		return desk.TradeExecuted{TradeID: id, Symbol: "BRK-A", Quantity: 1}
	}
	complete := func(id string) desk.SettlementComplete {
		return desk.SettlementComplete{Trade: desk.Trade{TradeID: id, Symbol: "BRK-A", Quantity: 1}}
	}
	a := newAccounts()
	for _, p := range []actors.Payload{trade("BRK-A-1"), trade("BRK-A-2"), trade("BRK-A-3"), complete("BRK-A-3"), complete("BRK-A-1"), complete("BRK-A-3")} {
		a.add(newEvent(t, p))
	}
	none, repeated := a.settlements()
	assert.Equal(t, 1, none)
	assert.Equal(t, 1, repeated)
}
