package supervision

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"
)

// ReplayOptions says how ReplayAll goes about it. The zero value replays everything as fast as
// the backend takes it.
type ReplayOptions struct {
	Rate     float64        // replays per second at most; 0 is no limit
	DryRun   bool           // only find out which letters it would be
	Limit    int            // letters at most, the oldest; 0 is all
	Progress func(done int) // called for each letter, with how many are through
}

// Report is what ReplayAll did.
type Report struct {
	Replayed int
	Skipped  int              // gone before their turn: somebody else replayed or dropped them
	Failed   map[string]error // by id; still dead letters. At most FailedLimit are kept
	Unnamed  int              // failures beyond FailedLimit
	Dry      []string         // with DryRun: the ids it would replay, oldest first
}

const (
	// FailedLimit is how many failures a Report names.
	FailedLimit = 100
	// failuresTold is how many of them the error of ReplayAll has.
	failuresTold = 10
)

// ReplayAll replays the letters that match f and are there when it begins, each at most once and
// oldest first, so that the events of a key come back in their order. It holds one page of letters at a time; without
// a rate the backend gets a page at once.
//
// A letter that cannot be replayed is reported and does not stop the others, but makes the error not nil: it says how many
// failed, and wraps the failures of the first 10. One that was gone before its turn is no failure.
//
// When ctx ends, the error wraps its error too; the report is the one so far, and what was under way is
// in Failed, and may have happened. Called again it goes on: what has been replayed is not there any more.
func (d *Desk) ReplayAll(ctx context.Context, f Filter, o ReplayOptions) (Report, error) {
	if err := o.err(); err != nil {
		return Report{}, err
	}
	r := replayRun{desk: d, options: o, pace: newPace(o.Rate), report: Report{Failed: map[string]error{}}}
	for page, err := range d.pages(ctx, f) {
		if err == nil {
			err = r.page(ctx, page)
		}
		if err != nil || r.through() {
			return r.report, errors.Join(err, r.failed())
		}
	}
	return r.report, r.failed()
}

// replayRun is one ReplayAll.
type replayRun struct {
	desk    *Desk
	options ReplayOptions
	pace    *pace
	done    int // letters
	report  Report
	first   []error // failures, at most failuresTold
}

// failed is the error of the letters that could not be replayed, nil where there are none.
func (r *replayRun) failed() error {
	n := len(r.report.Failed) + r.report.Unnamed
	if n == 0 {
		return nil
	}
	return fmt.Errorf("replay: %d of %d dead letters failed, first:\n%w", n, r.done, errors.Join(r.first...))
}

// through reports whether the limit is reached.
func (r *replayRun) through() bool { return r.options.Limit > 0 && r.done == r.options.Limit }

// page replays a page, as far as the limit goes.
func (r *replayRun) page(ctx context.Context, ls []DeadLetter) error {
	if r.options.Limit > 0 {
		ls = ls[:min(len(ls), r.options.Limit-r.done)]
	}
	if r.options.DryRun {
		for _, l := range ls {
			r.report.Dry = append(r.report.Dry, l.ID)
		}
		r.done += len(ls)
		return nil
	}
	atOnce := 1
	if r.options.Rate == 0 {
		atOnce = max(len(ls), 1)
	}
	for some := range slices.Chunk(ls, atOnce) {
		if err := r.pace.wait(ctx); err != nil {
			return err
		}
		if failed := r.replay(ctx, some); failed && ctx.Err() != nil {
			return ctx.Err()
		}
	}
	return nil
}

// replay replays letters, and reports whether any failed.
func (r *replayRun) replay(ctx context.Context, ls []DeadLetter) (failed bool) {
	answers := make([]error, len(ls))
	var rs []Removal
	var places []int // of rs among ls
	for i, l := range ls {
		removal, err := r.desk.again(l, nil)
		if err != nil {
			answers[i] = err
			continue
		}
		rs, places = append(rs, removal), append(places, i)
	}
	if len(rs) > 0 {
		for i, err := range r.desk.letters.Remove(ctx, rs) {
			answers[places[i]] = err
		}
	}
	for i, err := range answers {
		if err != nil {
			failed, err = true, fmt.Errorf("replay dead letter %q: %w", ls[i].ID, err)
		}
		r.add(ls[i].ID, err)
		if r.done++; r.options.Progress != nil {
			r.options.Progress(r.done)
		}
	}
	return failed
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
func (r *replayRun) add(id string, err error) {
	switch {
	case err == nil:
		r.report.Replayed++
		return
	case errors.Is(err, ErrNoLetter):
		r.report.Skipped++
		return
	case len(r.report.Failed) < FailedLimit:
		r.report.Failed[id] = err
	default:
		r.report.Unnamed++
	}
	if len(r.first) < failuresTold {
		r.first = append(r.first, err)
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
