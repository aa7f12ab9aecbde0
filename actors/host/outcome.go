package host

import (
	"context"
	"errors"
	"fmt"

	"github.com/necrostack/necrostack/actors"
	"github.com/necrostack/necrostack/supervision"
)

var errTimeout = errors.New("no result within")

// fail appends the outcome of a failed item. ctxErr is how the attempt's context had ended when
// the handler returned, nil if it had not.
func (w *worker) fail(b *Batch, it *Item, err, ctxErr error) {
	b.Outcomes = append(b.Outcomes, w.organ.failure(b, it, err, ctxErr))
}

func (o *Organ) failure(b *Batch, it *Item, err, ctxErr error) Outcome {
	if o.interrupted(err, ctxErr) {
		return Outcome{Code: Interrupted}
	}
	kind, after := actors.Classify(err)
	f := &actors.Failure{
		Organ: o.name, Kind: kind, Err: err, Attempt: int(it.Attempt), First: b.Started, Last: b.Started, After: after,
	}
	var panicked *supervision.PanicError
	switch {
	case errors.As(err, &panicked):
		f.Kind, f.Stack = actors.KindPanic, panicked.Stack
	case errors.Is(ctxErr, context.DeadlineExceeded) && kind == actors.KindError:
		f.Kind = actors.KindTimeout
		f.Err = fmt.Errorf("%w %s: %w", errTimeout, o.config.Policy.Timeout, err)
	}
	return Outcome{Code: Failed, Failure: f}
}

// interrupted reports whether a handler has failed because it was told to end: its error says so, or
// its context had ended for that reason. Not every library wraps the error of the context.
func (o *Organ) interrupted(err, ctxErr error) bool {
	if o.base.Err() == nil {
		return false
	}
	return errors.Is(ctxErr, context.Canceled) ||
		errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) || errors.Is(err, ErrStopping)
}

// onFailed calls an organ's OnFailed for an item. If that fails too, the event is settled without
// its emissions, and the owner is told why. The instance is not restarted for it: what
// OnFailed may touch is its arguments.
func (w *worker) onFailed(b *Batch, e *emitter, f func(actors.Event, actors.Failure) []actors.Payload, it *Item) {
	w.begin(1)
	var emitted []actors.Event
	err := guard(func() (err error) {
		emitted, err = e.events(b, it.Event, f(it.Event, *it.Failed))
		return err
	})
	if !w.finish() {
		return
	}
	if err != nil {
		w.fail(b, it, err, nil)
		return
	}
	b.Outcomes = append(b.Outcomes, Outcome{Emitted: emitted})
}
