package growth_test

import (
	"testing"

	"github.com/necrostack/necrostack/bench/growth"
	"github.com/necrostack/necrostack/bench/load"
	"github.com/necrostack/necrostack/bench/measure"
)

// BenchmarkGrowth is one point at a time, for profiles. An operation is a start. A million cells take too long to
// make for this.
func BenchmarkGrowth(b *testing.B) {
	for _, s := range growth.All(growth.Config{Events: 100_000, Most: 100_000}) {
		for _, p := range s.Points {
			b.Run(s.Name+"/"+p.Label, func(b *testing.B) { benchmarkPoint(b, p) })
		}
	}
}

func benchmarkPoint(b *testing.B, p growth.Point) {
	b.ReportAllocs()
	line, err := p.Open(load.NewWindow(p.Plan.Window, p.Plan.Batch))
	if err != nil {
		b.Fatal(err)
	}
	defer func() {
		if err := line.Close(); err != nil {
			b.Fatal(err)
		}
	}()
	if err := line.Feed(b.Context(), max(p.Plan.Warm, 1)); err != nil {
		b.Fatal(err)
	}
	before := measure.CPU()
	b.ResetTimer()
	if err := line.Feed(b.Context(), b.N); err != nil {
		b.Fatal(err)
	}
	b.StopTimer()
	b.ReportMetric(float64(measure.CPU()-before)/float64(b.N), "CPU-ns/op")
}
