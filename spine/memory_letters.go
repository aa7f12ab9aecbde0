package spine

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/necrostack/necrostack/actors"
	"github.com/necrostack/necrostack/supervision"
)

// memoryLetters holds the dead letters of a service, oldest first. A letter's ID is its
// number in decimal.
type memoryLetters struct {
	limit int
	last  uint64 // number given last
	held  []*memoryLetter
}

type memoryLetter struct {
	number uint64
	letter supervision.DeadLetter
}

func (l *memoryLetters) full() bool { return len(l.held) >= l.limit }

func (l *memoryLetters) add(letter supervision.DeadLetter) {
	l.last++
	letter.ID = strconv.FormatUint(l.last, 10)
	l.held = append(l.held, &memoryLetter{l.last, letter})
}

// after is the index of the first letter with a number above n.
func (l *memoryLetters) after(n uint64) int {
	i, found := slices.BinarySearchFunc(l.held, n, func(x *memoryLetter, n uint64) int { return cmp.Compare(x.number, n) })
	if found {
		i++
	}
	return i
}

// find returns the index of a letter, or an error that wraps ErrNoLetter.
func (l *memoryLetters) find(id string) (int, error) {
	n, err := strconv.ParseUint(id, 10, 64)
	if i := l.after(n) - 1; err == nil && i >= 0 && l.held[i].letter.ID == id {
		return i, nil
	}
	return 0, fmt.Errorf("%w: %q", supervision.ErrNoLetter, id)
}

func (l *memoryLetters) remove(i int) { l.held = slices.Delete(l.held, i, i+1) }

// page collects letters with numbers above after, up to until.
func (l *memoryLetters) page(f supervision.Filter, after, until uint64, limit int) supervision.Page {
	var p supervision.Page
	end := l.after(until)
	for i := l.after(after); i < end; i++ {
		if !f.Match(l.held[i].letter) {
			continue
		}
		p.Letters = append(p.Letters, l.held[i].letter)
		if len(p.Letters) >= limit && i+1 < end {
			p.Next = fmt.Sprintf("%d/%d", l.held[i].number, until)
			return p
		}
	}
	return p
}

// Letters implements supervision.DeadLetters. A limit below 1 is 1. A cursor is the number of the last letter seen, and
// of the one the list ends with.
func (m *Memory) Letters(_ context.Context, f supervision.Filter, cursor string, limit int) (supervision.Page, error) {
	m.stream.mu.Lock()
	defer m.stream.mu.Unlock()
	s, err := m.serving(m.term)
	if err != nil {
		return supervision.Page{}, err
	}
	after, until := uint64(0), s.letters.last
	if cursor != "" {
		first, last, _ := strings.Cut(cursor, "/")
		var errs [2]error
		after, errs[0] = strconv.ParseUint(first, 10, 64)
		until, errs[1] = strconv.ParseUint(last, 10, 64)
		if errors.Join(errs[:]...) != nil {
			return supervision.Page{}, fmt.Errorf("spine: dead letters: cursor is %q", cursor)
		}
	}
	return s.letters.page(f, after, until, limit), nil
}

// Letter implements supervision.DeadLetters.
func (m *Memory) Letter(_ context.Context, id string) (supervision.DeadLetter, error) {
	m.stream.mu.Lock()
	defer m.stream.mu.Unlock()
	s, err := m.serving(m.term)
	if err != nil {
		return supervision.DeadLetter{}, err
	}
	i, err := s.letters.find(id)
	if err != nil {
		return supervision.DeadLetter{}, err
	}
	return s.letters.held[i].letter, nil
}

// Remove implements supervision.DeadLetters.
func (m *Memory) Remove(_ context.Context, rs []supervision.Removal) []error {
	m.stream.mu.Lock()
	defer m.stream.mu.Unlock()
	answers := make([]error, len(rs))
	for i, r := range rs {
		answers[i] = m.remove(r)
	}
	return answers
}

// remove is Remove for one letter. The lock must be held.
func (m *Memory) remove(r supervision.Removal) error {
	s, err := m.serving(m.term)
	if err != nil {
		return err
	}
	if slices.ContainsFunc(r.Events, actors.Event.IsZero) {
		return errZeroEvent
	}
	i, err := s.letters.find(r.ID)
	if err != nil {
		return err
	}
	s.letters.remove(i)
	m.stream.append(r.Events, m.stream.now())
	return nil
}

// Count implements supervision.DeadLetters.
func (m *Memory) Count(context.Context) (n, limit int, err error) {
	m.stream.mu.Lock()
	defer m.stream.mu.Unlock()
	s, err := m.serving(m.term)
	if err != nil {
		return 0, 0, err
	}
	return len(s.letters.held), s.letters.limit, nil
}
