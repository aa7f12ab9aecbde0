// Package strategies measures what supervision costs and what it saves: an organ whose handler fails now and
// then, in one of three ways, under each of the three strategies.
//
// A cell of the table is a strategy, a kind of fault, and how many of the events fail. Of the events that
// fail half succeed at the second attempt, a quarter at the fifth, and a quarter never; the policy has three attempts, and
// eight under NACK. So LOG loses half of them and STORE keeps these as dead letters; NACK has brought half of those through
// when it stores the rest.
//
// Each cell is measured twice: with as many events as it can take, for its throughput, and with events at a given
// rate, for how long each takes from when it should have come to when it is settled.
package strategies

import (
	"context"
	"fmt"
	"time"

	"github.com/necrostack/necrostack/bench/latency"
	"github.com/necrostack/necrostack/bench/measure"
	"github.com/necrostack/necrostack/supervision"
)

// Config says how to measure.
type Config struct {
	Rounds   int           `json:"rounds"`
	Duration time.Duration `json:"duration_ns"` // of each of the two measurements of a cell
	Rate     float64       `json:"rate"`        // events per second of the second one
	// Policy is that of all cells; its Exhausted is that of each.
	Policy supervision.Policy `json:"-"`
}

// Defaults is what counts.
var Defaults = Config{Rounds: 3, Duration: time.Second, Rate: 2000, Policy: Policy()}

// Policy is one whose waits are short, so that a cell is done in seconds, and whose restarts do not run out: a
// breaker that opens would be all that there is to see.
func Policy() supervision.Policy {
	return supervision.Policy{
		Retry: supervision.Retry{
			Attempts: 3,
			Backoff:  supervision.Backoff{Base: time.Millisecond, Factor: 2, Max: 10 * time.Millisecond, Jitter: 0.2},
		},
		Exhausted: supervision.Store, Timeout: 20 * time.Millisecond, MaxDeliveries: 8,
		Restarts: supervision.Restarts{Max: 10_000, Within: 50 * time.Millisecond},
	}
}

// Cell is what is measured.
type Cell struct {
	Strategy supervision.Strategy `json:"strategy"`
	Fault    Fault                `json:"fault"`
	PerMille int                  `json:"per_mille"` // of the events fail
}

// String names the cell.
func (c Cell) String() string {
	if c.PerMille == 0 {
		return fmt.Sprintf("%s, no failures", c.Strategy)
	}
	return fmt.Sprintf("%s, %g %% %s", c.Strategy, c.Share(), c.Fault)
}

// Share is how many of the events fail, in percent.
func (c Cell) Share() float64 { return float64(c.PerMille) / 10 }

// Cells are all of them; the first has no failures.
func Cells() []Cell {
	cells := []Cell{{supervision.Store, Errors, 0}}
	for _, fault := range []Fault{Errors, Panics, Timeouts} {
		for _, perMille := range []int{1, 10, 100} {
			for _, s := range []supervision.Strategy{supervision.Log, supervision.Store, supervision.Nack} {
				cells = append(cells, Cell{s, fault, perMille})
			}
		}
	}
	return cells
}

// Counts are what became of the events of a cell. Every event has succeeded, or was lost, or is a dead letter.
type Counts struct {
	Events      int `json:"events"`
	Failing     int `json:"failing"` // events that failed at least once
	Succeeded   int `json:"succeeded"`
	Lost        int `json:"lost"` // logged, done
	Dead        int `json:"dead_letters"`
	Retried     int `json:"retried"`     // attempts after the first, of those of the policy
	Redelivered int `json:"redelivered"` // attempts beyond those, by NACK
}

// Measured is one round of a cell.
type Measured struct {
	Full    measure.Sample    `json:"full"` // as many events as it can take, until the last is settled
	Counts  Counts            `json:"counts"`
	Latency latency.Quantiles `json:"latency"` // of all events at the rate
	Sound   latency.Quantiles `json:"sound"`   // of those that do not fail: what they suffer by the others
	Paced   Counts            `json:"paced"`   // of the events at the rate
}

// Row is a cell and its rounds.
type Row struct {
	Cell
	Rounds []Measured `json:"rounds"`
}

// Result is what was measured. The first row has no failures.
type Result struct {
	Config Config `json:"config"`
	Rows   []Row  `json:"rows"`
}

// Run measures the cells in rounds. progress is told what is about to happen.
func Run(ctx context.Context, c Config, cells []Cell, progress func(string)) (Result, error) {
	r := Result{Config: c, Rows: make([]Row, len(cells))}
	for round := range c.Rounds {
		for i, cell := range cells {
			progress(fmt.Sprintf("strategies: round %d of %d, %s", round+1, c.Rounds, cell))
			m, err := cell.measure(ctx, c)
			if err != nil {
				return r, fmt.Errorf("strategies: %s: %w", cell, err)
			}
			r.Rows[i].Cell = cell
			r.Rows[i].Rounds = append(r.Rows[i].Rounds, m)
		}
	}
	return r, nil
}

// Spread is the spread over the rounds of what f says.
func (r Row) Spread(f func(Measured) float64) measure.Spread {
	values := make([]float64, len(r.Rounds))
	for i, m := range r.Rounds {
		values[i] = f(m)
	}
	return measure.Of(values)
}

// Rate is events per second, as many as it can take.
func (r Row) Rate() measure.Spread {
	return r.Spread(func(m Measured) float64 { return m.Full.Rate() })
}

// Against is the spread of the rate to that of another row, round by round.
func (r Row) Against(other Row) measure.Spread {
	var ratios []float64
	for i := range min(len(r.Rounds), len(other.Rounds)) {
		ratios = append(ratios, r.Rounds[i].Full.Rate()/other.Rounds[i].Full.Rate())
	}
	return measure.Of(ratios)
}

// PerFailing is how many there were of what f counts for a thousand failing events, over all rounds.
func (r Row) PerFailing(f func(Counts) int) float64 {
	n, failing := 0, 0
	for _, m := range r.Rounds {
		n += f(m.Counts) + f(m.Paced)
		failing += m.Counts.Failing + m.Paced.Failing
	}
	if failing == 0 {
		return 0
	}
	return 1000 * float64(n) / float64(failing)
}
