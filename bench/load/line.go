// Package load is what all benchmarks have in common: the payload, how many events are in flight, and how
// a round is measured.
package load

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/necrostack/necrostack/bench/measure"
)

// Line is something that handles starts, up and running.
type Line interface {
	// Feed publishes n starts through the line's window, and returns when all are handled.
	Feed(ctx context.Context, n int) error
	// Close ends everything that belongs to the line.
	Close() error
}

// Open brings up a line that reports to w.
type Open func(w *Window) (Line, error)

// Plan says how a round goes.
type Plan struct {
	Window   int // starts in flight
	Batch    int // starts per publish
	Warm     int // starts before the clock starts
	Starts   int // starts that count
	PerStart int // events that are handled because of one start
}

// patience bounds a round: a line that loses an event ends with an error, not never.
const patience = 5 * time.Minute

var errStuck = fmt.Errorf("nothing more came within %s", patience)

// Round opens a line, feeds it as planned, and closes it. Every round has a line of its own, so that no
// line is measured in a heap full of the others.
func Round(ctx context.Context, open Open, p Plan) (s measure.Sample, err error) {
	w := NewWindow(p.Window, p.Batch)
	line, err := open(w)
	if err != nil {
		return s, err
	}
	defer func() { err = errors.Join(err, line.Close()) }()
	ctx, cancel := context.WithTimeoutCause(ctx, patience, errStuck)
	defer cancel()
	if p.Warm > 0 {
		if err := line.Feed(ctx, p.Warm); err != nil {
			return s, fmt.Errorf("warm up: %w", err)
		}
	}
	return measure.Take(p.Starts*p.PerStart, func() error { return line.Feed(ctx, p.Starts) })
}
