package actors_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/necrostack/necrostack/actors"
)

// hot are the calls that every event takes, and what they may allocate.
type hot struct {
	name   string
	allocs float64
	call   func() error
}

func hotCalls(t testing.TB) []hot {
	var order actors.Payload = Ordered{Account: "acc-1", Cents: 5} // one that is a Payload already
	var ping actors.Payload = Ping{N: 1}
	parent := root(t, order)
	pub := publisher()
	audit := actors.NewStamper(actors.StamperOptions{Service: "shop", Organ: "audit"})
	keyless := root(t, ping)
	sink := handler(t, actors.NewOrgan("o", actors.Sink(ignore[Ordered])))
	cell, err := actors.NewKeyed("k", freshTally, actors.Step(func(*tally, actors.EventOf[Ordered]) ([]actors.Payload, error) {
		return nil, nil
	})).NewCell("acc-1")
	require.NoError(t, err)
	ctx := context.Background()
	text, err := parent.MarshalBinary()
	require.NoError(t, err)
	onWire, buffer := string(text), make([]byte, 0, len(text))
	return []hot{
		{"Root", 1, func() error { _, err := pub.Root(order, birth); return err }},
		{"Emission", 1, func() error { _, err := audit.Emission(parent, 0, order, birth); return err }},
		{"Emission/keyless", 1, func() error { _, err := audit.Emission(parent, 0, ping, birth); return err }},
		{"Decode", 0, func() error { _, err := actors.Decode[Ordered](parent); return err }},
		{"KeyHash", 0, func() error { hashes += parent.KeyHash(); return nil }},
		{"KeyHash/keyless", 0, func() error { hashes += keyless.KeyHash(); return nil }},
		{"AppendBinary", 0, func() error { _, err := parent.AppendBinary(buffer); return err }},
		{"UnmarshalString", 1, func() error { return new(actors.Event).UnmarshalString(onWire) }},
		{"Handle", 0, func() error { _, err := sink.Handle(ctx, parent); return err }},
		{"Step", 0, func() error { _, err := cell.Step(parent); return err }},
	}
}

var hashes uint64 // so that hashing is not optimised away

// TestHotCallsAllocateNoMore holds the price of an event. It is not parallel: another test's
// allocations would count.
func TestHotCallsAllocateNoMore(t *testing.T) {
	for _, h := range hotCalls(t) {
		got := testing.AllocsPerRun(200, func() {
			if err := h.call(); err != nil {
				t.Fatal(err)
			}
		})
		assert.LessOrEqual(t, got, h.allocs, h.name)
	}
}

func BenchmarkHot(b *testing.B) {
	for _, h := range hotCalls(b) {
		b.Run(h.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if err := h.call(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkWire(b *testing.B) {
	ev := root(b, Ordered{Account: "acc-1", Cents: 5, Tags: []string{"a", "b"}})
	data, err := ev.MarshalBinary()
	require.NoError(b, err)
	b.Run("MarshalBinary", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := ev.MarshalBinary(); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("UnmarshalBinary", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			var got actors.Event
			if err := got.UnmarshalBinary(data); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("DecodeBytes", func(b *testing.B) {
		got := arrived(b, ev)
		b.ReportAllocs()
		for b.Loop() {
			if _, err := actors.Decode[Ordered](got); err != nil {
				b.Fatal(err)
			}
		}
	})
}
