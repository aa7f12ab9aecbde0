package spine

import (
	"fmt"

	"github.com/necrostack/necrostack/actors"
	"github.com/necrostack/necrostack/supervision"
)

// EnqueueMode says what happens to an event whose handling emitted something that cannot be
// appended: unencodable, too large, or too many.
type EnqueueMode uint8

// The enqueue modes.
const (
	EnqueueStore EnqueueMode = iota // dead-letter the event; the default
	EnqueueFail                     // end Run with ErrEnqueue; the event goes back
	EnqueueRetry                    // try again by the policy's attempts, then as EnqueueFail
)

// failure judges a failed attempt of work i. It reports that the work stays in the lane: for
// a retry at once, or for OnFailed.
func (c *core) failure(i uint32, f actors.Failure, t *tally) (stays bool) {
	w := &c.ledger.works[i]
	o := t.organ
	f.Attempt = int(w.attempts()) + 1
	if first := w.firstFailure(); w.attempts() > 0 && !first.IsZero() {
		f.First = first
	}
	t.failure(f.Kind)
	o.stats.failed(f.Kind)
	if f.Kind == actors.KindEnqueue && c.enqueueFailed(i, f, t) {
		return false
	}
	v := o.policy.Judge(f, o.keyed, c.rnd())
	switch {
	case v.Action != supervision.Again:
		return c.final(i, f, v.Action == supervision.Logged)
	case v.After == 0 && o.keyed && !v.Redelivery:
		// The cell was dropped and is recovered for the next step: nothing to wait for.
		w.failedAt(f.Attempt, f.First)
		o.stats.retries++
		return true
	default:
		c.retry(i, f, v)
		t.held = t.held || w.back
		return false
	}
}

// retry hands work i back with its failed attempt counted.
func (c *core) retry(i uint32, f actors.Failure, v supervision.Verdict) {
	w := &c.ledger.works[i]
	o := c.organs[w.organ]
	o.stats.retries++
	c.note(Note{Kind: NoteRetry, Event: w.event, Failure: &f, After: v.After})
	c.hold(o, i)
	c.settle(i, Retry, nil).Later = &Later{Attempts: f.Attempt, First: f.First, Due: c.now.Add(v.After)}
}

// enqueueFailed applies the modes that are not the policy's.
func (c *core) enqueueFailed(i uint32, f actors.Failure, t *tally) (settled bool) {
	w := &c.ledger.works[i]
	c.stats.enqueueFailure(w.event.Type())
	o := t.organ
	switch {
	case c.config.enqueue == EnqueueStore:
		return false
	case c.config.enqueue == EnqueueRetry && f.Attempt < o.policy.Retry.Attempts:
		after := o.policy.Retry.Backoff.Delay(f.Attempt, c.rnd())
		c.retry(i, f, supervision.Verdict{Action: supervision.Again, After: after})
	default:
		c.fail(fmt.Errorf("%w: organ %s, event %s %s: %w", ErrEnqueue, o.name, w.event.Type(), w.event.ID(), f.Err))
		c.handBack(i, Later{Due: c.now})
	}
	t.held = t.held || w.back
	return true
}

// final settles a failure for good. Where the organ has an OnFailed for the event, that
// is called first, by a lane, and the work stays for it.
func (c *core) final(i uint32, f actors.Failure, logged bool) (stays bool) {
	w := &c.ledger.works[i]
	w.fails(&f, logged)
	o := c.organs[w.organ]
	if o.wantsFailed(w.event.Type()) && f.Kind != actors.KindUndecodable && f.Kind != actors.KindInvalid {
		return true
	}
	c.settleFinal(i, nil)
	return false
}

// settleFinal settles work i, which has failed for good, with what its OnFailed emitted.
func (c *core) settleFinal(i uint32, emitted []actors.Event) {
	w := &c.ledger.works[i]
	o := c.organs[w.organ]
	if w.trouble.logged {
		o.stats.logged++
		c.note(Note{Kind: NoteLogged, Event: w.event, Failure: w.failed()})
		c.settle(i, Done, nil).Emitted = emitted
		return
	}
	letter := supervision.NewDeadLetter(c.config.service, w.event, *w.failed())
	c.note(Note{Kind: NoteDeadLetter, Event: w.event, Failure: w.failed()})
	s := c.settle(i, Dead, nil)
	s.Emitted, s.Letter = emitted, &letter
}

// onFailedFailed settles a work whose OnFailed has itself failed: without emissions, and not
// in silence.
func (c *core) onFailedFailed(i uint32, f *actors.Failure) {
	c.note(Note{Kind: NoteOnFailed, Event: c.ledger.works[i].event, Failure: f})
	c.organs[c.ledger.works[i].organ].stats.onFailedErrors++
	c.settleFinal(i, nil)
}

// tally reports a batch's outcomes to the organ's breaker: failures one by one, successes once per
// run of them, which is the same to a count of failures in a row.
type tally struct {
	organ     *organ
	succeeded bool
	heard     bool // the probe, if there was one, has its result
	held      bool // a key of this batch went on hold
}

func (t *tally) success() { t.succeeded, t.heard = true, true }

func (t *tally) failure(k actors.Kind) {
	if k.Permanent() {
		// A bad event says nothing against the organ: whatever it depends on has answered.
		t.success()
		return
	}
	t.settleRun()
	t.heard = true
	t.organ.breaker.Failure()
	t.organ.calm, t.organ.seenAt = false, 0
}

func (t *tally) nothing() {}

func (t *tally) settleRun() {
	o := t.organ
	if t.succeeded && !o.calm {
		o.breaker.Success()
		o.calm, o.seenAt = o.breaker.State() == supervision.Closed, 0
	}
	t.succeeded = false
}

// end reports what is left, and ends the probe.
func (t *tally) end() {
	t.settleRun()
	if !t.organ.probing {
		return
	}
	t.organ.probing = false
	if !t.heard {
		t.organ.breaker.Release()
	}
}
