package through_test

import (
	"testing"

	"github.com/necrostack/necrostack/bench/orders/through"
	"github.com/necrostack/necrostack/examples/trading_orderbook/desk"
)

// BenchmarkThrough is the closed loop of one kind at a time, for profiles. An operation is an order. For
// comparisons use the program: its rounds are interleaved.
func BenchmarkThrough(b *testing.B) {
	c := through.Config{Seed: 42, Symbols: 8, Policies: desk.Policies()}
	for _, k := range []through.Kind{through.Organ, through.Desk} {
		b.Run(string(k), func(b *testing.B) {
			matched, all, err := through.Round(b.Context(), k, c, b.N)
			if err != nil {
				b.Fatal(err)
			}
			b.ReportMetric(matched.Cost(), "ns-to-match/op")
			b.ReportMetric(all.Cost(), "ns-to-done/op")
			b.ReportMetric(all.Allocs(), "mallocs/op")
		})
	}
}
