package supervision

import (
	"context"
	"fmt"
	"iter"
	"slices"

	"github.com/necrostack/necrostack/actors"
)

// Desk is where people work with the dead letters of one service. It holds nothing itself and is
// safe for concurrent use, also by several processes: a letter is replayed or
// dropped once, whoever comes first.
type Desk struct {
	letters DeadLetters
	service string
	page    int
}

// DeskOption configures NewDesk.
type DeskOption func(*Desk)

// defaultPage bounds what a page of the largest events takes to some 64 MB.
const defaultPage = 64

// WithPage sets how many letters are asked for at a time, at least 1. Default 64.
func WithPage(letters int) DeskOption {
	return func(d *Desk) { d.page = max(letters, 1) }
}

// NewDesk returns a desk for the letters of a service.
func NewDesk(letters DeadLetters, service string, opts ...DeskOption) *Desk {
	d := &Desk{letters: letters, service: service, page: defaultPage}
	for _, opt := range opts {
		opt(d)
	}
	return d
}

// List yields the letters that match f, oldest first. Letters that come or go meanwhile may be
// missing, no letter is yielded twice. An error is yielded once and ends the list.
func (d *Desk) List(ctx context.Context, f Filter) iter.Seq2[DeadLetter, error] {
	return func(yield func(DeadLetter, error) bool) {
		for cursor := ""; ; {
			page, err := d.letters.Letters(ctx, f, cursor, d.page)
			if err != nil {
				yield(DeadLetter{}, err)
				return
			}
			for _, l := range page.Letters {
				if !yield(l, nil) {
					return
				}
			}
			if cursor = page.Next; cursor == "" {
				return
			}
		}
	}
}

// Show returns one letter; the error wraps ErrNoLetter when there is none of that id.
func (d *Desk) Show(ctx context.Context, id string) (DeadLetter, error) {
	l, err := d.letters.Letter(ctx, id)
	if err != nil {
		return DeadLetter{}, fmt.Errorf("show dead letter %q: %w", id, err)
	}
	return l, nil
}

// Count returns how many letters there are, and how many there may be: at n == limit events wait
// for room.
func (d *Desk) Count(ctx context.Context) (n, limit int, err error) {
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
	l, err := d.letters.Letter(ctx, id)
	if err != nil {
		return actors.ID{}, fmt.Errorf("replay dead letter %q: %w", id, err)
	}
	ev, err := d.again(l, edited)
	if err != nil {
		return actors.ID{}, err
	}
	if err := d.letters.Replay(ctx, id, ev); err != nil {
		return actors.ID{}, fmt.Errorf("replay dead letter %q: %w", id, err)
	}
	return ev.ID(), nil
}

// again makes the event of a replay.
func (d *Desk) again(l DeadLetter, edited actors.Payload) (actors.Event, error) {
	switch {
	case l.Service != d.service:
		return actors.Event{}, fmt.Errorf("replay dead letter %q: it is of service %q, not of %q", l.ID, l.Service, d.service)
	case l.Event.IsZero():
		return actors.Event{}, fmt.Errorf("replay dead letter %q: its event cannot be read", l.ID)
	}
	ev, err := l.Event.Replay(actors.NewID(), d.service, l.Organ, edited)
	if err != nil {
		return actors.Event{}, fmt.Errorf("replay dead letter %q: %w", l.ID, err)
	}
	if edited == nil {
		return ev, nil
	}
	if err := checkEdited(ev, actors.Unwrap(edited)); err != nil {
		return actors.Event{}, fmt.Errorf("replay dead letter %q: %w", l.ID, err)
	}
	return ev, nil
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

// Drop removes letters for good and returns how many of them there were.
func (d *Desk) Drop(ctx context.Context, ids ...string) (int, error) {
	dropped := 0
	for chunk := range slices.Chunk(ids, d.page) {
		n, err := d.letters.Drop(ctx, chunk...)
		dropped += n
		if err != nil {
			return dropped, err
		}
	}
	return dropped, nil
}

// DropAll removes the letters that match f and are there when it begins, and returns how many. With
// dryRun it removes none and returns how many it would have.
func (d *Desk) DropAll(ctx context.Context, f Filter, dryRun bool) (int, error) {
	ids, err := d.ids(ctx, f, 0)
	if err != nil || dryRun {
		return len(ids), err
	}
	return d.Drop(ctx, ids...)
}

// ids returns the ids of the letters that match f, oldest first; at most limit, 0 is all. What
// changes letters goes by such a list and not by the pages: a replay that fails comes back as a new
// letter at the end, and a walk through the pages would meet it again, for ever.
func (d *Desk) ids(ctx context.Context, f Filter, limit int) ([]string, error) {
	var ids []string
	for l, err := range d.List(ctx, f) {
		if err != nil {
			return nil, err
		}
		ids = append(ids, l.ID)
		if len(ids) == limit {
			break
		}
	}
	return ids, nil
}
