package matching_test

import (
	"fmt"
	"runtime/debug"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/necrostack/necrostack/examples/trading_orderbook/matching"
)

// specs are the symbols of every generated stream: not in alphabetical order,
// and the second with narrower limits.
func specs() []matching.Spec {
	narrow := matching.DefaultSpec("AAPL")
	narrow.MaxQty = 2000
	return []matching.Spec{matching.DefaultSpec("MSFT"), narrow, matching.DefaultSpec("TSLA")}
}

func newEngine(t testing.TB, config matching.Config) *matching.Engine {
	t.Helper()
	engine, err := openEngine(config)
	require.NoError(t, err)
	return engine
}

func openEngine(config matching.Config) (*matching.Engine, error) {
	engine, err := matching.New(config)
	if err != nil {
		return nil, err
	}
	for _, spec := range specs() {
		if _, err := engine.AddSymbol(spec); err != nil {
			return nil, err
		}
	}
	return engine, nil
}

// trial runs one stream through the engine and everybody who watches it.
type trial struct {
	engine  *matching.Engine
	ref     *reference
	feed    *feed
	witness *witness
	told    uint64 // events and changes
}

func newTrial(engine *matching.Engine, config matching.Config) *trial {
	return &trial{engine: engine, ref: newReference(config, specs()...), feed: newFeed(), witness: newWitness()}
}

// hashEvery is how often the state hash is compared; it costs more than the rest.
const hashEvery = 32

// try returns the first promise that the engine breaks on stream, nil if it
// keeps all of them. A panic is a broken promise.
func try(config matching.Config, stream []matching.Command) (err error) {
	defer func() {
		if broken := recover(); broken != nil {
			err = fmt.Errorf("panic: %v\n%s", broken, debug.Stack())
		}
	}()
	engine, err := openEngine(config)
	if err != nil {
		return err
	}
	t := newTrial(engine, config)
	for i := range stream {
		if err := t.step(&stream[i], i%hashEvery == 0 || i == len(stream)-1); err != nil {
			return fmt.Errorf("command %d: %w", i, err)
		}
	}
	return nil
}

func (t *trial) step(c *matching.Command, hash bool) error {
	given := *c
	t.engine.Apply(c)
	if *c != given {
		return fmt.Errorf("the engine wrote to its command")
	}
	events, changes := t.engine.Events(), t.engine.Changes()
	if t.told += uint64(len(events) + len(changes)); t.engine.Seq() != t.told {
		return fmt.Errorf("numbered to %d, want %d", t.engine.Seq(), t.told)
	}
	if err := sameEvents(t.ref.apply(c), events); err != nil {
		return err
	}
	if err := t.witness.command(c, events); err != nil {
		return err
	}
	if err := feedsInPlace(events, changes); err != nil {
		return err
	}
	for _, c := range changes {
		if err := t.feed.apply(c); err != nil {
			return err
		}
	}
	if err := t.engine.Verify(); err != nil {
		return err
	}
	for _, symbol := range touched(c, events, len(t.ref.books)) {
		if err := t.sameBook(t.ref.book(symbol)); err != nil {
			return fmt.Errorf("symbol %d: %w", symbol, err)
		}
	}
	if hash {
		return t.sameWhole()
	}
	return nil
}

// touched are the symbols that a command may have changed.
func touched(c *matching.Command, events []matching.Event, symbols int) []matching.SymbolID {
	var found []matching.SymbolID
	add := func(symbol matching.SymbolID) {
		if symbol >= 1 && int(symbol) <= symbols && !slices.Contains(found, symbol) {
			found = append(found, symbol)
		}
	}
	add(c.Symbol)
	for i := range events {
		add(events[i].Symbol)
	}
	return found
}

// sameEvents compares them with the reference's.
func sameEvents(want, got []matching.Event) error {
	for i := range max(len(want), len(got)) {
		if i >= len(want) || i >= len(got) || want[i] != got[i] {
			return fmt.Errorf("events differ from the reference at %d\n%s", i, sideBySide(want, got))
		}
	}
	return nil
}

func sideBySide(want, got []matching.Event) string {
	var text strings.Builder
	for _, e := range want {
		fmt.Fprintf(&text, "  want %+v\n", e)
	}
	for _, e := range got {
		fmt.Fprintf(&text, "  got  %+v\n", e)
	}
	return text.String()
}

// sameBook compares what can be seen of one symbol.
func (t *trial) sameBook(b *refBook) error {
	if t.engine.Phase(b.symbol) != b.phase || t.engine.LastPrice(b.symbol) != b.lastPrice {
		return fmt.Errorf("phase %v and last price %d, want %v and %d",
			t.engine.Phase(b.symbol), t.engine.LastPrice(b.symbol), b.phase, b.lastPrice)
	}
	if len(b.buys) > 0 && len(b.sells) > 0 && b.buys[0].price >= b.sells[0].price {
		return fmt.Errorf("crossed or locked: bid %d, ask %d", b.buys[0].price, b.sells[0].price)
	}
	if err := sameQueue("BUY", b.buys, slices.Collect(t.engine.Orders(b.symbol, matching.Buy))); err != nil {
		return err
	}
	if err := sameQueue("SELL", b.sells, slices.Collect(t.engine.Orders(b.symbol, matching.Sell))); err != nil {
		return err
	}
	if err := sameQueue("stops", b.stops, slices.Collect(t.engine.Stops(b.symbol))); err != nil {
		return err
	}
	if err := t.sameDepth(b, matching.Buy); err != nil {
		return err
	}
	if err := t.sameDepth(b, matching.Sell); err != nil {
		return err
	}
	return t.feed.compare(b)
}

func sameQueue(name string, want []*refOrder, got []matching.Resting) error {
	if len(want) != len(got) {
		return fmt.Errorf("%s: %d orders, want %d\n  got %+v", name, len(got), len(want), got)
	}
	for i, o := range want {
		if o.resting() != got[i] {
			return fmt.Errorf("%s, place %d:\n  want %+v\n  got  %+v", name, i, o.resting(), got[i])
		}
	}
	return nil
}

// sameDepth compares the levels the engine shows with those made from the orders.
func (t *trial) sameDepth(b *refBook, side matching.Side) error {
	var want []matching.Depth
	for _, o := range *b.queue(side) {
		if n := len(want); n == 0 || want[n-1].Price != o.price {
			want = append(want, matching.Depth{Price: o.price})
		}
		last := &want[len(want)-1]
		last.Qty += o.shown
		last.Count++
	}
	if got := slices.Collect(t.engine.Levels(b.symbol, side)); !slices.Equal(got, want) {
		return fmt.Errorf("%v levels are %v, want %v", side, got, want)
	}
	return nil
}

// sameWhole compares all symbols and what the engine has only one of.
func (t *trial) sameWhole() error {
	resting, parked := 0, 0
	for _, b := range t.ref.books {
		if err := t.sameBook(b); err != nil {
			return fmt.Errorf("symbol %d: %w", b.symbol, err)
		}
		resting += len(b.buys) + len(b.sells)
		parked += len(b.stops)
	}
	if t.engine.Live() != resting || t.engine.ParkedOrders() != parked || t.engine.Trades() != t.ref.trades {
		return fmt.Errorf("%d resting, %d parked, %d trades, want %d, %d, %d",
			t.engine.Live(), t.engine.ParkedOrders(), t.engine.Trades(), resting, parked, t.ref.trades)
	}
	if t.engine.Now() != t.ref.now {
		return fmt.Errorf("time is %d, want %d", t.engine.Now(), t.ref.now)
	}
	if t.engine.Hash() != t.ref.hash() {
		return fmt.Errorf("state hash is not that of the reference's lines\n%s", t.ref.lines())
	}
	return nil
}

// failOn makes a failing stream short and ends the test with it.
func failOn(t *testing.T, name string, stream []matching.Command, fails func([]matching.Command) error) {
	t.Helper()
	short := shrink(stream, func(s []matching.Command) bool { return fails(s) != nil })
	var text strings.Builder
	for i := range short {
		fmt.Fprintf(&text, "  %3d %s\n", i, spelled(&short[i]))
	}
	t.Fatalf("%s: %v\n%d commands are enough:\n%s", name, fails(short), len(short), text.String())
}

// spelled is a command as Go source, without its zero fields.
func spelled(c *matching.Command) string {
	var fields []string
	add := func(name string, value any, given bool) {
		if given {
			fields = append(fields, fmt.Sprintf("%s: %v", name, value))
		}
	}
	add("Op", c.Op, true)
	add("Order", c.Order, c.Order != 0)
	add("Trader", c.Trader, c.Trader != 0)
	add("Symbol", c.Symbol, c.Symbol != 0)
	add("Side", c.Side, c.Side != 0)
	add("Type", c.Type, c.Type != 0)
	add("TIF", c.TIF, c.TIF != 0)
	add("Qty", c.Qty, c.Qty != 0)
	add("Price", c.Price, c.Price != 0)
	add("Trigger", c.Trigger, c.Trigger != 0)
	add("Display", c.Display, c.Display != 0)
	add("Time", c.Time, c.Time != 0)
	add("Prevention", c.Prevention, c.Prevention != 0)
	add("Phase", c.Phase, c.Phase != 0)
	add("HasQty", c.HasQty, c.HasQty)
	add("HasPrice", c.HasPrice, c.HasPrice)
	return "{" + strings.Join(fields, ", ") + "}"
}
