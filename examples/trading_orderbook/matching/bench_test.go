package matching_test

import (
	"testing"

	"github.com/necrostack/necrostack/examples/trading_orderbook/matching"
)

// BenchmarkWorkload runs the workload of newWorkload over a book of 10,000 orders and more, one
// command at a time and in batches that are read ahead, with and without the feeds.
func BenchmarkWorkload(b *testing.B) {
	const prefill, n = 10_000, 1_000_000
	commands := record(42, prefill, n)
	for _, bench := range []struct {
		name  string
		cfg   matching.Config
		batch int
	}{
		{"bare", matching.Config{}, 1},
		{"feeds", matching.Config{L2: true, L3: true}, 1},
		{"feeds in batches of 16", matching.Config{L2: true, L3: true}, 16},
	} {
		b.Run(bench.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				b.StopTimer()
				e := engineWith(bench.cfg)
				apply(e, commands[:prefill], 1)
				b.StartTimer()
				apply(e, commands[prefill:], bench.batch)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/n, "ns/command")
		})
	}
}

func apply(e *matching.Engine, commands []matching.Command, batch int) {
	for len(commands) > 0 {
		next := commands[:min(batch, len(commands))]
		if batch > 1 {
			e.Warm(next)
		}
		for i := range next {
			e.Apply(&next[i])
		}
		commands = commands[len(next):]
	}
}

// BenchmarkThinBook trades single orders at one price: books of few orders are the most frequent ones.
func BenchmarkThinBook(b *testing.B) {
	e := engineWith(matching.Config{L2: true, L3: true})
	c := matching.Command{Op: matching.NewOrder, Trader: 1, Symbol: 1, Price: 8000, Qty: 10}
	b.ReportAllocs()
	for b.Loop() {
		c.Order++
		c.Side = matching.Buy
		e.Apply(&c)
		c.Order++
		c.Side = matching.Sell
		e.Apply(&c)
	}
}
