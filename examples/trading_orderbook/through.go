package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/necrostack/necrostack/actors"
	"github.com/necrostack/necrostack/examples/trading_orderbook/desk"
	"github.com/necrostack/necrostack/examples/trading_orderbook/matching"
	"github.com/necrostack/necrostack/examples/trading_orderbook/replay"
)

// through replays the protocol through MatchingEngine on a Spine. A line becomes an ORDER_VALIDATED;
// what the organ emits becomes lines again. An engine without orders lends the names, and refuses what
// no book needs to see.
type through struct {
	ctx     context.Context
	options replay.Options
	decoder replay.Decoder
	names   *matching.Engine
	printer *replay.Printer
	totals  replay.Totals
	book    *remoteBook // nil until the stream has named its symbol
}

func matchThroughSpine(ctx context.Context, in io.Reader, out io.Writer, o replay.Options) (err error) {
	names, err := matching.New(matching.Config{Named: true})
	if err != nil {
		return err
	}
	t := &through{ctx: ctx, options: o, names: names, printer: replay.NewPrinter(names)}
	defer func() {
		if t.book != nil {
			err = errors.Join(err, t.book.close())
		}
	}()
	if err := replay.Serve(in, out, t.carry); err != nil {
		return err
	}
	return t.finish(out)
}

// errSymbols reports a stream that is none for one cell.
var errSymbols = errors.New("--through-spine replays a stream of one symbol")

// carry carries out one line.
func (t *through) carry(to, line []byte) ([]byte, error) {
	t.totals.Commands++
	var c matching.Command
	id, why := t.decoder.Decode(t.names, line, &c)
	by := replay.Asked{Command: t.totals.Commands, ID: id}
	if why != matching.NoReason {
		return t.printer.AppendRejected(to, by, why), nil
	}
	if t.names.Symbols() > 1 {
		return to, fmt.Errorf("command %d: %w, and names %q beside %q", by.Command, errSymbols, t.names.Spec(2).Name, t.names.Spec(1).Name)
	}
	if c.Op == matching.NewOrder && c.Symbol == 0 || c.Op != matching.NewOrder && c.Order == 0 || t.names.Symbols() == 0 {
		// Not even its symbol, or an id that nobody has had: no book is needed to refuse that.
		t.names.Apply(&c)
		return t.printer.AppendEvents(to, by, t.names.Events()), nil
	}
	emitted, err := t.ask(t.commandOf(&c, id))
	if err != nil {
		return to, fmt.Errorf("command %d: %w", by.Command, err)
	}
	events, err := t.eventsOf(&c, emitted)
	return t.printer.AppendEvents(to, by, events), err
}

// ask lets the organ carry out a command.
func (t *through) ask(c desk.Command) ([]actors.Event, error) {
	if t.book == nil {
		opened, err := openRemote(t.ctx, t.names.Spec(1), t.options)
		if err != nil {
			return nil, err
		}
		t.book = opened
	}
	return t.book.ask(t.ctx, desk.OrderValidated(c))
}

// commandOf is a decoded command in words. What could not be read becomes a word that is none.
func (t *through) commandOf(c *matching.Command, id []byte) desk.Command {
	p := desk.Command{OrderID: string(id), Symbol: t.names.Spec(1).Name, TraderID: string(t.names.Names().AppendTrader(nil, c.Trader))}
	switch c.Op {
	case matching.CancelOrder:
		p.Action = desk.ActionCancel
	case matching.AmendOrder:
		p.Action = desk.ActionAmend
		if c.HasQty {
			p.Quantity = quantityOr(c.Qty, desk.Unreadable)
		}
		if c.HasPrice {
			p.Price = t.decimal(c.Price)
		}
	default:
		p.Action, p.Side, p.OrderType, p.TIF = desk.ActionNew, c.Side.String(), c.Type.String(), c.TIF.String()
		p.Quantity, p.Price = quantityOr(c.Qty, desk.Unreadable), t.decimal(c.Price)
	}
	return p
}

func quantityOr(n int64, other desk.Quantity) desk.Quantity {
	if n <= 0 {
		return other
	}
	return desk.Quantity(n)
}

// decimal is a price as text; what is none, or between two ticks, stays so.
func (t *through) decimal(ticks int64) desk.Decimal {
	switch {
	case ticks == matching.OffTick:
		return "0.001"
	case ticks <= 0:
		return "none"
	default:
		return desk.Decimal(t.names.Spec(1).AppendPrice(nil, ticks))
	}
}

// eventsOf are the engine's events again, of what the organ emitted for c.
func (t *through) eventsOf(c *matching.Command, emitted []actors.Event) ([]matching.Event, error) {
	left := c.Qty // of the taker
	var events []matching.Event
	for _, ev := range emitted {
		p, err := payloadOf(ev)
		if err != nil {
			return events, err
		}
		switch p := p.(type) {
		case desk.TradeExecuted:
			left -= p.Quantity
			events = append(events, t.trade(&p, left))
		case desk.OrderFilled:
			events = t.filled(events, matching.Filled, &p.Fill)
		case desk.OrderPartialFill:
			events = t.filled(events, matching.Partial, &p.Fill)
		case desk.OrderQueued:
			events = append(events, matching.Event{Kind: matching.Queued, Left: p.Remaining})
		case desk.OrderCancelled:
			events = append(events, matching.Event{Kind: matching.Cancelled, Qty: p.Quantity, Reason: reasonOf[p.Reason]})
		case desk.OrderAmended:
			left = p.Remaining
			events = append(events, matching.Event{Kind: matching.Amended, Left: left, Price: t.ticks(p.Price), Kept: p.Priority == desk.PriorityKept})
		case desk.OrderRejected:
			events = append(events, matching.Event{Kind: matching.Rejected, Reason: reasonOf[p.Reason]})
		}
	}
	return events, nil
}

func (t *through) trade(p *desk.TradeExecuted, left int64) matching.Event {
	t.totals.Traded += p.Quantity
	names := t.names.Names()
	number, _ := strconv.ParseUint(p.TradeID[strings.LastIndexByte(p.TradeID, '-')+1:], 10, 64)
	e := matching.Event{
		Kind: matching.Trade, Trade: number, Symbol: 1, Price: t.ticks(p.Price), Qty: p.Quantity, Left: left, Side: matching.Buy,
		Order: names.Order([]byte(p.TakerOrder)), Maker: names.Order([]byte(p.MakerOrder)),
		Trader: names.Trader([]byte(p.BuyerID)), MakerTrader: names.Trader([]byte(p.SellerID)),
	}
	if p.Aggressor == matching.Sell.String() {
		e.Side, e.Trader, e.MakerTrader = matching.Sell, e.MakerTrader, e.Trader
	}
	return e
}

// filled adds what a fill says: to the maker's trade, or about the taker.
func (t *through) filled(events []matching.Event, kind matching.Kind, f *desk.Fill) []matching.Event {
	if f.Role == desk.Maker {
		events[len(events)-1].MakerLeft = f.Remaining
		return events
	}
	return append(events, matching.Event{Kind: kind, Qty: f.Filled, Left: f.Remaining})
}

func (t *through) ticks(price string) int64 {
	ticks, _ := t.names.Spec(1).ParsePrice([]byte(price))
	return ticks
}

// reasonOf are the engine's reasons by their words.
var reasonOf = func() map[string]matching.Reason {
	all := map[string]matching.Reason{}
	for r := matching.NoReason; r < 0xff; r++ {
		all[r.String()] = r
	}
	return all
}()

// finish writes the book and the end. The book is entered into an engine of its own, in the order in
// which the cell has it; totals and hash are the cell's.
func (t *through) finish(out io.Writer) error {
	copied, err := matching.New(matching.Config{Named: true})
	if err != nil {
		return err
	}
	var state desk.BookState
	if t.book != nil {
		if state, err = t.book.state(t.ctx); err != nil {
			return err
		}
		if _, err := copied.AddSymbol(t.names.Spec(1)); err != nil {
			return err
		}
	}
	for _, o := range state.Orders {
		enter(copied, &o)
	}
	var text bytes.Buffer
	if err := replay.NewPrinter(copied).WriteEnd(&text, t.totals); err != nil {
		return err
	}
	if t.book != nil {
		books := text.Bytes()
		text.Truncate(bytes.LastIndexByte(books[:len(books)-1], '\n') + 1)
		fmt.Fprintf(&text, `{"type":"end","commands":%d,"trades":%d,"traded_qty":%d,"live_orders":%d,"hash":%q}`+"\n",
			t.totals.Commands, state.Trades, t.totals.Traded, state.Live, state.Hash)
	}
	_, err = out.Write(text.Bytes())
	return err
}

func enter(e *matching.Engine, o *desk.RestingOrder) {
	c := matching.Command{
		Op: matching.NewOrder, Order: e.Names().Order([]byte(o.OrderID)), Trader: e.Names().Trader([]byte(o.TraderID)), Symbol: 1, Qty: o.Remaining,
	}
	c.Side, _ = matching.ParseSide([]byte(o.Side))
	c.TIF, _ = matching.ParseTIF([]byte(o.TIF))
	c.Price, _ = e.Spec(1).ParsePrice([]byte(o.Price))
	e.Apply(&c)
}
