package chain

import "github.com/necrostack/necrostack/bench/measure"

// Target is one promise about the headline row.
type Target struct {
	What string
	Kind Kind // what it is compared with; "" for allocations
	Must float64
	Goal float64
}

// Targets are the promises: ratios of hops per second, and allocations per hop beyond the handlers' own.
var Targets = []Target{
	{What: "direct sends between actors", Kind: Direct, Must: 0.35, Goal: 0.60},
	{What: "buffered channels", Kind: Channels, Must: 0.25, Goal: 0.40},
	{What: "Watermill, its best setting", Kind: Watermill, Must: 12, Goal: 25},
	{What: "allocations per hop, at most", Must: 2, Goal: 1},
}

// Verdict says how far a target was met.
type Verdict string

// The verdicts.
const (
	Goal   Verdict = "goal"
	Must   Verdict = "must"
	Missed Verdict = "MISSED"
)

// Judge compares a value with the target.
func (t Target) Judge(got float64) Verdict {
	if t.Kind == "" {
		// Less is better, and a publish or a batch may cost a fraction of one.
		got, t.Must, t.Goal = -got, -t.Must-slack, -t.Goal-slack
	}
	switch {
	case got >= t.Goal:
		return Goal
	case got >= t.Must:
		return Must
	default:
		return Missed
	}
}

// slack is how many allocations per hop may come from what is not per hop.
const slack = 0.05

// Got is the headline's value for t.
func (r Result) Got(t Target) measure.Spread {
	head, _ := r.Headline()
	if t.Kind != "" {
		return r.Ratio(head, t.Kind)
	}
	return measure.Each(head.Samples, func(s measure.Sample) float64 { return s.Allocs() - r.Own })
}
