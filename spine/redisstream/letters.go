package redisstream

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/necrostack/necrostack/spine"
	"github.com/necrostack/necrostack/supervision"
)

// What becomes of entries that are no events.
const (
	malformedReason = "undecodable"
	missingReason   = "missing"
)

// How many dead letters one listing looks at, whatever it finds: the page may be short, or empty, and have a next. Where
// few match it reads so many at a time, which bounds what it holds.
const (
	lettersAtOnce = 512
	lettersPerAsk = 64
)

// letterCursor is where a list goes on, and where it ends: with the last letter that was there when it began.
type letterCursor struct{ last, end streamID }

func (c letterCursor) String() string { return c.last.String() + "/" + c.end.String() }

func parseLetterCursor(text string) (c letterCursor, err error) {
	last, end, _ := strings.Cut(text, "/")
	var errs [2]error
	c.last, errs[0] = parseID(last)
	c.end, errs[1] = parseID(end)
	if errors.Join(errs[:]...) != nil || c.String() != text {
		return c, fmt.Errorf("redisstream: dead letters: cursor is %q", text)
	}
	return c, nil
}

// serviceLetters are the dead letters of one service of a store.
type serviceLetters struct {
	b       *Backend
	service string
}

// LettersOf returns the dead letters of a service of the store, whoever serves it, if anybody does: for operators. It
// may be called before Open. What its Count tells as the limit is this Backend's own, see WithLetterLimit.
func (b *Backend) LettersOf(service string) supervision.DeadLetters {
	return serviceLetters{b, service}
}

// ownLetters are those of the service that is served here.
func (b *Backend) ownLetters() (serviceLetters, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return serviceLetters{b, b.service.Name}, b.ready()
}

// Letters implements supervision.DeadLetters.
func (b *Backend) Letters(ctx context.Context, f supervision.Filter, cursor string, limit int) (supervision.Page, error) {
	own, err := b.ownLetters()
	if err != nil {
		return supervision.Page{}, err
	}
	return own.Letters(ctx, f, cursor, limit)
}

// Letter implements supervision.DeadLetters.
func (b *Backend) Letter(ctx context.Context, id string) (supervision.DeadLetter, error) {
	own, err := b.ownLetters()
	if err != nil {
		return supervision.DeadLetter{}, err
	}
	return own.Letter(ctx, id)
}

// Count implements supervision.DeadLetters.
func (b *Backend) Count(ctx context.Context) (n, limit int, err error) {
	own, err := b.ownLetters()
	if err != nil {
		return 0, 0, err
	}
	return own.Count(ctx)
}

// key is where they are.
func (l serviceLetters) key() string { return l.b.keys.letters(l.service) }

// Letters implements supervision.DeadLetters. It reads on from the cursor and never the whole.
func (l serviceLetters) Letters(ctx context.Context, f supervision.Filter, cursor string, limit int) (supervision.Page, error) {
	at, err := l.cursor(ctx, cursor)
	if err != nil {
		return supervision.Page{}, err
	}
	limit = max(limit, 1)
	var p supervision.Page
	count := min(limit, lettersAtOnce)
	for looked := 0; at.last.before(at.end); looked += count {
		if looked >= lettersAtOnce || len(p.Letters) == limit {
			p.Next = at.String()
			return p, nil
		}
		if looked > 0 {
			count = lettersPerAsk
		}
		entries, err := l.b.xrange(ctx, l.key(), "("+at.last.String(), at.end.String(), count)
		if err != nil {
			return supervision.Page{}, err
		}
		full := at.read(&p, l.service, entries, f, limit)
		if len(entries) < count && !full {
			return p, nil
		}
	}
	return p, nil
}

// cursor reads a cursor; "" is a new list.
func (l serviceLetters) cursor(ctx context.Context, cursor string) (letterCursor, error) {
	if cursor != "" {
		return parseLetterCursor(cursor)
	}
	reply, err := l.b.ask(ctx, "XREVRANGE", l.key(), "+", "-", "COUNT", 1)
	if err != nil {
		return letterCursor{}, err
	}
	var c letterCursor
	for _, raw := range entriesOf(list(reply)) {
		c.end = raw.id
	}
	return c, nil
}

// read adds the letters that match f to a page, and reports whether it is full.
func (c *letterCursor) read(p *supervision.Page, service string, entries []rawEntry, f supervision.Filter, limit int) (full bool) {
	for _, raw := range entries {
		c.last = raw.id
		if l := readLetter(service, raw); f.Match(l) {
			p.Letters = append(p.Letters, l)
		}
		if len(p.Letters) == limit {
			return true
		}
	}
	return false
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
func (l serviceLetters) Letter(ctx context.Context, id string) (supervision.DeadLetter, error) {
	if !isLetterID(id) {
		return supervision.DeadLetter{}, noLetter(id)
	}
	entries, err := l.b.xrange(ctx, l.key(), id, id, 1)
	if err != nil {
		return supervision.DeadLetter{}, err
	}
	if len(entries) == 0 {
		return supervision.DeadLetter{}, noLetter(id)
	}
	return readLetter(l.service, entries[0]), nil
}

func isLetterID(id string) bool {
	parsed, err := parseID(id)
	return err == nil && parsed.String() == id
}

func noLetter(id string) error { return fmt.Errorf("%w: %q", supervision.ErrNoLetter, id) }

// Count implements supervision.DeadLetters.
func (l serviceLetters) Count(ctx context.Context) (n, limit int, err error) {
	n, err = l.count(ctx)
	return n, l.b.settings.letters, err
}

func (l serviceLetters) count(ctx context.Context) (int, error) {
	n, err := l.b.ask(ctx, "XLEN", l.key())
	if err != nil && classOf(err) == classAnswered {
		err = fmt.Errorf("%w: key %q: %w", spine.ErrStoreLost, l.key(), err)
	}
	return int(number(n)), err
}
