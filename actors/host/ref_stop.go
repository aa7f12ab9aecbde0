package host

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/necrostack/necrostack/actors"
)

// ErrMailboxFull reports that a Ref holds as many events as it may.
var ErrMailboxFull = errors.New("host: mailbox is full")

// ErrDrain reports a Ref that was stopped before it had settled everything.
var ErrDrain = errors.New("host: not everything was settled")

// DrainError says which events a stopped Ref has not settled. It wraps ErrDrain.
type DrainError struct {
	Organ string
	Left  []actors.Event // in no particular order across keys
}

func (e *DrainError) Error() string {
	return fmt.Sprintf("%v: organ %q has %d events left", ErrDrain, e.Organ, len(e.Left))
}

// Unwrap returns ErrDrain.
func (e *DrainError) Unwrap() error { return ErrDrain }

// RefStats counts what a Ref has done. Held is a present number, the others are totals.
type RefStats struct {
	Held      int   // queued, running, or waiting for their time
	Told      int64 // accepted by Tell and Handle
	Handled   int64
	Retries   int64 // failed attempts that were followed by another
	Logged    int64 // failed for good, by LOG
	Dead      int64 // failed for good, as dead letters
	Dropped   int64 // emissions for which there was no OnEmit
	Restarts  int64
	Abandoned int64 // handlers that ignored their deadline
}

// Stats returns what the Ref has done so far.
func (r *Ref) Stats() RefStats {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.stats
}

// Stop ends the Ref. Handlers that run are waited for; when ctx ends first, their contexts end, and one
// that ignores even that is abandoned. What was not begun, or waits for a retry, is not: the error is
// a *DrainError that has those events, and Handle returns ErrStopped for them. Call Wait before, to
// have them handled. Stop may be called again and returns the same.
func (r *Ref) Stop(ctx context.Context) error {
	r.mu.Lock()
	first := r.result == nil
	if first {
		r.result = &stopResult{done: make(chan struct{})}
		r.stopping = true
		if r.timer != nil {
			r.timer.Stop()
		}
	}
	result := r.result
	r.mu.Unlock()
	if !first {
		select {
		case <-result.done:
			return result.err
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	defer close(result.done)
	result.err = errors.Join(r.drain(ctx), r.leave())
	return result.err
}

type stopResult struct {
	done chan struct{}
	err  error
}

// interruptGrace is how long lanes have after the interruption: the watch's grace, twice
// over because it looks only so often, and what an instance may take to stop.
func (r *Ref) interruptGrace() time.Duration { return 3*longestGrace + r.policy.Timeout }

// drain ends the lanes.
func (r *Ref) drain(ctx context.Context) error {
	defer r.organ.system.forgetRef(r)
	r.organ.quit.Store(true)
	r.flush(ctx)
	if r.organ.Stop(ctx) == nil {
		return nil
	}
	r.organ.Interrupt()
	late, cancel := context.WithTimeout(context.WithoutCancel(ctx), r.interruptGrace())
	defer cancel()
	return r.organ.Stop(late)
}

// flush saves the cells of a keyed organ, so that the next to use the store need not replay.
func (r *Ref) flush(ctx context.Context) {
	if r.organ.keyed == nil {
		return
	}
	done := make(chan struct{}, len(r.organ.lanes))
	flushing := 0
	r.mu.Lock()
	for i, l := range r.organ.lanes {
		if r.agenda.lines[i].down {
			continue // it may not be back before we are gone
		}
		flushing++
		l.Flush(func() { done <- struct{}{} })
	}
	r.mu.Unlock()
	for range flushing {
		select {
		case <-done:
		case <-ctx.Done():
			return
		}
	}
}

// leave reports what has not been settled.
func (r *Ref) leave() error {
	r.mu.Lock()
	left := r.agenda.left()
	for _, running := range r.running {
		left = append(left, running...)
	}
	r.running = nil
	r.mu.Unlock()
	if len(left) == 0 {
		return nil
	}
	e := &DrainError{Organ: r.organ.name}
	for _, t := range left {
		t.reply.end(nil, ErrStopped)
		e.Left = append(e.Left, t.event)
	}
	r.release(len(left))
	return e
}
