// Package growth measures how the cost of an event grows with everything there may be more of: organs
// and event types, organs per event, keys, bytes, workers, failures, and time.
//
// A series varies one of them and leaves the rest alone. All points of all series are measured one after
// another, round after round; a point is compared with the first of its series in the same round. Cost is
// processor time: between two points seconds pass, in which the neighbours on the machine come and go.
package growth

import (
	"context"
	"fmt"

	"github.com/necrostack/necrostack/bench/load"
	"github.com/necrostack/necrostack/bench/measure"
)

// Config says how much to measure.
type Config struct {
	Rounds int `json:"rounds"`
	Events int `json:"events"` // handled per point and round, about
	Most   int `json:"most"`   // of what may go to a million; 0 is no bound
}

// Defaults is what counts.
var Defaults = Config{Rounds: 3, Events: 200_000}

// Flat is by how much the cost may grow from the first to the last point of a series that promises
// to be flat.
const Flat = 1.5

// Series is one thing there is more and more of.
type Series struct {
	Name   string
	Unit   string // of the points
	About  string // one sentence: what is measured
	Flat   bool   // it promises to be
	Points []Point
}

// Point is one amount.
type Point struct {
	At    float64
	Label string
	Plan  load.Plan
	Open  load.Open
}

// Result is what was measured.
type Result struct {
	Config Config  `json:"config"`
	Curves []Curve `json:"curves"`
}

// Curve is a measured series.
type Curve struct {
	Name  string `json:"name"`
	Unit  string `json:"unit"`
	About string `json:"about"`
	Flat  bool   `json:"flat"`
	Dots  []Dot  `json:"dots"`
}

// Dot is a measured point, one sample per round.
type Dot struct {
	At      float64          `json:"at"`
	Label   string           `json:"label"`
	Samples []measure.Sample `json:"samples"`
}

// All returns every series.
func All(c Config) []Series {
	return []Series{
		organs(c), fanOut(c), workers(c),
		keys(c, "keys, in runs of 16", "Each key has 16 events in a row, then another key comes.", inRuns),
		keys(c, "keys, at random", "Each event has any of the keys: the worst there is.", atRandom),
		payloads(c, "payload, as Go values", "Nothing is encoded in memory.", false),
		payloads(c, "payload, in checking mode", "Every payload is encoded and decoded, once per organ and more.", true),
		failures(c, logged), failures(c, stored), failures(c, retried),
	}
}

// Run measures the series. progress is told what is about to happen.
func Run(ctx context.Context, c Config, all []Series, progress func(string)) (Result, error) {
	r := Result{Config: c}
	for _, s := range all {
		curve := Curve{Name: s.Name, Unit: s.Unit, About: s.About, Flat: s.Flat}
		for _, p := range s.Points {
			curve.Dots = append(curve.Dots, Dot{At: p.At, Label: p.Label})
		}
		r.Curves = append(r.Curves, curve)
	}
	for round := range c.Rounds {
		for i, s := range all {
			progress(fmt.Sprintf("growth: round %d of %d, %s", round+1, c.Rounds, s.Name))
			if err := measureSeries(ctx, s, r.Curves[i].Dots); err != nil {
				return r, fmt.Errorf("growth: %s: %w", s.Name, err)
			}
		}
	}
	return r, nil
}

func measureSeries(ctx context.Context, s Series, dots []Dot) error {
	for k, p := range s.Points {
		sample, err := load.Round(ctx, p.Open, p.Plan)
		if err != nil {
			return fmt.Errorf("%s: %w", p.Label, err)
		}
		dots[k].Samples = append(dots[k].Samples, sample)
	}
	return nil
}

// Cost is the spread of processor nanoseconds per event handled.
func (d Dot) Cost() measure.Spread { return measure.Each(d.Samples, measure.Sample.Effort) }

// Median is the median over the rounds of what f says.
func (d Dot) Median(f func(measure.Sample) float64) float64 { return measure.Each(d.Samples, f).Median }

// Ratio is the spread of dot k's cost to that of the first, round by round.
func (c Curve) Ratio(k int) measure.Spread {
	return measure.Against(c.Dots[k].Samples, c.Dots[0].Samples, measure.Sample.Effort)
}

// Growth is the largest ratio of the curve, of medians.
func (c Curve) Growth() float64 {
	most := 0.0
	for k := range c.Dots {
		most = max(most, c.Ratio(k).Median)
	}
	return most
}

// Kept reports whether a curve that promises to be flat is.
func (c Curve) Kept() bool { return !c.Flat || c.Growth() <= Flat }

// within returns those amounts that the config allows.
func (c Config) within(amounts ...int) []int {
	if c.Most == 0 {
		return amounts
	}
	var some []int
	for _, n := range amounts {
		if n <= c.Most {
			some = append(some, n)
		}
	}
	return some
}

// plan is a round of so many events in all, of which perStart follow from each start.
func (c Config) plan(perStart int) load.Plan {
	starts := max(c.Events/perStart, 1)
	return load.Plan{Window: 4096, Batch: 256, Warm: starts / 10, Starts: starts, PerStart: perStart}
}
