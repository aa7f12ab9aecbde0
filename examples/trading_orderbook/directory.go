package main

import (
	"strings"

	"github.com/necrostack/necrostack/examples/trading_orderbook/desk"
)

// directory remembers in which symbol an order is: who cancels or amends one names its id alone, and
// the events of the desk carry the symbol, which is their key.
type directory map[string]string

// complete returns the command with the symbol of the order that it is about. The order of an id that
// is used twice is the later one.
func (d directory) complete(c desk.Command) desk.Command {
	switch strings.ToUpper(strings.TrimSpace(c.Action)) {
	case "", desk.ActionNew:
		if c.OrderID != "" && c.Symbol != "" {
			d[c.OrderID] = c.Symbol
		}
	case desk.ActionCancel, desk.ActionAmend:
		if c.Symbol == "" {
			c.Symbol = d[c.OrderID]
		}
	}
	return c
}
