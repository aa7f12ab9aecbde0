package supervision

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"reflect"
	"slices"

	"github.com/necrostack/necrostack/actors"
)

// Desk is where people work with the dead letters of one service. It holds nothing itself and is
// safe for concurrent use, also by several processes: a letter is replayed or
// dropped once, whoever comes first.
//
// Whatever a Desk does to a letter it also tells, by an event that is appended in the same step:
// LetterReplayed or LetterDropped. An organ may listen to them; where none does they are acknowledged
// like every event that nobody wants.
//
// A backend keeps the letters of the service that it was opened for. Where these are another service's than the Desk's,
// every method fails and says so.
type Desk struct {
	letters DeadLetters
	service string
	page    int
	who     string
	note    string
}

// DeskOption configures NewDesk.
type DeskOption func(*Desk)

// defaultPage bounds what a page of the largest events takes to some 64 MB.
const defaultPage = 64

// WithPage sets how many letters are asked for at a time, at least 1. Default 64.
func WithPage(letters int) DeskOption {
	return func(d *Desk) { d.page = max(letters, 1) }
}

// ActingAs names who replays and drops, for the events that tell of it. It is clipped as an error's text is.
// Default the user whom the operating system names, or "unknown".
func ActingAs(who string) DeskOption {
	return func(d *Desk) { d.who = ClipError(who) }
}

// Because notes why letters are replayed or dropped, for the events that tell of it. It is clipped as an
// error's text is. Default "".
func Because(note string) DeskOption {
	return func(d *Desk) { d.note = ClipError(note) }
}

// NewDesk returns a desk for the letters of a service, which is that of the Spine that left them: it is part of the
// address of a replay. Without a backend, nil, every method of the desk is an error.
func NewDesk(letters DeadLetters, service string, opts ...DeskOption) *Desk {
	if v := reflect.ValueOf(letters); letters == nil || v.Kind() == reflect.Pointer && v.IsNil() {
		letters = noBackend{fmt.Errorf("supervision: NewDesk for service %q: the backend is nil (%T)", service, letters)}
	}
	d := &Desk{letters: letters, service: service, page: defaultPage}
	return d.With(opts...)
}

// noBackend answers everything with its error.
type noBackend struct{ err error }

func (b noBackend) Letters(context.Context, Filter, string, int) (Page, error) { return Page{}, b.err }

func (b noBackend) Letter(context.Context, string) (DeadLetter, error) { return DeadLetter{}, b.err }

func (b noBackend) Remove(_ context.Context, rs []Removal) []error {
	return slices.Repeat([]error{b.err}, len(rs))
}

func (b noBackend) Count(context.Context) (n, limit int, err error) { return 0, 0, b.err }

// With returns a desk for the same letters with other options: for a person, or for one action.
func (d *Desk) With(opts ...DeskOption) *Desk {
	other := *d
	for _, opt := range opts {
		opt(&other)
	}
	return &other
}

// List yields the letters that match f, oldest first: those that are there when it begins. Letters that
// go meanwhile may be missing, no letter is yielded twice. An error is yielded once and ends the list.
func (d *Desk) List(ctx context.Context, f Filter) iter.Seq2[DeadLetter, error] {
	return func(yield func(DeadLetter, error) bool) {
		for page, err := range d.pages(ctx, f) {
			if err != nil {
				yield(DeadLetter{}, err)
				return
			}
			for _, l := range page {
				if !yield(l, nil) {
					return
				}
			}
		}
	}
}

// pages yields the letters that match f page by page. A replay that fails comes back as a new letter at
// the end: that the list does not go on to it is what lets whoever changes letters walk through it.
func (d *Desk) pages(ctx context.Context, f Filter) iter.Seq2[[]DeadLetter, error] {
	return func(yield func([]DeadLetter, error) bool) {
		if err := d.checkService(ctx); err != nil {
			yield(nil, err)
			return
		}
		for cursor := ""; ; {
			page, err := d.letters.Letters(ctx, f, cursor, d.page)
			if !yield(page.Letters, err) || err != nil || page.Next == "" {
				return
			}
			cursor = page.Next
		}
	}
}

// checkService looks at one letter for all: a backend has those of one service, and does not tell its name.
func (d *Desk) checkService(ctx context.Context) error {
	page, err := d.letters.Letters(ctx, Filter{}, "", 1)
	if err != nil {
		return err
	}
	for _, l := range page.Letters {
		if err := d.owns(l); err != nil {
			return fmt.Errorf("dead letter %q: %w", l.ID, err)
		}
	}
	return nil
}

func (d *Desk) owns(l DeadLetter) error {
	if l.Service != d.service {
		return fmt.Errorf("it is of service %q, not of %q", l.Service, d.service)
	}
	return nil
}

// letter returns a letter of the Desk's own service.
func (d *Desk) letter(ctx context.Context, id string) (DeadLetter, error) {
	l, err := d.letters.Letter(ctx, id)
	if err == nil {
		err = d.owns(l)
	}
	if err != nil {
		return DeadLetter{}, err
	}
	return l, nil
}

// Show returns one letter; the error wraps ErrNoLetter when there is none of that id.
func (d *Desk) Show(ctx context.Context, id string) (DeadLetter, error) {
	l, err := d.letter(ctx, id)
	if err != nil {
		return DeadLetter{}, fmt.Errorf("show dead letter %q: %w", id, err)
	}
	return l, nil
}

// Count returns how many letters there are, and how many there may be: at n == limit events wait
// for room.
func (d *Desk) Count(ctx context.Context) (n, limit int, err error) {
	if err := d.checkService(ctx); err != nil {
		return 0, 0, err
	}
	return d.letters.Count(ctx)
}

// Replay publishes a letter's event again, for the organ that failed alone, and removes the
// letter, in one step. It returns the id of the new event, which names the old one in
// its metadata (actors.MetaReplayOf).
//
// edited, when not nil, takes the place of the payload: of the same event type and key, and
// valid; what With says about it does not count. The error wraps ErrNoLetter when the letter
// is not there, or not there any more.
func (d *Desk) Replay(ctx context.Context, id string, edited actors.Payload) (actors.ID, error) {
	l, err := d.letter(ctx, id)
	if err != nil {
		return actors.ID{}, fmt.Errorf("replay dead letter %q: %w", id, err)
	}
	r, err := d.again(l, edited)
	if err == nil {
		err = d.letters.Remove(ctx, []Removal{r})[0]
	}
	if err != nil {
		return actors.ID{}, fmt.Errorf("replay dead letter %q: %w", id, err)
	}
	return r.Events[0].ID(), nil
}

// again makes the removal of a letter for the event of its replay, and for the one that tells of it.
func (d *Desk) again(l DeadLetter, edited actors.Payload) (Removal, error) {
	if l.Event.IsZero() {
		return Removal{}, errors.New("its event cannot be read")
	}
	ev, err := l.Event.Replay(actors.NewID(), d.service, l.Organ, edited)
	if err != nil {
		return Removal{}, err
	}
	if edited != nil {
		if err := checkEdited(ev, actors.Unwrap(edited)); err != nil {
			return Removal{}, err
		}
	}
	audit, err := d.audit(l, LetterReplayed{LetterAction: d.action(l), NewEvent: ev.ID().String(), Edited: edited != nil})
	return Removal{ID: l.ID, Events: []actors.Event{ev, audit}}, err
}

// checkEdited finds at the desk what Event.Replay lets pass and would be a dead letter at once.
func checkEdited(ev actors.Event, edited actors.Payload) error {
	if k, ok := edited.(actors.KeyedPayload); ok && k.EventKey() != ev.Key() {
		// The replay stays in its shard and its cell, which know it by the old key.
		return fmt.Errorf("the edited %s has key %q, the event has %q", ev.Type(), k.EventKey(), ev.Key())
	}
	_, _, err := ev.Data()
	return err
}

// Drop removes letters for good and returns how many of them there were. An error ends it; it tells
// of one letter, and what was dropped before is counted.
func (d *Desk) Drop(ctx context.Context, ids ...string) (int, error) {
	dropped := 0
	for chunk := range slices.Chunk(ids, d.page) {
		ls, err := d.find(ctx, chunk)
		if err != nil {
			return dropped, err
		}
		n, err := d.drop(ctx, ls)
		dropped += n
		if err != nil {
			return dropped, err
		}
	}
	return dropped, nil
}

// find returns those of the letters that are there.
func (d *Desk) find(ctx context.Context, ids []string) ([]DeadLetter, error) {
	var ls []DeadLetter
	for _, id := range ids {
		switch l, err := d.letter(ctx, id); {
		case err == nil:
			ls = append(ls, l)
		case !errors.Is(err, ErrNoLetter):
			return nil, fmt.Errorf("drop dead letter %q: %w", id, err)
		}
	}
	return ls, nil
}

// drop removes letters and returns how many were still there, and the first error.
func (d *Desk) drop(ctx context.Context, ls []DeadLetter) (dropped int, first error) {
	rs := make([]Removal, len(ls))
	for i, l := range ls {
		audit, err := d.audit(l, LetterDropped{d.action(l)})
		if err != nil {
			return 0, fmt.Errorf("drop dead letter %q: %w", l.ID, err)
		}
		rs[i] = Removal{ID: l.ID, Events: []actors.Event{audit}}
	}
	for i, err := range d.letters.Remove(ctx, rs) {
		switch {
		case err == nil:
			dropped++
		case first == nil && !errors.Is(err, ErrNoLetter):
			first = fmt.Errorf("drop dead letter %q: %w", rs[i].ID, err)
		}
	}
	return dropped, first
}

// DropAll removes the letters that match f and are there when it begins, and returns how many. With
// dryRun it removes none and returns how many it would have.
func (d *Desk) DropAll(ctx context.Context, f Filter, dryRun bool) (int, error) {
	dropped := 0
	for page, err := range d.pages(ctx, f) {
		n := len(page)
		if err == nil && !dryRun {
			n, err = d.drop(ctx, page)
		}
		dropped += n
		if err != nil {
			return dropped, err
		}
	}
	return dropped, nil
}
