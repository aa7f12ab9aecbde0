package chain_test

import (
	"testing"

	"github.com/necrostack/necrostack/bench/chain"
	"github.com/necrostack/necrostack/bench/load"
	"github.com/necrostack/necrostack/bench/measure"
)

// BenchmarkChain is one contestant at a time, for profiles. An operation is a hop. For
// comparisons use the program: its rounds are interleaved.
func BenchmarkChain(b *testing.B) {
	for _, c := range chain.Contestants() {
		b.Run(c.Name, func(b *testing.B) {
			b.ReportAllocs()
			w := load.NewWindow(chain.Defaults.Window, chain.Defaults.Batch)
			line, err := c.Open(w)
			if err != nil {
				b.Fatal(err)
			}
			defer func() {
				if err := line.Close(); err != nil {
					b.Fatal(err)
				}
			}()
			before := measure.CPU()
			b.ResetTimer()
			if err := line.Feed(b.Context(), b.N/chain.Hops+1); err != nil {
				b.Fatal(err)
			}
			b.StopTimer()
			b.ReportMetric(float64(measure.CPU()-before)/float64(b.N), "CPU-ns/op")
		})
	}
}
