package matching_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/necrostack/necrostack/examples/trading_orderbook/matching"
)

func TestSnapshotAndTailEqualFullReplay(t *testing.T) {
	forSeeds(t, 1000, func(seed uint64, stream []matching.Command) error {
		whole := newEngine(t, configOf(seed))
		want := applyAll(whole, stream)
		cut := rand.New(rand.NewPCG(seed, 0)).IntN(len(stream) + 1)
		head := newEngine(t, configOf(seed))
		before := applyAll(head, stream[:cut])
		// Once into an engine that knows nothing, once over another life.
		tail, err := matching.New(configOf(seed))
		require.NoError(t, err)
		again := newEngine(t, configOf(seed))
		applyAll(again, stream[cut:])
		for _, engine := range []*matching.Engine{tail, again} {
			if err := sameAfterRestore(head, engine); err != nil {
				return err
			}
			if !want.equal(before.and(applyAll(engine, stream[cut:]))) {
				return fmt.Errorf("restored after %d commands, the tail has other events", cut)
			}
			if !bytes.Equal(whole.Snapshot(), engine.Snapshot()) {
				return fmt.Errorf("restored after %d commands, the end has another snapshot", cut)
			}
		}
		return nil
	})
}

// sameAfterRestore puts the snapshot of one engine into another.
func sameAfterRestore(from, to *matching.Engine) error {
	snapshot := from.Snapshot()
	if err := to.Restore(snapshot); err != nil {
		return fmt.Errorf("restore: %w", err)
	}
	if err := to.Verify(); err != nil {
		return fmt.Errorf("after restore: %w", err)
	}
	if !bytes.Equal(snapshot, to.Snapshot()) {
		return fmt.Errorf("the snapshot of the restored engine differs")
	}
	if from.Hash() != to.Hash() {
		return fmt.Errorf("the state hash of the restored engine differs")
	}
	return nil
}

// A snapshot that was damaged anywhere is refused, and the engine that was to
// take it goes on with what it has.
func TestDamagedSnapshotIsRefused(t *testing.T) {
	t.Parallel()
	const seed = 4
	engine := newEngine(t, configOf(seed))
	applyAll(engine, generate(seed, 300))
	snapshot := engine.Snapshot()
	victim := newEngine(t, configOf(seed))
	applyAll(victim, generate(seed+5, 300))
	before := victim.Snapshot()
	refused := func(data []byte, how string, at int) {
		require.ErrorIs(t, victim.Restore(data), matching.ErrSnapshot, "%s at %d", how, at)
	}
	for i := range snapshot {
		damaged := slices.Clone(snapshot)
		damaged[i] ^= 1 << (i % 8)
		refused(damaged, "flipped", i)
		refused(snapshot[:i], "cut", i)
	}
	refused(append(slices.Clone(snapshot), 0), "longer", len(snapshot))
	refused(nil, "nothing", 0)
	assert.Equal(t, before, victim.Snapshot())
}

func TestSnapshotOfOtherRulesIsRefused(t *testing.T) {
	t.Parallel()
	configs := []matching.Config{{}, {AmendTotal: true}, {IDsEver: true}, {Named: true}}
	for i, from := range configs {
		for j, to := range configs {
			err := newEngine(t, to).Restore(newEngine(t, from).Snapshot())
			if i == j {
				assert.NoError(t, err)
			} else {
				assert.ErrorIs(t, err, matching.ErrSnapshot, "%+v into %+v", from, to)
			}
		}
	}
}

// Names are a matter of the edge: an engine with names does the same as one
// without, also when it is restored on the way.
func TestNamedEngineDoesTheSame(t *testing.T) {
	forSeeds(t, 1000, func(seed uint64, stream []matching.Command) error {
		config := configOf(seed)
		plain := newEngine(t, config)
		config.Named = true
		named := newEngine(t, config)
		for i := range stream {
			plain.Apply(&stream[i])
			c := renamed(named.Names(), stream[i])
			named.Apply(&c)
			if !slices.EqualFunc(plain.Events(), named.Events(), sameBut(named.Names(), stream[i])) {
				return fmt.Errorf("command %d: events with names differ\n  %+v\n  %+v", i, plain.Events(), named.Events())
			}
			if i%200 != 0 {
				continue
			}
			fresh, err := matching.New(config)
			require.NoError(t, err)
			if err := sameAfterRestore(named, fresh); err != nil {
				return fmt.Errorf("command %d: %w", i, err)
			}
			named = fresh
		}
		return nil
	})
}

// longName makes some names longer than what a table entry may hold.
func longName(kind string, n uint64) []byte {
	name := strconv.AppendUint([]byte(kind), n, 10)
	if n%7 == 0 {
		return append(bytes.Repeat([]byte("x"), 60), name...)
	}
	return name
}

// renamed is c with the numbers that names gives to what c calls 1, 2, 3.
func renamed(names *matching.Names, c matching.Command) matching.Command {
	if c.Trader != 0 {
		c.Trader = names.Trader(longName("t", uint64(c.Trader)))
	}
	switch {
	case c.Order == 0:
	case c.Op == matching.NewOrder:
		c.Order = names.Order(longName("o", uint64(c.Order)))
	default:
		c.Order = names.FindOrder(longName("o", uint64(c.Order)))
	}
	return c
}

// sameBut compares an event of an engine without names with one of an engine
// with. An order that names does not know is 0 there.
func sameBut(names *matching.Names, c matching.Command) func(plain, named matching.Event) bool {
	order := func(plain, named matching.OrderID) bool {
		return plain == 0 && named == 0 || named == 0 && plain == c.Order ||
			bytes.Equal(longName("o", uint64(plain)), names.AppendOrder(nil, named))
	}
	trader := func(plain, named matching.TraderID) bool {
		return plain == 0 && named == 0 || bytes.Equal(longName("t", uint64(plain)), names.AppendTrader(nil, named))
	}
	return func(plain, named matching.Event) bool {
		if !order(plain.Order, named.Order) || !order(plain.Maker, named.Maker) {
			return false
		}
		if !trader(plain.Trader, named.Trader) || !trader(plain.MakerTrader, named.MakerTrader) {
			return false
		}
		named.Order, named.Maker, named.Trader, named.MakerTrader = plain.Order, plain.Maker, plain.Trader, plain.MakerTrader
		return plain == named
	}
}

func TestNameIsFreeOnceItsOrderIsGone(t *testing.T) {
	t.Parallel()
	for _, ever := range []bool{false, true} {
		engine := newEngine(t, matching.Config{Named: true, IDsEver: ever})
		order := matching.Command{
			Op: matching.NewOrder, Order: engine.Names().Order([]byte("o1")), Trader: engine.Names().Trader([]byte("t1")),
			Symbol: 1, Side: matching.Buy, Qty: 1, Price: 1,
		}
		engine.Apply(&order)
		require.Equal(t, order.Order, engine.Names().FindOrder([]byte("o1")))
		engine.Apply(&matching.Command{Op: matching.CancelOrder, Order: order.Order})
		assert.Equal(t, "o1", string(engine.Names().AppendOrder(nil, order.Order)), "events can still be printed")
		assert.Equal(t, ever, engine.Names().FindOrder([]byte("o1")) != 0)
	}
}
