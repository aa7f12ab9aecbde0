package spine

import (
	"time"

	"github.com/necrostack/necrostack/actors"
	"github.com/necrostack/necrostack/supervision"
)

// Hooks are optional functions that see what passes through a Spine: the place for metrics and
// tracing adapters. They are called on the Spine's goroutine, in order, and must neither block
// nor call the Spine.
type Hooks struct {
	Received  func(actors.Event)                            // a delivery arrived
	Completed func(Completion)                              // an organ has made something of an event
	Settled   func(ev actors.Event, organ string)           // that is in the store, and final for the organ
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

// and returns hooks that call those of h and then those of x.
func (h Hooks) and(x Hooks) Hooks {
	return Hooks{
		Received:  both(h.Received, x.Received),
		Completed: both(h.Completed, x.Completed),
		Settled:   bothOf2(h.Settled, x.Settled),
		Acked:     bothOf2(h.Acked, x.Acked),
		Dead:      both(h.Dead, x.Dead),
		Note:      both(h.Note, x.Note),
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
