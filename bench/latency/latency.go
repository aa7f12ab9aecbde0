// Package latency counts durations in a histogram of high dynamic range: three digits that count, from a
// nanosecond to a minute and more, in memory that does not grow.
package latency

import (
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// Bounds of what a Histogram tells apart; what is longer counts as Most.
const (
	Least  = time.Nanosecond
	Most   = 5 * time.Minute
	digits = 3
)

// Histogram counts durations. It is for one goroutine; see New.
type Histogram struct{ counts *hdrhistogram.Histogram }

// New returns an empty histogram.
func New() Histogram {
	return Histogram{hdrhistogram.New(int64(Least), int64(Most), digits)}
}

// Add counts a duration. What is less than Least counts as that.
func (h Histogram) Add(d time.Duration) {
	_ = h.counts.RecordValue(int64(min(max(d, Least), Most))) // its only error is to be out of bounds
}

// Quantiles are what is told of many durations.
type Quantiles struct {
	Count int64         `json:"count"`
	Mean  time.Duration `json:"mean_ns"`
	P50   time.Duration `json:"p50_ns"`
	P90   time.Duration `json:"p90_ns"`
	P99   time.Duration `json:"p99_ns"`
	P999  time.Duration `json:"p999_ns"`
	P9999 time.Duration `json:"p9999_ns"`
	Max   time.Duration `json:"max_ns"`
}

// Quantiles returns all zeros for an empty histogram.
func (h Histogram) Quantiles() Quantiles {
	at := func(percent float64) time.Duration { return time.Duration(h.counts.ValueAtQuantile(percent)) }
	if h.counts.TotalCount() == 0 {
		return Quantiles{}
	}
	return Quantiles{
		Count: h.counts.TotalCount(), Mean: time.Duration(h.counts.Mean()),
		P50: at(50), P90: at(90), P99: at(99), P999: at(99.9), P9999: at(99.99), Max: time.Duration(h.counts.Max()),
	}
}

// Mark is a point of a distribution: of Odds durations one is longer than Value, on average.
type Mark struct {
	Odds  float64       `json:"odds"` // 2 is the median, 100 the 99th percentile
	Value time.Duration `json:"value_ns"`
}

// Curve returns the distribution from the median to the last odds that so many durations can tell of.
func (h Histogram) Curve() []Mark {
	var marks []Mark
	for decade := 1.0; decade <= float64(h.counts.TotalCount()); decade *= 10 {
		for _, x := range []float64{1, 2, 5} {
			if odds := decade * x; odds >= 2 && odds <= float64(h.counts.TotalCount()) {
				marks = append(marks, Mark{odds, time.Duration(h.counts.ValueAtQuantile(100 - 100/odds))})
			}
		}
	}
	return marks
}
