package main

import (
	"github.com/necrostack/necrostack/actors"
	"github.com/necrostack/necrostack/examples/trading_orderbook/desk"
)

// payloadOf decodes what reports are made of; for any other event it returns nil.
func payloadOf(ev actors.Event) (actors.Payload, error) {
	decode, ok := decoders[ev.Type()]
	if !ok {
		return nil, nil
	}
	return decode(ev)
}

var decoders = func() map[string]func(actors.Event) (actors.Payload, error) {
	all := map[string]func(actors.Event) (actors.Payload, error){}
	decodes[desk.OrderSubmitted](all)
	decodes[desk.OrderValidated](all)
	decodes[desk.OrderRejected](all)
	decodes[desk.OrderQueued](all)
	decodes[desk.OrderTriggered](all)
	decodes[desk.OrderPartialFill](all)
	decodes[desk.OrderFilled](all)
	decodes[desk.OrderCancelled](all)
	decodes[desk.OrderAmended](all)
	decodes[desk.OrdersCancelled](all)
	decodes[desk.PhaseChanged](all)
	decodes[desk.TradeExecuted](all)
	decodes[desk.SettlementComplete](all)
	decodes[desk.SettlementFailed](all)
	decodes[desk.RiskAlert](all)
	return all
}()

func decodes[P actors.Payload](all map[string]func(actors.Event) (actors.Payload, error)) {
	var zero P
	all[zero.EventType()] = func(ev actors.Event) (actors.Payload, error) { return actors.Decode[P](ev) }
}

// decodeIf decodes an event if it is a P. What the desk has emitted decodes.
func decodeIf[P actors.Payload](ev actors.Event) (p P, ok bool) {
	if ev.Type() != p.EventType() {
		return p, false
	}
	p, err := actors.Decode[P](ev)
	return p, err == nil
}
