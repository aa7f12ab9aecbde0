package supervision

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"
)

// ReplayOptions says how ReplayAll goes about it. The zero value replays everything as fast as
// the backend takes it.
type ReplayOptions struct {
	Rate     float64        // replays per second at most; 0 is no limit
	DryRun   bool           // only find out which letters it would be
	Limit    int            // letters at most, the oldest; 0 is all
	Progress func(done int) // called after each letter, with how many are through
}

// Report is what ReplayAll did.
type Report struct {
	Replayed int
	Skipped  int              // gone before their turn: somebody else replayed or dropped them
	Failed   map[string]error // by id; still dead letters. At most FailedLimit are kept
	Unnamed  int              // failures beyond FailedLimit
	Dry      []string         // with DryRun: the ids it would replay, oldest first
}

// FailedLimit is how many failures a Report names.
const FailedLimit = 100

// ReplayAll replays the letters that match f and are there when it begins, each at most once and
// oldest first, so that the events of a key come back in their order. A letter that cannot
// be replayed is reported and does not stop the others.
//
// When ctx ends, ReplayAll returns its error with the report so far. A replay that was under way is
// in Failed, and may have happened.
func (d *Desk) ReplayAll(ctx context.Context, f Filter, o ReplayOptions) (Report, error) {
	if err := o.err(); err != nil {
		return Report{}, err
	}
	ids, err := d.ids(ctx, f, o.Limit)
	if err != nil {
		return Report{}, err
	}
	if o.DryRun {
		return Report{Dry: ids}, nil
	}
	report := Report{Failed: map[string]error{}}
	pace := newPace(o.Rate)
	for i, id := range ids {
		if err := pace.wait(ctx); err != nil {
			return report, err
		}
		_, err := d.Replay(ctx, id, nil)
		report.add(id, err)
		if err != nil && ctx.Err() != nil {
			return report, ctx.Err()
		}
		if o.Progress != nil {
			o.Progress(i + 1)
		}
	}
	return report, nil
}

func (o ReplayOptions) err() error {
	var errs []error
	if !(o.Rate >= 0) || math.IsInf(o.Rate, 0) {
		errs = append(errs, fmt.Errorf("replay: rate is %q, want 0 or more per second", fmt.Sprint(o.Rate)))
	}
	if o.Limit < 0 {
		errs = append(errs, fmt.Errorf("replay: limit is %q, want 0 or more letters", fmt.Sprint(o.Limit)))
	}
	return errors.Join(errs...)
}

// add counts one letter.
func (r *Report) add(id string, err error) {
	switch {
	case err == nil:
		r.Replayed++
	case errors.Is(err, ErrNoLetter):
		r.Skipped++
	case len(r.Failed) < FailedLimit:
		r.Failed[id] = err
	default:
		r.Unnamed++
	}
}

// pace keeps calls apart. A call that took long is not made up for by a burst.
type pace struct {
	apart time.Duration
	last  time.Time // when the last one began; zero is long ago
}

func newPace(perSecond float64) *pace {
	if perSecond == 0 {
		return &pace{}
	}
	apart := float64(time.Second) / perSecond
	return &pace{apart: time.Duration(min(apart, float64(longestSpan)))}
}

// wait returns when the next call may begin, or the error of ctx when that ends first.
func (p *pace) wait(ctx context.Context) error {
	rest := p.apart - time.Since(p.last)
	if rest <= 0 {
		p.last = time.Now()
		return ctx.Err()
	}
	timer := time.NewTimer(rest)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		p.last = time.Now()
		return nil
	}
}
