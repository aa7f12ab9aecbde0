package orders

import (
	"time"

	"github.com/necrostack/necrostack/bench/chain"
	"github.com/necrostack/necrostack/bench/latency"
	"github.com/necrostack/necrostack/bench/measure"
	"github.com/necrostack/necrostack/bench/orders/bare"
	"github.com/necrostack/necrostack/bench/orders/through"
)

// Target is one promise, and what was measured of it.
type Target struct {
	What string
	// Must and Goal are the least, or with AtMost the most; where they are the same there is one.
	Must, Goal float64
	AtMost     bool
	Got        measure.Spread
}

// Judge says how far the target was met.
func (t Target) Judge() chain.Verdict {
	got, must, goal := t.Got.Median, t.Must, t.Goal
	if t.AtMost {
		got, must, goal = -got, -must, -goal
	}
	switch {
	case got >= goal:
		return chain.Goal
	case got >= must:
		return chain.Must
	default:
		return chain.Missed
	}
}

// slack is how many allocations per operation may come from what surrounds them.
const slack = 0.001

// Targets are the promises of which something was measured.
func (r Result) Targets() []Target {
	var all []Target
	if r.Stick != nil {
		engine, _ := r.Stick.Of(bare.Engine)
		stick, _ := r.Stick.Of(bare.Yardstick)
		all = append(all, Target{What: "engine with everything on, speed against the yardstick's", Must: 0.7, Goal: 1, Got: engine.Speed(stick)})
	}
	if r.Books != nil {
		engine, _ := r.Books.Of(bare.Engine)
		floor, _ := r.Books.Of(bare.Floor)
		all = append(all,
			Target{
				What: "p99.9 of one operation against the floor's, at most", Must: 3, Goal: 3, AtMost: true,
				Got: engine.SingleAgainst(floor, func(q latency.Quantiles) time.Duration { return q.P999 }),
			},
			Target{
				What: "allocations per operation, at most", Must: slack, Goal: slack, AtMost: true,
				Got: measure.Each(engine.Samples, measure.Sample.Allocs),
			})
	}
	if row, ok := through.Of(r.Closed, through.Organ); ok {
		all = append(all, Target{What: "matching organ, orders per direct send", Must: 0.10, Goal: 0.25, Got: through.Ratio(r.Closed, row)})
	}
	if row, ok := through.Of(r.Closed, through.Desk); ok {
		all = append(all,
			Target{What: "trading desk, orders per direct send, all settled", Must: 0.02, Goal: 0.05, Got: through.Ratio(r.Closed, row)},
			Target{What: "the same, until the last result", Must: 0.02, Goal: 0.05, Got: through.MatchedRatio(r.Closed, row)})
	}
	return all
}
