package host

import (
	"math/rand/v2"
	"time"

	"github.com/necrostack/necrostack/actors"
	"github.com/necrostack/necrostack/persistence"
	"github.com/necrostack/necrostack/supervision"
)

// verdicts is what a batch has come to: what has to be told to others, outside of the lock.
type verdicts struct {
	tell   []func()
	undone []*task
	ended  int // tasks that are held no more
}

// deliver takes a batch back from its lane, on the lane's goroutine: whatever is told here is told before
// the lane begins its next batch.
func (r *Ref) deliver(b *Batch) {
	void := r.commit(b)
	v := r.judge(b, void)
	defer r.release(v.ended) // also when one of those that are told ends the goroutine
	for _, tell := range v.tell {
		r.guarded(tell)
	}
}

// judge decides what becomes of a batch's tasks, and gives the lanes what there is to do now.
func (r *Ref) judge(b *Batch, void map[string]int) (v verdicts) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.running == nil {
		return v // stopped without waiting for it: these tasks were reported as left
	}
	line := b.Lane.index
	tasks := r.running[line]
	r.running[line] = nil
	l := &r.agenda.lines[line]
	l.busy, l.down = false, b.Down
	for k, t := range tasks {
		from, voided := void[t.event.Key()]
		r.outcome(&v, t, &b.Outcomes[k], voided && k >= from)
	}
	r.agenda.again(line, v.undone)
	r.rest(l, b, len(void) > 0)
	r.gate.ended(b.Lane)
	if !b.Abandoned {
		b.Reset()
		r.spare = append(r.spare, b)
	}
	r.feedAll()
	return v
}

// commit writes the changes of cells. What this batch did to a key from the item on whose change the
// store has refused does not count; void holds that item's position.
func (r *Ref) commit(b *Batch) (void map[string]int) {
	for k := range b.Outcomes {
		o, ev := &b.Outcomes[k], b.Items[k].Event
		if _, voided := void[ev.Key()]; voided || o.Change == nil {
			continue
		}
		err := guard(func() error {
			return r.apply.Apply(persistence.Cell{Organ: r.organ.name, Key: ev.Key()}, ev, *o.Change)
		})
		if err == nil {
			continue
		}
		if void == nil {
			void = map[string]int{}
			// Before anything else reaches the lane: a question must not see the change.
			b.Lane.tellFirst(forget{})
		}
		void[ev.Key()] = k
		r.log.Error("change not stored, will retry", "organ", r.organ.name, "key", ev.Key(), "event_id", ev.ID(), "error", err)
	}
	return void
}

// rest makes a line wait whose store is in trouble, longer each time.
func (r *Ref) rest(l *line, b *Batch, refused bool) {
	if b.Problem != nil {
		r.log.Error("organ cannot work, will retry", "organ", r.organ.name, "error", b.Problem)
	}
	if b.Problem == nil && !refused {
		r.troubles = 0
		return
	}
	r.troubles++
	l.until = clock().Add(r.delay(r.troubles))
}

// outcome decides what becomes of one task.
func (r *Ref) outcome(v *verdicts, t *task, o *Outcome, void bool) {
	switch {
	case o.Code == Undone, o.Code == Held, o.Code == Interrupted:
		v.undone = append(v.undone, t)
	case void && o.Change != nil:
		v.undone = append(v.undone, t)
	case t.final != nil:
		if o.Failure != nil {
			r.log.Error("on-failed handler failed", "organ", r.organ.name, "event_id", t.event.ID(), "error", o.Failure.Err)
		}
		r.conclude(v, t, o.Emitted)
	case o.Code == Handled:
		r.gate.success()
		r.stats.Handled++
		r.settle(v, t, o.Emitted, nil)
	case void:
		// It failed on a state that never came to be.
		v.undone = append(v.undone, t)
	default:
		r.failed(v, t, *o.Failure)
	}
}

// failed judges a failed attempt.
func (r *Ref) failed(v *verdicts, t *task, f actors.Failure) {
	if t.failures == 0 {
		t.first = f.First
	}
	t.failures++
	f.First = t.first
	r.gate.failure(f.Kind)
	verdict := r.policy.Judge(f, r.organ.keyed != nil, rand.Float64())
	if verdict.Action == supervision.Again {
		r.stats.Retries++
		r.log.Warn("attempt failed, will retry", append(failureAttrs(t.event, f), "after", verdict.After)...)
		r.agenda.later(t, clock().Add(verdict.After))
		return
	}
	t.final, t.action = &f, verdict.Action
	decodes := f.Kind != actors.KindUndecodable && f.Kind != actors.KindInvalid
	if decodes && r.wants(t.event.Type()) {
		r.agenda.close(t)
		return
	}
	r.conclude(v, t, nil)
}

// conclude settles a task that has failed for good, with what OnFailed has emitted.
func (r *Ref) conclude(v *verdicts, t *task, emitted []actors.Event) {
	letter := supervision.NewDeadLetter(refService, t.event, *t.final)
	switch {
	case t.action == supervision.Logged:
		r.stats.Logged++
		r.log.Error("event failed, logged", failureAttrs(t.event, *t.final)...)
	case r.config.onDead != nil:
		r.stats.Dead++
		v.tell = append(v.tell, func() { r.config.onDead(letter) })
	default:
		r.stats.Dead++
		r.log.Error("event failed, dead letter", failureAttrs(t.event, *t.final)...)
	}
	r.settle(v, t, emitted, t.final)
}

// settle ends a task.
func (r *Ref) settle(v *verdicts, t *task, emitted []actors.Event, f *actors.Failure) {
	r.agenda.settled(t)
	v.ended++
	switch {
	case t.reply.give(emitted, f):
	case len(emitted) == 0:
	case r.config.onEmit == nil:
		r.stats.Dropped += int64(len(emitted))
	default:
		v.tell = append(v.tell, func() {
			for _, ev := range emitted {
				r.config.onEmit(ev)
			}
		})
	}
}

// release lets go of tasks that have ended.
func (r *Ref) release(n int) {
	if n == 0 {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.stats.Held -= n
	if r.stats.Held == 0 && r.idle != nil {
		close(r.idle)
		r.idle = nil
	}
}

// guarded calls a function of the user's that is told something.
func (r *Ref) guarded(tell func()) {
	if err := guard(func() error { tell(); return nil }); err != nil {
		r.log.Error("told function failed", "organ", r.organ.name, "error", err)
	}
}

// failureAttrs are the attributes of a log line about a failure. They are all there is to find an
// event that nobody keeps.
func failureAttrs(ev actors.Event, f actors.Failure) []any {
	attrs := []any{
		"event_id", ev.ID(), "event_type", ev.Type(), "organ", f.Organ, "correlation_id", ev.Correlation(),
		"attempt", f.Attempt, "reason", f.Kind.String(), "error", supervision.ClipError(f.Err.Error()),
		"first", f.First.UTC().Format(time.RFC3339Nano), "last", f.Last.UTC().Format(time.RFC3339Nano),
	}
	if ev.HasKey() {
		attrs = append(attrs, "key", ev.Key())
	}
	if f.Stack != "" {
		attrs = append(attrs, "stack", supervision.ClipStack(f.Stack))
	}
	return attrs
}
