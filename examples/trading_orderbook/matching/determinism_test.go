package matching_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/necrostack/necrostack/examples/trading_orderbook/matching"
)

// streamsPerProperty is how many streams a property is tried on: 20 in an ordinary
// run, and more in proportion to -commands.
func streamsPerProperty() uint64 { return uint64(max(1, *commandsFlag/10_000)) }

// forSeeds runs a property on the streams of several seeds.
func forSeeds(t *testing.T, n int, property func(seed uint64, stream []matching.Command) error) {
	t.Helper()
	t.Parallel()
	for seed := *seedFlag; seed < *seedFlag+streamsPerProperty(); seed++ {
		stream := generate(seed, n)
		if property(seed, stream) != nil {
			failOn(t, fmt.Sprintf("seed %d", seed), stream, func(s []matching.Command) error { return property(seed, s) })
		}
	}
}

// told is what commands led to.
type told struct {
	events  []matching.Event
	changes []matching.Change
}

func (t told) equal(other told) bool {
	return slices.Equal(t.events, other.events) && slices.Equal(t.changes, other.changes)
}

func (t told) and(next told) told {
	return told{slices.Concat(t.events, next.events), slices.Concat(t.changes, next.changes)}
}

func toldBy(engine *matching.Engine) told { return told{engine.Events(), engine.Changes()} }

// applyAll returns what all commands of a stream led to.
func applyAll(engine *matching.Engine, stream []matching.Command) (all told) {
	for i := range stream {
		engine.Apply(&stream[i])
		all.events = append(all.events, engine.Events()...)
		all.changes = append(all.changes, engine.Changes()...)
	}
	return all
}

func TestSameCommandsGiveSameEvents(t *testing.T) {
	forSeeds(t, streamLength, func(seed uint64, stream []matching.Command) error {
		config := configOf(seed)
		a := newEngine(t, config)
		config.Orders = 10_000 // Room is no rule: it must not show.
		b := newEngine(t, config)
		if !applyAll(a, stream).equal(applyAll(b, stream)) {
			return fmt.Errorf("two runs differ in their events")
		}
		if a.Hash() != b.Hash() {
			return fmt.Errorf("two runs differ in their state hash")
		}
		return nil
	})
}

// Commands may come one by one or in batches that are announced: the book never
// knows.
func TestWarmedBatchesGiveSameEvents(t *testing.T) {
	forSeeds(t, streamLength, func(seed uint64, stream []matching.Command) error {
		want := applyAll(newEngine(t, configOf(seed)), stream)
		engine := newEngine(t, configOf(seed))
		var got told
		for size := 1; len(stream) > 0; size = 1 + size*3%100 {
			batch := stream[:min(size, len(stream))]
			stream = stream[len(batch):]
			engine.Warm(batch)
			got = got.and(applyAll(engine, batch))
		}
		if !want.equal(got) {
			return fmt.Errorf("announced batches have other events")
		}
		return engine.Verify()
	})
}

// Who does not want the feeds gets the same market without them.
func TestFeedsChangeNothingElse(t *testing.T) {
	forSeeds(t, streamLength, func(seed uint64, stream []matching.Command) error {
		config := configOf(seed)
		with := newEngine(t, config)
		config.L2, config.L3 = false, false
		without := newEngine(t, config)
		got := applyAll(without, stream)
		if want := applyAll(with, stream); !slices.Equal(want.events, got.events) {
			return fmt.Errorf("events differ from those of an engine with feeds")
		}
		if len(got.changes) > 0 || without.Seq() != uint64(len(got.events)) {
			return fmt.Errorf("%d changes, and %d events are numbered to %d", len(got.changes), len(got.events), without.Seq())
		}
		if with.Hash() != without.Hash() {
			return fmt.Errorf("state hash differs from that of an engine with feeds")
		}
		return nil
	})
}

func TestRejectedCommandChangesNothing(t *testing.T) {
	forSeeds(t, 400, func(seed uint64, stream []matching.Command) error {
		engine := newEngine(t, configOf(seed))
		before := engine.Hash()
		for i := range stream {
			engine.Apply(&stream[i])
			after := engine.Hash()
			if engine.Events()[0].Kind == matching.Rejected && after != before {
				return fmt.Errorf("command %d was rejected and changed the state", i)
			}
			before = after
		}
		return nil
	})
}

// A rejected command may count as an event and nothing else: leaving out all
// that were rejected must not show in what the others do.
func TestRejectedCommandsCanBeLeftOut(t *testing.T) {
	forSeeds(t, streamLength, func(seed uint64, stream []matching.Command) error {
		all, some := newEngine(t, configOf(seed)), newEngine(t, configOf(seed))
		for i := range stream {
			all.Apply(&stream[i])
			if all.Events()[0].Kind == matching.Rejected {
				continue
			}
			some.Apply(&stream[i])
			if !toldBy(all).equal(toldBy(some)) {
				return fmt.Errorf("command %d has other events without the rejected ones before it", i)
			}
		}
		if all.Hash() != some.Hash() {
			return fmt.Errorf("state hash differs without the rejected commands")
		}
		return nil
	})
}

// Entering an order that only rests, and taking it out again, is as if it had
// never been.
func TestCancelUndoesNew(t *testing.T) {
	forSeeds(t, 400, func(seed uint64, stream []matching.Command) error {
		config := configOf(seed)
		config.IDsEver = false
		engine := newEngine(t, config)
		for i := range stream {
			before := engine.Hash()
			engine.Apply(&stream[i])
			if !standsUntouched(engine.Events()) {
				continue
			}
			engine.Apply(&matching.Command{Op: matching.CancelOrder, Order: stream[i].Order})
			if engine.Hash() != before {
				return fmt.Errorf("command %d and its cancel leave something behind", i)
			}
			again := stream[i]
			if again.TIF == matching.GTD || again.Type >= matching.Stop {
				continue // Its arrival number would be a later one.
			}
			engine.Apply(&again)
		}
		return nil
	})
}

// standsUntouched reports whether the events are those of a new order that now
// rests or is parked, and nothing else happened.
func standsUntouched(events []matching.Event) bool {
	return events[0].Kind == matching.Queued || events[0].Kind == matching.Parked
}

// What happens to one symbol is no business of the others.
func TestSymbolsAreIndependent(t *testing.T) {
	forSeeds(t, streamLength, func(seed uint64, stream []matching.Command) error {
		stream = ownIDs(stream)
		together := newEngine(t, configOf(seed))
		want := bySymbol(applyAll(together, stream))
		for symbol := matching.SymbolID(1); symbol <= 3; symbol++ {
			alone := newEngine(t, configOf(seed))
			got := bySymbol(applyAll(alone, onlyOf(symbol, stream)))
			if !want[symbol].equal(got[symbol]) {
				return fmt.Errorf("symbol %d fares differently alone", symbol)
			}
		}
		return nil
	})
}

// ownIDs gives each symbol order ids of its own: those that leave its number when
// divided by 4.
func ownIDs(stream []matching.Command) []matching.Command {
	stream = slices.Clone(stream)
	for i := range stream {
		c := &stream[i]
		switch c.Op {
		case matching.NewOrder:
			c.Order = c.Order*4 + matching.OrderID(c.Symbol%4)
		case matching.CancelOrder, matching.AmendOrder:
			c.Order = c.Order*4 + matching.OrderID(i%4)
		}
	}
	return stream
}

func onlyOf(symbol matching.SymbolID, stream []matching.Command) []matching.Command {
	return slices.DeleteFunc(slices.Clone(stream), func(c matching.Command) bool {
		switch c.Op {
		case matching.NewOrder, matching.CancelOrder, matching.AmendOrder:
			return c.Order%4 != matching.OrderID(symbol)
		default:
			return c.Symbol != 0 && c.Symbol != symbol
		}
	})
}

// bySymbol sorts by symbol, without the numbers that count over all of them and
// without rejections, which may name any symbol.
func bySymbol(all told) map[matching.SymbolID]told {
	sorted := map[matching.SymbolID]told{}
	for _, e := range all.events {
		if e.Kind == matching.Rejected || e.Kind == matching.CancelledAll || e.Kind == matching.Ticked {
			continue
		}
		e.Trade = 0
		of := sorted[e.Symbol]
		of.events = append(of.events, e)
		sorted[e.Symbol] = of
	}
	for _, c := range all.changes {
		of := sorted[c.Symbol]
		of.changes = append(of.changes, c)
		sorted[c.Symbol] = of
	}
	return sorted
}

// An engine's events are its own memory, reused by the next command: whoever
// copies them sees the same whether he looks after each command or each batch.
func TestEventsStayUntilNextApply(t *testing.T) {
	t.Parallel()
	engine := newEngine(t, matching.Config{})
	engine.Apply(&matching.Command{
		Op: matching.NewOrder, Order: 1, Trader: 1, Symbol: 1, Side: matching.Buy, Qty: 1, Price: 1,
	})
	events := engine.Events()
	engine.Hash()
	require.Len(t, events, 1)
	assert.Equal(t, matching.Queued, events[0].Kind)
	assert.Equal(t, events, engine.Events())
}
