// Package chain measures the chain A→B→C→D: each handler emits one event to the next. What counts is
// hops, events handled, per second, from the first publish to the last event handled.
//
// The contestants are the Spine in several settings, and beside it what one would write without it:
// goroutines and channels, actors that send to each other, Watermill. All of them get the
// same load (package load), one after another, round after round, and are compared within a
// round.
package chain

import (
	"context"
	"fmt"

	"github.com/necrostack/necrostack/bench/load"
	"github.com/necrostack/necrostack/bench/measure"
)

// Hops are the events that are handled because of one start.
const Hops = 4

// Kind is what a contestant is to the others.
type Kind string

// The kinds. There is one contestant of Direct and one of Channels; of Watermill's the best counts.
const (
	Ours      Kind = "spine"
	Direct    Kind = "direct"
	Channels  Kind = "channels"
	Watermill Kind = "watermill"
)

// Contestant is one way to run the chain.
type Contestant struct {
	Name string
	Kind Kind
	// Share of the starts that a round of it has: slow ones have fewer, so that all rounds take about as
	// long.
	Share float64
	// Window is the starts in flight where that is not the contest's: fewer, for one that is faster so.
	Window int
	Open   load.Open
}

// Config says how to run the contest.
type Config struct {
	Starts int `json:"starts"` // per round of a contestant whose share is 1
	Rounds int `json:"rounds"` // that count; one more comes first, to warm up
	Window int `json:"window"` // starts in flight
	Batch  int `json:"batch"`  // starts per publish
}

// Defaults is the contest as it counts.
var Defaults = Config{Starts: 200_000, Rounds: 7, Window: 4096, Batch: 256}

// Result is what was measured.
type Result struct {
	Config Config `json:"config"`
	// Own is how many allocations per hop are the handlers': payloads, and the slices they are
	// returned in. The same work without anything around it.
	Own  float64 `json:"own_allocs"`
	Rows []Row   `json:"rows"`
}

// Row is one contestant's samples, one per round.
type Row struct {
	Name    string           `json:"name"`
	Kind    Kind             `json:"kind"`
	Samples []measure.Sample `json:"samples"`
}

// Run lets the contestants run, in rounds. progress is told what is about to happen.
func Run(ctx context.Context, c Config, contestants []Contestant, progress func(string)) (Result, error) {
	r := Result{Config: c, Own: ownAllocs(), Rows: make([]Row, len(contestants))}
	for i, x := range contestants {
		r.Rows[i] = Row{Name: x.Name, Kind: x.Kind}
	}
	for round := range c.Rounds + 1 {
		progress(fmt.Sprintf("chain: round %d of %d", round, c.Rounds))
		for k := range contestants {
			// Each round begins with another one: whoever comes after a slow one has no
			// advantage from it.
			i := (k + round) % len(contestants)
			s, err := load.Round(ctx, contestants[i].Open, c.plan(contestants[i]))
			if err != nil {
				return r, fmt.Errorf("chain: %s: %w", contestants[i].Name, err)
			}
			if round > 0 {
				r.Rows[i].Samples = append(r.Rows[i].Samples, s)
			}
		}
	}
	return r, nil
}

// warmShare of a round's starts comes before its clock starts: tables grow, goroutines are there.
const warmShare = 0.1

func (c Config) plan(x Contestant) load.Plan {
	p := load.Plan{Window: c.Window, Batch: c.Batch, PerStart: Hops, Starts: max(int(float64(c.Starts)*x.Share), 1)}
	if x.Window > 0 {
		p.Window, p.Batch = x.Window, min(c.Batch, max(x.Window/leastBatches, 1))
	}
	p.Warm = int(float64(p.Starts) * warmShare)
	return p
}

// leastBatches is how many batches a window has at least, so that it does not drain between two.
const leastBatches = 16

// Rate is the spread of a row's hops per second.
func (r Row) Rate() measure.Spread { return measure.Each(r.Samples, measure.Sample.Rate) }

// Median is the median over the rounds of what f says.
func (r Row) Median(f func(measure.Sample) float64) float64 { return measure.Each(r.Samples, f).Median }

// Of returns the row of a kind; the fastest one where there are several; false for none.
func (r Result) Of(k Kind) (best Row, ok bool) {
	for _, row := range r.Rows {
		if row.Kind == k && (!ok || row.Rate().Median > best.Rate().Median) {
			best, ok = row, true
		}
	}
	return best, ok
}

// Headline is the row that the targets are about: the first one of ours.
func (r Result) Headline() (Row, bool) {
	for _, row := range r.Rows {
		if row.Kind == Ours {
			return row, true
		}
	}
	return Row{}, false
}

// Ratio is the spread of row's rate to that of the best of a kind, round by round.
func (r Result) Ratio(row Row, k Kind) measure.Spread {
	other, _ := r.Of(k)
	return measure.Against(row.Samples, other.Samples, measure.Sample.Rate)
}
