// Package bare measures order books by themselves: no events, no actors, one goroutine that calls them.
// All of them are given the same operations, must come to the same totals, and take turns within a round.
package bare

import (
	"context"
	"fmt"
	"time"

	"github.com/necrostack/necrostack/bench/latency"
	"github.com/necrostack/necrostack/bench/measure"
	"github.com/necrostack/necrostack/bench/orders/flow"
)

// Kind is what a contestant is to the others.
type Kind string

// The kinds. The first contestant that is of kind Engine is the one that ratios are told of.
const (
	Engine    Kind = "engine"
	Floor     Kind = "floor"
	Yardstick Kind = "yardstick" // a program of its own
)

// Contest is operations, and who has to carry them out.
type Contest struct {
	Name        string // of the operations
	Operations  flow.Recording
	Contestants []Contestant
	// Singles asks for the time of each operation by itself, in a second run of those for whom that
	// is another thing than for the others.
	Singles bool
}

// Contestant is one that takes part.
type Contestant struct {
	Name string
	Kind Kind
	// Open returns an empty book. It is nil for one that runs by itself, see Run.
	Open func() (Book, error)
	// Ahead is for one that differs from another in what it reads ahead, which single operations do not.
	Ahead bool
	// Run carries out all operations and returns what that took, instead of Open.
	Run func(ctx context.Context) (measure.Sample, error)
}

// Book is a contestant's book.
type Book interface {
	// Play carries out operations.
	Play(ops []flow.Op)
	// Time is Play with the clock read before and after each operation; took has room for all of them.
	Time(ops []flow.Op, took []int32)
	// Trades and Resting are those of all operations so far.
	Trades() int64
	Resting() int
}

// Row is what was measured of one contestant, one sample per round.
type Row struct {
	Name    string              `json:"name"`
	Kind    Kind                `json:"kind"`
	Samples []measure.Sample    `json:"samples"`
	Singles []latency.Quantiles `json:"singles,omitempty"`
}

// Result is a contest that has taken place.
type Result struct {
	Name   string              `json:"name"`
	Fill   int                 `json:"fill"` // orders in the book at the beginning
	Ops    int                 `json:"ops"`
	Want   flow.Totals         `json:"totals"`
	Rows   []Row               `json:"rows"`
	Clocks []latency.Quantiles `json:"clocks,omitempty"` // of reading the clock twice with nothing in between
}

// Run holds the contest: one round to warm up, and then those that count. progress is told what is about to
// happen.
func Run(ctx context.Context, c Contest, rounds int, progress func(string)) (Result, error) {
	r := Result{
		Name: c.Name, Fill: len(c.Operations.Fill), Ops: len(c.Operations.Ops), Want: c.Operations.Want,
		Rows: make([]Row, len(c.Contestants)),
	}
	for i, x := range c.Contestants {
		r.Rows[i] = Row{Name: x.Name, Kind: x.Kind}
	}
	took := make([]int32, len(c.Operations.Ops))
	for round := range rounds + 1 {
		progress(fmt.Sprintf("books, %s: round %d of %d", c.Name, round, rounds))
		for k := range c.Contestants {
			if err := ctx.Err(); err != nil {
				return r, context.Cause(ctx)
			}
			i := (k + round) % len(c.Contestants)
			if err := r.Rows[i].measure(ctx, c, c.Contestants[i], took, round > 0); err != nil {
				return r, fmt.Errorf("books, %s: %s: %w", c.Name, c.Contestants[i].Name, err)
			}
		}
		if c.Singles && round > 0 {
			r.Clocks = append(r.Clocks, clock(took))
		}
	}
	return r, nil
}

// measure adds a round to a row, or lets it run for nothing.
func (row *Row) measure(ctx context.Context, c Contest, x Contestant, took []int32, counts bool) error {
	sample, err := x.play(ctx, c.Operations)
	if err != nil {
		return err
	}
	var singles latency.Quantiles
	if c.Singles && x.Open != nil && !x.Ahead {
		if singles, err = x.time(c.Operations, took); err != nil {
			return err
		}
	}
	if !counts {
		return nil
	}
	row.Samples = append(row.Samples, sample)
	if singles.Count > 0 {
		row.Singles = append(row.Singles, singles)
	}
	return nil
}

func (x Contestant) play(ctx context.Context, r flow.Recording) (measure.Sample, error) {
	if x.Open == nil {
		return x.Run(ctx)
	}
	var sample measure.Sample
	err := x.in(r, func(b Book) (err error) {
		sample, err = measure.Take(len(r.Ops), func() error {
			b.Play(r.Ops)
			return nil
		})
		return err
	})
	return sample, err
}

func (x Contestant) time(r flow.Recording, took []int32) (latency.Quantiles, error) {
	err := x.in(r, func(b Book) error {
		b.Time(r.Ops, took)
		return nil
	})
	return quantiles(took), err
}

// in opens a filled book for f, and looks afterwards whether it came to what it should.
func (x Contestant) in(r flow.Recording, f func(Book) error) error {
	b, err := x.Open()
	if err != nil {
		return err
	}
	b.Play(r.Fill)
	before := b.Trades()
	if err := f(b); err != nil {
		return err
	}
	if trades, resting := b.Trades()-before, b.Resting(); trades != r.Want.Trades || resting != r.Want.Resting {
		return fmt.Errorf("it came to %d trades and %d orders resting, want %d and %d", trades, resting, r.Want.Trades, r.Want.Resting)
	}
	return nil
}

// quantiles are made after the run, so that the histogram's memory is not in the way of the book's.
func quantiles(took []int32) latency.Quantiles {
	h := latency.New()
	for _, t := range took {
		h.Add(time.Duration(t))
	}
	return h.Quantiles()
}

// origin is what single times count from: the monotonic clock alone is read.
var origin = time.Now()

// lap is the time since from as it is kept: more than two seconds are two seconds.
func lap(from time.Duration) int32 { return int32(min(time.Since(origin)-from, 1<<31-1)) }

func clock(took []int32) latency.Quantiles {
	for i := range took {
		from := time.Since(origin)
		took[i] = lap(from)
	}
	return quantiles(took)
}

// Of returns the first row of a kind, false for none.
func (r Result) Of(k Kind) (Row, bool) {
	for _, row := range r.Rows {
		if row.Kind == k {
			return row, true
		}
	}
	return Row{}, false
}

// Speed is the spread of a row's operations per second to those of another, round by round.
func (row Row) Speed(other Row) measure.Spread {
	return measure.Against(row.Samples, other.Samples, measure.Sample.Rate)
}

// Single is the spread over the rounds of what f says of the single operations.
func (row Row) Single(f func(latency.Quantiles) time.Duration) measure.Spread {
	return single(row.Singles, f)
}

// Clock is Single for the clock alone.
func (r Result) Clock(f func(latency.Quantiles) time.Duration) measure.Spread {
	return single(r.Clocks, f)
}

func single(all []latency.Quantiles, f func(latency.Quantiles) time.Duration) measure.Spread {
	values := make([]float64, len(all))
	for i, q := range all {
		values[i] = float64(f(q))
	}
	return measure.Of(values)
}

// SingleAgainst is the spread of f(row) / f(other), round by round: of how much longer its operations take.
func (row Row) SingleAgainst(other Row, f func(latency.Quantiles) time.Duration) measure.Spread {
	var ratios []float64
	for i := range min(len(row.Singles), len(other.Singles)) {
		if base := f(other.Singles[i]); base > 0 {
			ratios = append(ratios, float64(f(row.Singles[i]))/float64(base))
		}
	}
	return measure.Of(ratios)
}
