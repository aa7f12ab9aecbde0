// Package pace starts things at times that were fixed beforehand, whatever becomes of those before. What is
// late, be it the one who starts or the one who is started, is late by the plan: a system that stands still for a
// second has not one slow answer but as many as were due in that second.
package pace

import (
	"context"
	"time"

	"github.com/necrostack/necrostack/bench/latency"
)

// Plan says when each of N starts is due: the first at Begin, the others one after another at Rate per
// second.
type Plan struct {
	Begin time.Time
	Rate  float64
	N     int
}

// For returns a plan that begins at begin and lasts for d. It has at least one start.
func For(begin time.Time, rate float64, d time.Duration) Plan {
	return Plan{Begin: begin, Rate: rate, N: max(int(rate*d.Seconds()), 1)}
}

// At is when start i is due, counted from 0.
func (p Plan) At(i int) time.Time { return p.Begin.Add(p.after(i)) }

func (p Plan) after(i int) time.Duration {
	return time.Duration(float64(i) / p.Rate * float64(time.Second))
}

// End is when the start after the last would be due.
func (p Plan) End() time.Time { return p.At(p.N) }

// Due is how many starts are due at a time: all those whose At is not after it.
func (p Plan) Due(now time.Time) int {
	passed := now.Sub(p.Begin)
	n := max(min(int(passed.Seconds()*p.Rate), p.N), 0)
	// A quotient may be rounded to the other side of a start than its product.
	for n > 0 && p.after(n-1) > passed {
		n--
	}
	for n < p.N && p.after(n) <= passed {
		n++
	}
	return n
}

// Drive calls start for all that are due, at most most of them at a time, in order, and waits for the next; it
// returns when all have been started. It ends early with the error of start, or with that of ctx. Lag has
// for each start how long after its time start was called with it.
func (p Plan) Drive(ctx context.Context, most int, start func(first, n int) error) (lag latency.Histogram, err error) {
	lag = latency.New()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for at := 0; at < p.N; {
		now := time.Now()
		n := min(p.Due(now)-at, most)
		if n <= 0 {
			timer.Reset(p.At(at).Sub(now))
			select {
			case <-timer.C:
			case <-ctx.Done():
				return lag, context.Cause(ctx)
			}
			continue
		}
		if err := ctx.Err(); err != nil {
			return lag, context.Cause(ctx)
		}
		for i := at; i < at+n; i++ {
			lag.Add(now.Sub(p.At(i)))
		}
		if err := start(at, n); err != nil {
			return lag, err
		}
		at += n
	}
	return lag, nil
}
