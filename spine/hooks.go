package spine

import (
	"time"

	"github.com/necrostack/necrostack/actors"
	"github.com/necrostack/necrostack/supervision"
)

// Hooks are optional functions that see what passes through a Spine: the place for metrics and
// tracing adapters. They are called on the Spine's goroutine, in order, and must neither block
// nor call the Spine. Started alone is called by Run's goroutine.
type Hooks struct {
	Started   func()                                        // it runs: what needs that (Ask, Pause, WaitIdle) works from now on
	Received  func(actors.Event)                            // a delivery arrived
	Completed func(Completion)                              // an organ has made something of an event
	Settled   func(Result)                                  // that is in the store, and final for the organ
	Acked     func(ev actors.Event, emitted []actors.Event) // with this settlement every organ is finished with the event
	Dead      func(supervision.DeadLetter)                  // a dead letter is in the store
	Note      func(Note)
}

// Completion is one attempt of one organ at one event.
type Completion struct {
	Event   actors.Event
	Organ   string
	Attempt int
	Started time.Time     // of the batch
	Took    time.Duration // the batch's time divided by its items
	Emitted []actors.Event
	Failure *actors.Failure // nil: it succeeded
}

// Result is how an organ has finished with an event.
type Result struct {
	Event   actors.Event
	Organ   string                  // "" for an event that no organ of the service wants
	Emitted []actors.Event          // by the handler, or by OnFailed
	Letter  *supervision.DeadLetter // nil: there is none
	Acked   bool                    // with this every organ is finished with the event
}

// and returns hooks that call those of h and then those of x.
func (h Hooks) and(x Hooks) Hooks {
	return Hooks{
		Started:   bothOf0(h.Started, x.Started),
		Received:  both(h.Received, x.Received),
		Completed: both(h.Completed, x.Completed),
		Settled:   both(h.Settled, x.Settled),
		Acked:     bothOf2(h.Acked, x.Acked),
		Dead:      both(h.Dead, x.Dead),
		Note:      both(h.Note, x.Note),
	}
}

func bothOf0(f, g func()) func() {
	switch {
	case f == nil:
		return g
	case g == nil:
		return f
	default:
		return func() { f(); g() }
	}
}

func both[A any](f, g func(A)) func(A) {
	switch {
	case f == nil:
		return g
	case g == nil:
		return f
	default:
		return func(a A) { f(a); g(a) }
	}
}

func bothOf2[A, B any](f, g func(A, B)) func(A, B) {
	switch {
	case f == nil:
		return g
	case g == nil:
		return f
	default:
		return func(a A, b B) { f(a, b); g(a, b) }
	}
}
