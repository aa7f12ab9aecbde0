package supervision

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/necrostack/necrostack/actors"
)

// DeadLetter is an event an organ could not handle, and why.
type DeadLetter struct {
	ID       string // given by the backend that keeps it, "" before
	Service  string
	Organ    string
	Reason   actors.Kind
	Error    string // fit to be printed, see ClipError
	Attempts int
	Stack    string       // of a panic, else ""; see ClipStack
	First    time.Time    // first failed attempt, UTC
	Last     time.Time    // last failed attempt, UTC
	Event    actors.Event // zero where it cannot be read: see actors.Event.IsZero
}

// NewDeadLetter makes the letter for the event of a failure that is settled as DeadLettered.
func NewDeadLetter(service string, ev actors.Event, f actors.Failure) DeadLetter {
	return DeadLetter{
		Service: service,
		Organ:   f.Organ,
		Reason:  f.Kind,
		// Sprint, because a handler's error may be a typed nil whose Error method panics.
		Error:    ClipError(fmt.Sprint(f.Err)),
		Attempts: f.Attempt,
		Stack:    ClipStack(f.Stack),
		First:    f.First.UTC(),
		Last:     f.Last.UTC(),
		Event:    ev,
	}
}

// Filter chooses dead letters: those that match every field that is set. The zero Filter
// chooses all.
type Filter struct {
	Type   string // of the event
	Organ  string
	Reason actors.Kind
	Key    string    // of the event
	From   time.Time // Last is not before it
	Until  time.Time // Last is before it
	Text   string    // a part of Error, in the same case
}

// Match reports whether f chooses l.
func (f Filter) Match(l DeadLetter) bool {
	switch {
	case f.Organ != "" && f.Organ != l.Organ,
		f.Reason != 0 && f.Reason != l.Reason,
		!f.From.IsZero() && l.Last.Before(f.From),
		!f.Until.IsZero() && !l.Last.Before(f.Until):
		return false
	case f.Type != "" && (l.Event.IsZero() || f.Type != l.Event.Type()),
		f.Key != "" && (l.Event.IsZero() || f.Key != l.Event.Key()):
		return false
	default:
		return strings.Contains(l.Error, f.Text)
	}
}

// Page is a part of a list of dead letters.
type Page struct {
	Letters []DeadLetter
	Next    string // the cursor of the next page, "" when there is none
}

var (
	// ErrNoLetter reports a dead letter that is not there: it never was, or it has been
	// replayed or dropped.
	ErrNoLetter = errors.New("supervision: no such dead letter")
	// ErrLettersFull reports that a backend holds as many dead letters as it may. Events whose
	// letter finds no room are deferred, never lost.
	ErrLettersFull = errors.New("supervision: no room for another dead letter")
)

// Removal takes a dead letter away, and puts events in its place: its replay, and what tells of that.
type Removal struct {
	ID     string         // of the letter
	Events []actors.Event // appended in this order; none delayed. May be empty
}

// DeadLetters is the ability of a backend that keeps dead letters. It writes them in Settle; this is
// how they are read and removed. Implementations are safe for concurrent use.
type DeadLetters interface {
	// Letters returns up to limit letters that match f, oldest first, those after cursor; "" is
	// the beginning. A page may hold fewer, even none, and still have a next. A cursor stays
	// valid while letters come and go: one that is there all the time is listed once, and one that
	// comes after the first page was read is not listed at all.
	Letters(ctx context.Context, f Filter, cursor string, limit int) (Page, error)
	// Letter returns one letter, or an error that wraps ErrNoLetter.
	Letter(ctx context.Context, id string) (DeadLetter, error)
	// Remove removes letters, one after the other, and with each appends its events: both or
	// neither. It returns an error for each, nil where it was done. One that wraps ErrNoLetter says
	// that the letter was not there: of two who remove a letter one gets it. After any other
	// the letter is still there, unless ctx has ended or the backend was closed: then it may be gone,
	// and its events appended.
	Remove(ctx context.Context, rs []Removal) []error
	// Count returns how many letters there are, and how many there may be.
	Count(ctx context.Context) (n, limit int, err error)
}
