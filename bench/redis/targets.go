package redis

import (
	"fmt"
	"time"

	"github.com/necrostack/necrostack/bench/latency"
	"github.com/necrostack/necrostack/bench/measure"
	"github.com/necrostack/necrostack/bench/orders"
)

// Targets are the promises of which something was measured: of the rounds with the first fsync policy there is, and of
// long runs; none without a row of ours.
func (r Result) Targets() []orders.Target {
	var all []orders.Target
	if len(r.Suites) > 0 {
		all = r.Suites[0].promises()
	}
	for _, s := range r.Steady {
		if s.Long() {
			all = append(all, s.targets()...)
		}
	}
	return all
}

// promises are those about rows of ours, with the shards there are by default.
func (s Suite) promises() (all []orders.Target) {
	if row, ok := s.Of(Ours); ok {
		all = append(all, s.targets(row)...)
	}
	if row, ok := s.Of(OursKeyed); ok && len(row.Rounds) > 0 {
		all = append(all, orders.Target{
			What: "with the journal of keyed organs: hops per hop of the limit loop", Must: 0.45, Goal: 0.65, Got: row.Against(s.Base(row)),
		})
	}
	return all
}

// targets are those of a row of stateless organs.
func (s Suite) targets(row Row) (all []orders.Target) {
	base := s.Base(row)
	if len(row.Rounds) > 0 {
		mill, _ := s.Of(Watermill)
		tasks, _ := s.Of(Asynq)
		all = append(all,
			orders.Target{What: "hops per hop of the limit loop", Must: 0.70, Goal: 0.95, Got: row.Against(base)},
			orders.Target{What: "per hop of watermill-redisstream at its best", Must: 5, Goal: 9, Got: row.Against(mill)},
			orders.Target{What: "per hop of asynq at its best", Must: 7, Goal: 12, Got: row.Against(tasks)},
		)
	}
	if len(row.Paced) > 0 {
		p50 := func(q latency.Quantiles) time.Duration { return q.P50 }
		p99 := func(q latency.Quantiles) time.Duration { return q.P99 }
		all = append(all,
			orders.Target{What: "p50 over four hops against the limit loop's, at most", Must: 1.5, Goal: 1.15, AtMost: true, Got: row.QuantileAgainst(base, p50)},
			orders.Target{What: "p99 over four hops against the limit loop's, at most", Must: 2, Goal: 1.3, AtMost: true, Got: row.QuantileAgainst(base, p99)},
		)
	}
	return all
}

// steadiness is the most that the last third of a long run may have of what the third before had.
const steadiness = 1.05

// targets are those of a long run.
func (s Steady) targets() []orders.Target {
	memory := func(at Station) float64 { return float64(at.Memory) }
	heap := func(at Station) float64 { return float64(at.Heap) }
	return []orders.Target{
		{What: s.Name + ", steady: used_memory of the last third by the one before, at most", Must: steadiness, Goal: steadiness, AtMost: true, Got: s.Growth(memory)},
		{What: s.Name + ", steady: heap of the last third by the one before, at most", Must: steadiness, Goal: steadiness, AtMost: true, Got: s.Growth(heap)},
		{What: fmt.Sprintf("%s, steady: calls above %s in the slow log, at most", s.Name, SlowFrom), AtMost: true, Got: measure.Of([]float64{float64(s.Slow.Count)})},
	}
}
