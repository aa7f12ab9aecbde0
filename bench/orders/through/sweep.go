package through

import (
	"context"
	"fmt"
)

// Sweep is the open loop at one rate after another.
type Sweep struct {
	Name   string  `json:"name"`
	Kind   Kind    `json:"kind"`
	Closed float64 `json:"closed"` // orders per second of the closed loop, 0 if that was not measured
	Points []Point `json:"points"`
}

// Open sweeps over the rates with the organ and with the desk. rows are those of the closed loop, which
// the rates depend on unless they are given. progress is told what is about to happen.
func Open(ctx context.Context, c Config, rows []Row, progress func(string)) ([]Sweep, error) {
	t := newTexts(c.Symbols)
	sweeps := []Sweep{{Name: "matching organ", Kind: Organ}, {Name: "trading desk", Kind: Desk}}
	for i := range sweeps {
		s := &sweeps[i]
		if row, ok := Of(rows, s.Kind); ok {
			s.Closed = row.Rate().Median
		}
		for k, rate := range c.rates(s.Closed) {
			progress(fmt.Sprintf("open loop, %s: rate %d of %d, %.0f orders/s", s.Name, k+1, len(c.rates(s.Closed)), rate))
			p, err := measureRate(ctx, s.Kind, t, c, rate)
			if err != nil {
				return sweeps, fmt.Errorf("open loop, %s at %.0f orders/s: %w", s.Name, rate, err)
			}
			s.Points = append(s.Points, p)
		}
	}
	return sweeps, nil
}

func (c Config) rates(closed float64) []float64 {
	if len(c.Rates) > 0 {
		return c.Rates
	}
	rates := make([]float64, len(c.Shares))
	for i, share := range c.Shares {
		rates[i] = max(share*closed, 1)
	}
	return rates
}

// What the knee is found by: where less than KeptUp of the offered orders are done, or the 99th percentile is
// more than Plateau times the lowest of the sweep, orders queue.
const (
	KeptUp  = 0.95
	Plateau = 5
)

// Knee returns the highest rate at which orders do not queue, false if they do at all of them.
func (s Sweep) Knee() (Point, bool) {
	lowest := s.Points[0].Latency.P99
	for _, p := range s.Points {
		lowest = min(lowest, p.Latency.P99)
	}
	var knee Point
	for _, p := range s.Points {
		if p.Achieved >= KeptUp*p.Rate && p.Latency.P99 <= Plateau*lowest && p.Rate > knee.Rate {
			knee = p
		}
	}
	return knee, knee.Rate > 0
}
