package bare_test

import (
	"testing"

	"github.com/necrostack/necrostack/bench/orders/bare"
	"github.com/necrostack/necrostack/bench/orders/flow"
)

// BenchmarkBooks is one book at a time, for profiles. For comparisons use the program: its rounds
// are interleaved.
func BenchmarkBooks(b *testing.B) {
	const fill, n = 10_000, 1_000_000
	r := flow.Record(flow.Config{Seed: 42}, fill, n)
	for _, x := range bare.Contestants() {
		b.Run(x.Name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				b.StopTimer()
				book, err := x.Open()
				if err != nil {
					b.Fatal(err)
				}
				book.Play(r.Fill)
				b.StartTimer()
				book.Play(r.Ops)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/n, "ns/operation")
		})
	}
}
