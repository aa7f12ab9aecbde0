package replay

import (
	"github.com/necrostack/necrostack/examples/trading_orderbook/matching"
)

// Printer writes the lines of the protocol about one engine, which has names. It
// is not safe for use by several goroutines at once.
type Printer struct {
	engine *matching.Engine
	name   []byte // of an order or a trader, on its way into a line
}

// NewPrinter returns a printer for engine.
func NewPrinter(engine *matching.Engine) *Printer { return &Printer{engine: engine} }

// Asked is what a line refers to: the number of the command, from 1, and the id
// as the command gave it, empty where it gave none.
type Asked struct {
	Command int64
	ID      []byte
}

// AppendEvents appends the lines of what a command led to. Events that the
// protocol has no line for append nothing. It must come before the next use of
// the engine's names.
func (p *Printer) AppendEvents(to []byte, by Asked, events []matching.Event) []byte {
	for i := range events {
		to = p.appendEvent(to, by, &events[i])
	}
	return to
}

// AppendRejected appends the line of a command that never reached the engine.
func (p *Printer) AppendRejected(to []byte, by Asked, why matching.Reason) []byte {
	to = appendOrder(to, by, "rejected")
	to = textMember(to, "reason", why.String())
	return append(to, "}\n"...)
}

func (p *Printer) appendEvent(to []byte, by Asked, e *matching.Event) []byte {
	switch e.Kind {
	case matching.Trade:
		return p.appendTrade(to, by, e)
	case matching.Filled:
		to = appendOrder(to, by, "filled")
		to = intMember(to, "filled", e.Qty)
	case matching.Partial:
		to = appendOrder(to, by, "partial")
		to = intMember(to, "filled", e.Qty)
		to = intMember(to, "remaining", e.Left)
	case matching.Queued:
		to = appendOrder(to, by, "queued")
		to = intMember(to, "remaining", e.Left)
	case matching.Cancelled:
		to = appendOrder(to, by, "cancelled")
		to = intMember(to, "qty", e.Qty)
		to = textMember(to, "reason", e.Reason.String())
	case matching.Amended:
		to = appendOrder(to, by, "amended")
		to = intMember(to, "remaining", e.Left)
		to = appendPrice(to, e.Price)
		to = textMember(to, "priority", priority(e.Kept))
	case matching.Rejected:
		return p.AppendRejected(to, by, e.Reason)
	default:
		return to
	}
	return append(to, "}\n"...)
}

func priority(kept bool) string {
	if kept {
		return "kept"
	}
	return "lost"
}

// appendOrder begins a line about the order that the command names. Others get
// no order lines.
func appendOrder(to []byte, by Asked, status string) []byte {
	to = appendHead(to, by, "order")
	to = textMember(to, "id", by.ID)
	return textMember(to, "status", status)
}

func appendHead(to []byte, by Asked, kind string) []byte {
	to = append(to, `{"cmd":`...)
	to = appendInt(to, by.Command)
	return textMember(to, "type", kind)
}

func (p *Printer) appendTrade(to []byte, by Asked, e *matching.Event) []byte {
	buyer, seller := e.Trader, e.MakerTrader
	if e.Side == matching.Sell {
		buyer, seller = seller, buyer
	}
	to = appendHead(to, by, "trade")
	to = intMember(to, "trade", int64(e.Trade))
	to = textMember(to, "symbol", p.engine.Spec(e.Symbol).Name)
	to = appendPrice(to, e.Price)
	to = intMember(to, "qty", e.Qty)
	to = textMember(to, "maker", p.order(e.Maker))
	to = textMember(to, "taker", p.order(e.Order))
	to = intMember(to, "maker_left", e.MakerLeft)
	to = intMember(to, "taker_left", e.Left)
	to = textMember(to, "buyer", p.trader(buyer))
	to = textMember(to, "seller", p.trader(seller))
	to = textMember(to, "aggressor", e.Side.String())
	return append(to, "}\n"...)
}

func appendPrice(to []byte, ticks int64) []byte {
	to = append(member(to, "price"), '"')
	to = priceSpec.AppendPrice(to, ticks)
	return append(to, '"')
}

// order is the name of an order, valid until the next call of order or trader.
func (p *Printer) order(id matching.OrderID) []byte {
	p.name = p.engine.Names().AppendOrder(p.name[:0], id)
	return p.name
}

func (p *Printer) trader(id matching.TraderID) []byte {
	p.name = p.engine.Names().AppendTrader(p.name[:0], id)
	return p.name
}
