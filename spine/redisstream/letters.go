package redisstream

import (
	"context"
	"errors"
	"fmt"

	"github.com/necrostack/necrostack/actors"
	"github.com/necrostack/necrostack/supervision"
)

// What becomes of entries that are no events.
const (
	malformedReason = "undecodable"
	missingReason   = "missing"
)

// lettersAtOnce is how many dead letters one listing looks at, whatever it finds: the page may be short, or empty, and
// have a next.
const lettersAtOnce = 500

// Letters implements supervision.DeadLetters. It reads on from the cursor and never the whole.
func (b *Backend) Letters(ctx context.Context, f supervision.Filter, cursor string, limit int) (supervision.Page, error) {
	key, err := b.letterKey()
	if err != nil {
		return supervision.Page{}, err
	}
	from := "-"
	if cursor != "" {
		id, err := parseID(cursor)
		if err != nil || id.String() != cursor {
			return supervision.Page{}, fmt.Errorf("redisstream: dead letters: cursor is %q", cursor)
		}
		from = "(" + cursor
	}
	limit = max(limit, 1)
	entries, err := b.xrange(ctx, key, from, "+", lettersAtOnce+1)
	if err != nil {
		return supervision.Page{}, err
	}
	var p supervision.Page
	for i, raw := range entries {
		more := i+1 < len(entries)
		if l, err := decodeLetter(raw.id.String(), raw.values); err == nil && f.Match(l) {
			p.Letters = append(p.Letters, l)
		}
		if more && (len(p.Letters) >= limit || i+1 == lettersAtOnce) {
			p.Next = raw.id.String()
			return p, nil
		}
	}
	return p, nil
}

// letterKey is where the letters of the service are.
func (b *Backend) letterKey() (string, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.keys.letters(b.service.Name), b.ready()
}

// xrange reads entries of a stream.
func (b *Backend) xrange(ctx context.Context, key, from, to string, count int) ([]rawEntry, error) {
	reply, err := b.ask(ctx, "XRANGE", key, from, to, "COUNT", count)
	if err != nil {
		return nil, err
	}
	return entriesOf(list(reply)), nil
}

// Letter implements supervision.DeadLetters.
func (b *Backend) Letter(ctx context.Context, id string) (supervision.DeadLetter, error) {
	key, err := b.letterKey()
	if err != nil {
		return supervision.DeadLetter{}, err
	}
	if !isLetterID(id) {
		return supervision.DeadLetter{}, fmt.Errorf("%w: %q", supervision.ErrNoLetter, id)
	}
	entries, err := b.xrange(ctx, key, id, id, 1)
	if err != nil {
		return supervision.DeadLetter{}, err
	}
	if len(entries) == 0 {
		return supervision.DeadLetter{}, fmt.Errorf("%w: %q", supervision.ErrNoLetter, id)
	}
	return decodeLetter(id, entries[0].values)
}

func isLetterID(id string) bool {
	parsed, err := parseID(id)
	return err == nil && parsed.String() == id
}

// Replay implements supervision.DeadLetters.
func (b *Backend) Replay(ctx context.Context, id string, ev actors.Event) error {
	key, err := b.letterKey()
	if err != nil {
		return err
	}
	if ev.IsZero() {
		return errZeroEvent
	}
	if !isLetterID(id) {
		return fmt.Errorf("%w: %q", supervision.ErrNoLetter, id)
	}
	field, entry, err := encodeEntry(ev, b.settings.original)
	if err != nil {
		return err
	}
	target := b.shards[ev.Shard(len(b.shards))]
	// Sent once: repeated after a lost answer it would say that there is no such letter.
	c := &call{script: replayScript, keys: []string{key, target.in, b.keys.load()}, args: []any{id, field, entry}}
	if err := errors.Join(b.once(ctx, c), c.err); err != nil {
		return err
	}
	if number(c.reply) == 0 {
		return fmt.Errorf("%w: %q", supervision.ErrNoLetter, id)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	target.hot = true
	b.broadcast()
	return nil
}

// Drop implements supervision.DeadLetters.
func (b *Backend) Drop(ctx context.Context, ids ...string) (int, error) {
	key, err := b.letterKey()
	if err != nil {
		return 0, err
	}
	words := []any{"XDEL", key}
	for _, id := range ids {
		if isLetterID(id) {
			words = append(words, id)
		}
	}
	if len(words) == 2 {
		return 0, nil
	}
	// Sent once: repeated after a lost answer it would count none.
	c := plain(words...)
	if err := errors.Join(b.once(ctx, c), c.err); err != nil {
		return 0, err
	}
	return int(number(c.reply)), nil
}

// Count implements supervision.DeadLetters.
func (b *Backend) Count(ctx context.Context) (n, limit int, err error) {
	if _, err := b.letterKey(); err != nil {
		return 0, 0, err
	}
	n, err = b.countLetters(ctx)
	return n, b.settings.letters, err
}

func (b *Backend) countLetters(ctx context.Context) (int, error) {
	n, err := b.ask(ctx, "XLEN", b.keys.letters(b.service.Name))
	return int(number(n)), err
}
