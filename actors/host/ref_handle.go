package host

import (
	"context"
	"encoding/json"
	"fmt"
	"sync/atomic"

	"github.com/cespare/xxhash/v2"

	"github.com/necrostack/necrostack/actors"
)

// Handle queues p and waits for its final outcome: the events it emitted, or the actors.Failure that settled it
// for good, with the events its OnFailed emitted. Other errors are those of Tell, and that of ctx, at
// whose end the event goes on as if it had been told. Do not call it from a handler of
// the same Ref: with all workers waiting so, none is left to answer.
func Handle(ctx context.Context, ref *Ref, p actors.Payload) ([]actors.Event, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	w := &reply{done: make(chan outcome, 1)}
	if err := ref.take(p, w); err != nil {
		return nil, err
	}
	select {
	case o := <-w.done:
		return o.emitted, o.err
	case <-ctx.Done():
	}
	if w.claimed.CompareAndSwap(false, true) {
		return nil, ctx.Err()
	}
	o := <-w.done
	return o.emitted, o.err
}

// reply is where the caller of Handle waits.
type reply struct {
	claimed atomic.Bool // by who gives the outcome, or by a caller who waits no longer
	done    chan outcome
}

type outcome struct {
	emitted []actors.Event
	err     error
}

// give hands the outcome to the caller. false: there is none, or it waits no longer.
func (w *reply) give(emitted []actors.Event, f *actors.Failure) bool {
	if f != nil {
		return w.end(emitted, *f)
	}
	return w.end(emitted, nil)
}

func (w *reply) end(emitted []actors.Event, err error) bool {
	if w == nil || !w.claimed.CompareAndSwap(false, true) {
		return false
	}
	w.done <- outcome{emitted, err}
	return true
}

// Ask runs an Answer of a keyed organ on the committed state of the cell of key. It makes no cell:
// ErrNoCell when there is none. Other errors are the Answer's own, actors.ErrNoAnswer, ErrStopped, and that
// of ctx, at whose end the question is answered to nobody.
func Ask[R any](ctx context.Context, ref *Ref, key string, query any) (R, error) {
	var r R
	data, err := ref.ask(ctx, key, query)
	if err != nil {
		return r, err
	}
	if err := json.Unmarshal(data, &r); err != nil {
		return r, fmt.Errorf("host: reply of organ %q to %T: %w", ref.organ.name, query, err)
	}
	return r, nil
}

func (r *Ref) ask(ctx context.Context, key string, query any) (json.RawMessage, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if r.organ.keyed == nil {
		return nil, errNoCells
	}
	type answer struct {
		data json.RawMessage
		err  error
	}
	got := make(chan answer, 1)
	lane := r.organ.lanes[laneOf(xxhash.Sum64String(key), len(r.organ.lanes))]
	// Whatever the lane has been given before is committed when it comes to the question:
	// deliver does that on the lane's own goroutine.
	lane.Ask(key, query, func(data json.RawMessage, err error) { got <- answer{data, err} })
	select {
	case a := <-got:
		return a.data, a.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}
