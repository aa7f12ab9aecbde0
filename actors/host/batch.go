package host

import (
	"time"

	"github.com/necrostack/necrostack/actors"
	"github.com/necrostack/necrostack/persistence"
)

// Batch is the unit of work: what a lane is given at once, and what it made of it. The
// owner fills Items and sends it with Lane.Run; the lane fills the rest and hands the batch to
// OrganConfig.Deliver, exactly once. Between the two it belongs to the lane.
type Batch struct {
	Items    []Item
	Outcomes []Outcome // same length and order as Items

	Lane    *Lane
	Started time.Time
	Ended   time.Time
	// Down says that the lane takes no further batch until a LaneReady Notice: it is being
	// restarted after a panic, replaced after a timeout, or stopped. Items it did not begin are Undone.
	Down bool
	// Abandoned says that a stuck handler may still hold on to this batch: it must not be
	// used again, not even Reset.
	Abandoned bool
	// Problem is why no item could be begun: the cells' store did not answer, or the worker
	// has no instance to run them with.
	Problem error
}

// Item is one event for one organ.
type Item struct {
	Event   actors.Event
	Attempt int32  // 1 for the first
	Ref     uint32 // the owner's own
	// Failed, when not nil, asks for OnFailed instead of a handling.
	Failed *actors.Failure
}

// ofCell reports whether a keyed organ needs a cell for it.
func (it *Item) ofCell() bool { return it.Failed == nil && it.Event.HasKey() }

// Outcome is what became of an item.
type Outcome struct {
	Code    OutcomeCode
	Emitted []actors.Event
	Failure *actors.Failure     // Failed
	Change  *persistence.Change // Handled, by a cell
}

// OutcomeCode is the kind of an Outcome.
type OutcomeCode uint8

// The outcomes of an item.
const (
	Handled     OutcomeCode = iota
	Failed                  // see Failure
	Undone                  // not begun: the lane stopped before it
	Held                    // not begun: an earlier event of its key failed in this batch
	Interrupted             // ended by shutdown: no attempt
)

// Reset empties b for another use.
func (b *Batch) Reset() {
	clear(b.Items)
	clear(b.Outcomes)
	*b = Batch{Items: b.Items[:0], Outcomes: b.Outcomes[:0]}
}

// begin prepares the slice for the outcomes.
func (b *Batch) begin(now time.Time) {
	b.Started = now
	if cap(b.Outcomes) < len(b.Items) {
		b.Outcomes = make([]Outcome, 0, max(len(b.Items), cap(b.Items)))
	}
	b.Outcomes = b.Outcomes[:0]
}

// rest gives every item that has no outcome yet the code.
func (b *Batch) rest(code OutcomeCode) {
	for len(b.Outcomes) < len(b.Items) {
		b.Outcomes = append(b.Outcomes, Outcome{Code: code})
	}
}

// refuse implements request: the lane has ended before it came to b.
func (b *Batch) refuse(l *Lane, _ error) {
	b.begin(clock())
	b.rest(Undone)
	b.Ended, b.Down = b.Started, true
	l.organ.config.Deliver(b)
}
