package main

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/necrostack/necrostack/actors"
	"github.com/necrostack/necrostack/examples/trading_orderbook/desk"
	"github.com/necrostack/necrostack/examples/trading_orderbook/matching"
)

// accounts are the books of account of a run, made of its events alone.
type accounts struct {
	Commands int // that the desk is through with: rejected, or known to the book
	Symbols  map[string]*turnover
	err      error // of a sum
}

// turnover is what happened in one symbol. Of orders it counts new ones.
type turnover struct {
	Orders, Rejected, Filled, Cancelled int // Cancelled: gone without being filled
	Bought, Sold, Traded                int64
	Trades, Settled, Failed             int
	Amount, Fees                        desk.Money
	lost                                map[string]bool // orders that came to nothing by self-trade prevention
	settlements                         []uint8         // by number of the trade, how often it was settled or given up
}

func newAccounts() accounts { return accounts{Symbols: map[string]*turnover{}} }

// add enters a settled event. A replay is not entered again; what comes of it is.
func (a *accounts) add(ev actors.Event) {
	if ev.Meta(actors.MetaReplayOf) != "" {
		return
	}
	switch p, _ := payloadOf(ev); p := p.(type) {
	case desk.OrderSubmitted:
		a.submitted(ev, &p)
	case desk.OrderRejected:
		a.rejected(ev, &p)
	case desk.OrderValidated:
		a.Commands++
	case desk.OrderPartialFill:
		a.of(ev).filled(&p.Fill)
		if p.Role == desk.Taker && p.Remaining == 0 {
			a.of(ev).lose(p.OrderID)
		}
	case desk.OrderFilled:
		a.of(ev).Filled++
		a.of(ev).filled(&p.Fill)
	case desk.OrderCancelled:
		a.of(ev).cancelled(&p)
	case desk.TradeExecuted:
		a.of(ev).Trades++
		a.of(ev).Traded += p.Quantity
	case desk.SettlementComplete:
		a.complete(ev, &p)
	case desk.SettlementFailed:
		a.of(ev).Failed++
		a.of(ev).settle(p.TradeID)
	}
}

func (a *accounts) of(ev actors.Event) *turnover {
	t := a.Symbols[ev.Key()]
	if t == nil {
		t = &turnover{}
		a.Symbols[ev.Key()] = t
	}
	return t
}

func (a *accounts) submitted(ev actors.Event, p *desk.OrderSubmitted) {
	if isNew(p.Action) {
		a.of(ev).Orders++
	}
}

func (a *accounts) rejected(ev actors.Event, p *desk.OrderRejected) {
	if p.RejectedBy == desk.ValidateOrder {
		a.Commands++
	}
	if isNew(p.Action) {
		a.of(ev).Rejected++
	}
}

func isNew(action string) bool {
	action = strings.ToUpper(strings.TrimSpace(action))
	return action == "" || action == desk.ActionNew
}

func (t *turnover) filled(f *desk.Fill) {
	if f.Side == "BUY" {
		t.Bought += f.Filled
	} else {
		t.Sold += f.Filled
	}
}

func (t *turnover) cancelled(c *desk.OrderCancelled) {
	switch {
	case c.Remaining > 0:
	case c.Reason == matching.SelfTrade.String():
		t.lose(c.OrderID)
	default:
		t.Cancelled++
	}
}

// lose counts an order of which self-trade prevention took a part and nothing is left. Two events may
// say so, the cancel and a partial fill with nothing left, and it is one order.
func (t *turnover) lose(order string) {
	if t.lost[order] {
		return
	}
	if t.lost == nil {
		t.lost = map[string]bool{}
	}
	t.lost[order] = true
	t.Cancelled++
}

func (a *accounts) complete(ev actors.Event, p *desk.SettlementComplete) {
	t := a.of(ev)
	t.Settled++
	t.settle(p.TradeID)
	var errAmount, errFee error
	t.Amount, errAmount = t.Amount.Add(p.Amount)
	t.Fees, errFee = t.Fees.Add(p.Fee)
	if a.err == nil {
		a.err = firstOf(errAmount, errFee)
	}
}

// settle notes that there is a last word on a trade. Numbers of trades have no gaps, so a slice is a
// map of them.
func (t *turnover) settle(trade string) {
	n, err := strconv.Atoi(trade[strings.LastIndexByte(trade, '-')+1:])
	if err != nil || n < 1 || n > maxOrders*10 {
		return
	}
	for len(t.settlements) <= n {
		t.settlements = append(t.settlements, 0)
	}
	t.settlements[n] = min(t.settlements[n], 254) + 1
}

// unsettled and repeated count the trades on which there is no last word, and more than one.
func (t *turnover) unsettled() (none, repeated int) {
	none = t.Trades
	for _, n := range t.settlements {
		if n > 0 {
			none--
		}
		if n > 1 {
			repeated++
		}
	}
	return none, repeated
}

func (a *accounts) clone() accounts {
	c := *a
	c.Symbols = map[string]*turnover{}
	for symbol, t := range a.Symbols {
		one := *t
		one.settlements, one.lost = slices.Clone(t.settlements), maps.Clone(t.lost)
		c.Symbols[symbol] = &one
	}
	return c
}

// names are the symbols, sorted.
func (a *accounts) names() []string { return slices.Sorted(maps.Keys(a.Symbols)) }

// total is the sum over all symbols.
func (a *accounts) total() (sum turnover, err error) {
	for _, t := range a.Symbols {
		sum.Orders += t.Orders
		sum.Rejected += t.Rejected
		sum.Filled += t.Filled
		sum.Cancelled += t.Cancelled
		sum.Bought += t.Bought
		sum.Sold += t.Sold
		sum.Traded += t.Traded
		sum.Trades += t.Trades
		sum.Settled += t.Settled
		sum.Failed += t.Failed
		var errAmount, errFee error
		sum.Amount, errAmount = sum.Amount.Add(t.Amount)
		sum.Fees, errFee = sum.Fees.Add(t.Fees)
		err = firstOf(err, errAmount, errFee)
	}
	return sum, firstOf(a.err, err)
}

func firstOf(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// alerts keeps the first ones, and counts them all.
type alerts struct {
	kept  []desk.RiskAlert
	total int
}

const alertsKept = 1000

func (a *alerts) add(ev actors.Event) {
	if p, ok := decodeIf[desk.RiskAlert](ev); ok {
		if a.total++; len(a.kept) < alertsKept {
			a.kept = append(a.kept, p)
		}
	}
}

// settlements counts the trades on which there is no last word, and those with more than one.
func (a *accounts) settlements() (none, repeated int) {
	for _, t := range a.Symbols {
		n, r := t.unsettled()
		none, repeated = none+n, repeated+r
	}
	return none, repeated
}
