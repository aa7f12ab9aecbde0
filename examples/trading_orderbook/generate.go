package main

import (
	"fmt"
	"math/rand/v2"

	"github.com/necrostack/necrostack/examples/trading_orderbook/desk"
)

// generator makes random orders: the same ones for the same seed. Prices wander, most orders rest,
// some take, a few are cancelled or amended, and one in a hundred makes no sense.
type generator struct {
	random  *rand.Rand
	symbols []string
	middle  []int          // price of each symbol, in cents
	known   [][]knownOrder // of each symbol: what may be cancelled
	made    int
	tag     string // what the ids of orders begin with
}

type knownOrder struct{ id, trader string }

// What the generator keeps to.
const (
	traders   = 100
	startAt   = 15_000 // cents
	lowest    = 1_000
	knownMost = 1000
)

func newGenerator(seed uint64, symbols []string) *generator {
	g := &generator{
		random: rand.New(rand.NewPCG(seed, 0x6f7264657273)), symbols: symbols,
		middle: make([]int, len(symbols)), known: make([][]knownOrder, len(symbols)),
	}
	for i := range g.middle {
		g.middle[i] = startAt
	}
	return g
}

// next returns one command.
func (g *generator) next() desk.OrderSubmitted {
	g.made++
	at := g.random.IntN(len(g.symbols))
	g.middle[at] = max(lowest, g.middle[at]+g.random.IntN(5)-2)
	c := desk.Command{Symbol: g.symbols[at]}
	switch draw := g.random.IntN(100); {
	case draw < 10 && len(g.known[at]) > 0:
		g.cancel(&c, at)
	case draw < 14 && len(g.known[at]) > 0:
		g.amend(&c, at)
	default:
		g.enter(&c, at)
	}
	return desk.OrderSubmitted(c)
}

// pick takes an order that was made before, and forgets it.
func (g *generator) pick(at int) knownOrder {
	list := g.known[at]
	i := g.random.IntN(len(list))
	found := list[i]
	list[i] = list[len(list)-1]
	g.known[at] = list[:len(list)-1]
	return found
}

func (g *generator) cancel(c *desk.Command, at int) {
	x := g.pick(at)
	c.Action, c.OrderID, c.TraderID = desk.ActionCancel, x.id, x.trader
}

func (g *generator) amend(c *desk.Command, at int) {
	x := g.pick(at)
	c.Action, c.OrderID, c.TraderID = desk.ActionAmend, x.id, x.trader
	if g.random.IntN(2) == 0 {
		c.Price = cents(g.price(at, c.Side, -20))
	}
	c.Quantity = g.quantity()
}

func (g *generator) enter(c *desk.Command, at int) {
	c.OrderID, c.TraderID = fmt.Sprintf("%sS%d", g.tag, g.made), fmt.Sprintf("trader-%02d", g.random.IntN(traders))
	c.Side = [...]string{"BUY", "SELL"}[g.random.IntN(2)]
	c.Quantity = g.quantity()
	c.Price = cents(g.price(at, c.Side, 30)) // in the book, mostly
	switch draw := g.random.IntN(100); {
	case draw < 20:
		c.Price = cents(g.price(at, c.Side, -15)) // through the market
	case draw < 25:
		c.OrderType, c.Price = "MARKET", ""
	case draw < 30:
		c.OrderType, c.Price = "IOC", cents(g.price(at, c.Side, -10))
	case draw < 33:
		c.OrderType, c.Price = "FOK", cents(g.price(at, c.Side, -10))
	case draw < 37:
		c.OrderType = "POST_ONLY"
	default:
		g.enterRare(c, at, draw)
	}
	if len(g.known[at]) < knownMost {
		g.known[at] = append(g.known[at], knownOrder{c.OrderID, c.TraderID})
	}
}

func (g *generator) enterRare(c *desk.Command, at, draw int) {
	switch {
	case draw < 40:
		c.Quantity *= 10
		c.Display = c.Quantity / 10
	case draw < 42:
		c.OrderType, c.Trigger = "STOP_LIMIT", cents(g.price(at, c.Side, -20))
	case draw < 44:
		c.Prevention = [...]string{"CANCEL_NEWEST", "CANCEL_OLDEST", "CANCEL_BOTH", "DECREMENT"}[g.random.IntN(4)]
	case draw < 45:
		c.Price += "5" // between two ticks
	}
}

func (g *generator) quantity() desk.Quantity { return desk.Quantity(1 + g.random.IntN(200)) }

// price is up to away cents on the own side of the market, or, below 0, on the other.
func (g *generator) price(at int, side string, away int) int {
	distance := 1 + g.random.IntN(max(away, -away))
	if (side == "SELL") == (away > 0) {
		return g.middle[at] + distance
	}
	return max(1, g.middle[at]-distance)
}

func cents(n int) desk.Decimal { return desk.Decimal(fmt.Sprintf("%d.%02d", n/100, n%100)) }
