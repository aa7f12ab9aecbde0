package redis

import (
	"time"

	"github.com/necrostack/necrostack/bench/latency"
	"github.com/necrostack/necrostack/bench/measure"
)

// The figures of a round of throughput, per hop.

// Rate is hops per second.
func (m Measured) Rate() float64 { return m.Sample.Rate() }

// ServerWork is nanoseconds of the server's processor time per hop.
func (m Measured) ServerWork() float64 { return float64(m.Server) / float64(m.Sample.Events) }

// ClientWork is nanoseconds of this process's processor time per hop.
func (m Measured) ClientWork() float64 { return m.Sample.Work() }

// Allocs is allocations of this process per hop.
func (m Measured) Allocs() float64 { return m.Sample.Allocs() }

// Growth is bytes by which the server has grown per hop; 0 where it has shrunk.
func (m Measured) Growth() float64 { return float64(max(m.Memory, 0)) / float64(m.Sample.Events) }

// Rate is starts per second: less than was asked for when a contender could not keep up.
func (p Paced) Rate() float64 { return float64(p.Starts) / p.Took.Seconds() }

// Spread is the spread of a figure over the rounds of throughput.
func (r Row) Spread(f func(Measured) float64) measure.Spread { return each(r.Rounds, f) }

// Against is the spread of the rate to that of another row, round by round.
func (r Row) Against(other Row) measure.Spread { return against(r.Rounds, other.Rounds, Measured.Rate) }

// PacedRate is the spread of the starts per second over the rounds of latency.
func (r Row) PacedRate() measure.Spread { return each(r.Paced, Paced.Rate) }

// Quantile is the spread of a quantile over the rounds of latency, in nanoseconds.
func (r Row) Quantile(f func(latency.Quantiles) time.Duration) measure.Spread {
	return each(r.Paced, latencyOf(f))
}

// Lag is the spread of a quantile of the lag, in nanoseconds.
func (r Row) Lag(f func(latency.Quantiles) time.Duration) measure.Spread {
	return each(r.Paced, func(p Paced) float64 { return float64(f(p.Lag)) })
}

// QuantileAgainst is the spread of a quantile to that of another row, round by round.
func (r Row) QuantileAgainst(other Row, f func(latency.Quantiles) time.Duration) measure.Spread {
	return against(r.Paced, other.Paced, latencyOf(f))
}

func latencyOf(f func(latency.Quantiles) time.Duration) func(Paced) float64 {
	return func(p Paced) float64 { return float64(f(p.Latency)) }
}

// Of returns the fastest row of a kind; false for none.
func (s Suite) Of(k Kind) (best Row, ok bool) {
	for _, row := range s.Rows {
		if row.Kind == k && (!ok || row.Spread(Measured.Rate).Median > best.Spread(Measured.Rate).Median) {
			best, ok = row, true
		}
	}
	return best, ok
}

// Base returns the row that one is compared with: the limit loop of the same batch; of BaseN for rows that have none,
// or one that no limit loop was measured with.
func (s Suite) Base(row Row) (base Row) {
	for _, x := range s.Rows {
		if x.Kind != Limit {
			continue
		}
		if x.N == row.N {
			return x
		}
		if x.N == BaseN {
			base = x
		}
	}
	return base
}

func each[R any](rounds []R, f func(R) float64) measure.Spread {
	values := make([]float64, len(rounds))
	for i, r := range rounds {
		values[i] = f(r)
	}
	return measure.Of(values)
}

// against divides values of the same round. Rounds that only one of them has are left out.
func against[R any](rounds, others []R, f func(R) float64) measure.Spread {
	var ratios []float64
	for i := range min(len(rounds), len(others)) {
		if base := f(others[i]); base > 0 {
			ratios = append(ratios, f(rounds[i])/base)
		}
	}
	return measure.Of(ratios)
}
