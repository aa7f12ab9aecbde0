package host

import (
	"errors"
	"fmt"
	"time"

	"github.com/necrostack/necrostack/actors"
	"github.com/necrostack/necrostack/supervision"
)

// reactor is the craft of a stateless organ's worker.
type reactor struct {
	worker  *worker
	organ   *Organ
	emitter emitter
	handler *actors.Handler
	attempt *attempt
	looks   bool // some handler of this organ has looked at its context: read the clock for it
	evs     []actors.Event
	outs    []Outcome
}

func (r *reactor) start() error {
	if !r.organ.organ.Exclusive() {
		h, err := r.organ.organ.Handler()
		r.handler = h
		return err
	}
	made := make(chan *actors.Handler, 1)
	err := r.organ.aside("make an instance", func() error {
		h, err := r.organ.organ.Handler()
		made <- h
		return err
	}, func() { r.organ.end(<-made) })
	if err != nil {
		return fmt.Errorf("worker %d: %w", r.worker.lane.index, err)
	}
	r.handler = <-made
	return nil
}

// stop ends an instance of this worker's own. One that all share is ended by the supervisor.
func (r *reactor) stop() {
	if r.handler != nil && r.organ.organ.Exclusive() {
		r.organ.end(r.handler)
	}
	r.handler, r.emitter, r.outs = nil, emitter{}, nil
}

// end calls an instance's OnStop functions.
func (o *Organ) end(h *actors.Handler) {
	err := o.aside("stop an instance", func() error { h.Stop(); return nil }, nil)
	if err != nil {
		o.system.log.Error("stop function failed", "organ", o.name, "error", err)
	}
}

// errNoCells answers a question to an organ that has no cells.
var errNoCells = errors.New("host: the organ is stateless and has no cells")

func (r *reactor) receive(q request) (then func()) {
	return func() { q.refuse(r.worker.lane, errNoCells) }
}

func (r *reactor) crashed() {
	if r.attempt != nil {
		r.attempt.rest()
		r.attempt = nil
	}
}

// run implements craft.
func (r *reactor) run(b *Batch) error {
	err := r.items(b)
	if r.attempt != nil {
		r.attempt.rest()
		if r.attempt.used() {
			r.attempt = nil // it does not serve again, and knows its event
		}
	}
	r.handler.Forget()
	return err
}

func (r *reactor) items(b *Batch) error {
	w := r.worker
	for i := 0; i < len(b.Items); i = len(b.Outcomes) {
		it := &b.Items[i]
		var fatal error
		switch {
		case r.organ.stops():
			return nil
		case w.holds(it.Event):
			b.Outcomes = append(b.Outcomes, Outcome{Code: Held})
		case it.Failed != nil:
			w.onFailed(b, &r.emitter, r.handler.Failed, it)
		default:
			fatal = r.handle(b, i)
		}
		if fatal != nil || w.gone {
			return fatal
		}
	}
	return nil
}

func (r *reactor) handle(b *Batch, i int) error {
	if n := r.together(b, i); n > 1 {
		return r.many(b, i, n)
	}
	return r.one(b, i)
}

// together is how many items from i on one call may handle: more than one only for an OnBatch or a
// SinkBatch. Second attempts go alone: whatever it was that cost the whole batch its attempt (it was
// stuck, or ended its goroutine), costs only itself then.
func (r *reactor) together(b *Batch, i int) int {
	typ := b.Items[i].Event.Type()
	if !r.handler.Batches(typ) || r.organ.config.Ordered || b.Items[i].Attempt > 1 {
		return 1
	}
	n := 1
	for i+n < len(b.Items) && n < actors.BatchLimit {
		it := &b.Items[i+n]
		if it.Failed != nil || it.Attempt > 1 || it.Event.Type() != typ {
			break
		}
		n++
	}
	return n
}

// one handles item i. The error is that of a panic.
func (r *reactor) one(b *Batch, i int) error {
	it := &b.Items[i]
	a := r.ready(b, i)
	r.worker.begin(1)
	out, err := r.handler.Handle(a, it.Event)
	ctxErr := r.done(a)
	var emitted []actors.Event
	if err == nil {
		emitted, err = r.emitter.events(b, it.Event, out)
	}
	if !r.worker.finish() {
		return nil
	}
	if err == nil {
		b.Outcomes = append(b.Outcomes, Outcome{})
		b.Outcomes[len(b.Outcomes)-1].Emitted = emitted
		return nil
	}
	return r.failed(b, it, err, ctxErr)
}

// failed records a failure, and passes on a panic that the handler caught and returned.
func (r *reactor) failed(b *Batch, it *Item, err, ctxErr error) error {
	r.worker.fail(b, it, err, ctxErr)
	if r.organ.config.Ordered {
		r.worker.hold(it.Event)
	}
	if panicked(err) {
		return err
	}
	return nil
}

// many gives items [i, i+n) to their OnBatch or SinkBatch in one call, and one by one if that fails. After a
// panic they are all tried on the instance as it is, to find out whose it was; then it is
// restarted in any case.
func (r *reactor) many(b *Batch, i, n int) error {
	r.evs = r.evs[:0]
	for _, it := range b.Items[i : i+n] {
		r.evs = append(r.evs, it.Event)
	}
	a := r.ready(b, i)
	r.worker.begin(n)
	var results []actors.BatchResult
	err := guard(func() (err error) { results, err = r.handler.HandleBatch(a, r.evs); return err })
	ctxErr := r.done(a)
	clear(r.evs)
	if err == nil {
		r.outs = r.each(b, i, n, results, ctxErr)
	}
	if !r.worker.finish() {
		return nil
	}
	switch {
	case err == nil:
		b.Outcomes = append(b.Outcomes, r.outs...)
		clear(r.outs)
		return nil
	case r.organ.interrupted(err, ctxErr):
		for range n {
			b.Outcomes = append(b.Outcomes, Outcome{Code: Interrupted})
		}
		return nil
	}
	for k := i; k < i+n && !r.organ.stops(); k++ {
		if fatal := r.one(b, k); fatal != nil || r.worker.gone {
			return fatal
		}
	}
	if panicked(err) {
		return err
	}
	return nil
}

// each makes the outcomes of items [i, i+n) of their results. Where a handler has caught a panic and
// returned it as one event's error, that is an error like others: the instance has lived with it.
func (r *reactor) each(b *Batch, i, n int, results []actors.BatchResult, ctxErr error) []Outcome {
	outs := r.outs[:0]
	for k := range n {
		it, res := &b.Items[i+k], actors.BatchResult{}
		if results != nil {
			res = results[k]
		}
		emitted, err := []actors.Event(nil), res.Err
		if err == nil {
			emitted, err = r.emitter.events(b, it.Event, res.Emit)
		}
		if err != nil {
			outs = append(outs, r.organ.failure(b, it, err, ctxErr))
			continue
		}
		outs = append(outs, Outcome{Emitted: emitted})
	}
	return outs
}

func panicked(err error) bool {
	var p *supervision.PanicError
	return errors.As(err, &p)
}

// ready sets up the context for item i.
func (r *reactor) ready(b *Batch, i int) *attempt {
	var start time.Time
	switch {
	case i == 0:
		start = b.Started
	case r.looks:
		start = clock()
	}
	if r.attempt == nil || !r.attempt.again(b, i, start) {
		r.attempt = &attempt{organ: r.organ}
		r.attempt.again(b, i, start)
	}
	return r.attempt
}

// done ends the attempt's context and returns the error it had.
func (r *reactor) done(a *attempt) error {
	used, err := a.returned()
	if used {
		r.looks = true
	}
	return err
}
