package supervision

import (
	"fmt"
	"time"

	"github.com/necrostack/necrostack/actors"
)

// Action is what becomes of an event after a failed attempt.
type Action uint8

// The actions. Logged and DeadLettered settle the event for this organ for good.
const (
	Again        Action = iota + 1 // another attempt
	Logged                         // a line in the log is all that is left
	DeadLettered                   // the event is kept as a dead letter
)

var actionNames = [...]string{Again: "again", Logged: "logged", DeadLettered: "dead_lettered"}

// String returns "again", "logged" or "dead_lettered".
func (a Action) String() string {
	if a >= Again && a <= DeadLettered {
		return actionNames[a]
	}
	return fmt.Sprintf("action(%d)", uint8(a))
}

// Verdict is the decision for one failure.
type Verdict struct {
	Action Action
	After  time.Duration // with Again: how long to wait, 0 for at once
	// Redelivery marks an Again that Nack grants after the attempts were used up.
	Redelivery bool
}

// Judge decides what becomes of an event whose attempt failed with f; the table is in the package
// comment. keyed tells a cell from a stateless organ; rnd is random in [0,1). It is a pure function
// and may be called from anywhere.
//
// p must have its defaults (Policies.For, WithDefaults). An Exhausted that is none of the three
// strategies is taken for Store: a mistake in the rule must not lose the event.
func (p Policy) Judge(f actors.Failure, keyed bool, rnd float64) Verdict {
	switch {
	case neverForgotten(f.Kind):
		return Verdict{Action: DeadLettered}
	case f.Kind.Permanent(), keyed && f.Kind == actors.KindError:
		// A Step is deterministic: its error would only come again.
		return Verdict{Action: p.settled()}
	case keyed && f.Kind == actors.KindPanic:
		// So would its panic, unless the cell it met was broken: the one retry meets a cell
		// that was recovered from the store, and there is nothing to wait for.
		if f.Attempt <= 1 && p.Retry.Attempts > 1 {
			return Verdict{Action: Again}
		}
		return p.exhausted(f, rnd)
	case f.Attempt >= p.Retry.Attempts:
		return p.exhausted(f, rnd)
	case f.After > 0:
		return Verdict{Action: Again, After: f.After}
	default:
		return Verdict{Action: Again, After: p.Retry.Backoff.Delay(f.Attempt, rnd)}
	}
}

// neverForgotten reports failures that even Log keeps: Log is a choice about the errors of an
// organ, and these are about what surrounds it.
func neverForgotten(k actors.Kind) bool {
	switch k {
	case actors.KindHops, actors.KindCrash, actors.KindQuarantine, actors.KindEnqueue:
		return true
	default:
		return false
	}
}

// exhausted is the verdict when the attempts are used up.
func (p Policy) exhausted(f actors.Failure, rnd float64) Verdict {
	if p.Exhausted == Nack && f.Attempt < p.MaxDeliveries {
		return Verdict{Action: Again, After: p.Retry.Backoff.longest(rnd), Redelivery: true}
	}
	return Verdict{Action: p.settled()}
}

// settled is how an event ends when nothing is tried any more.
func (p Policy) settled() Action {
	if p.Exhausted == Log {
		return Logged
	}
	return DeadLettered
}
