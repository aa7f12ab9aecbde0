package supervision_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/necrostack/necrostack/actors"
	"github.com/necrostack/necrostack/supervision"
)

// memory keeps dead letters for the tests of a Desk. Ids are numbers that grow.
type memory struct {
	mu       sync.Mutex
	letters  []supervision.DeadLetter
	last     int
	appended []actors.Event
	failing  map[string]error         // what Replay answers for an id
	onReplay func(actors.Event) error // called before a replay takes place, without the lock

	drops, dropsUntilError int // calls of Drop, and how many go well; 0 is all
}

var _ supervision.DeadLetters = (*memory)(nil)

func (m *memory) add(l supervision.DeadLetter) string {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.last++
	l.ID = strconv.Itoa(m.last)
	m.letters = append(m.letters, l)
	return l.ID
}

func (m *memory) Letters(ctx context.Context, f supervision.Filter, cursor string, limit int) (supervision.Page, error) {
	if err := ctx.Err(); err != nil {
		return supervision.Page{}, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	after, _ := strconv.Atoi(cursor)
	var page supervision.Page
	seen := 0
	for _, l := range m.letters {
		id, _ := strconv.Atoi(l.ID)
		if id <= after {
			continue
		}
		if seen == limit {
			return page, nil
		}
		seen++
		// The filter is applied to what is looked at, so that pages come out short and empty.
		if f.Match(l) {
			page.Letters = append(page.Letters, l)
		}
		page.Next = l.ID
	}
	page.Next = ""
	return page, nil
}

func (m *memory) find(id string) (int, error) {
	i := slices.IndexFunc(m.letters, func(l supervision.DeadLetter) bool { return l.ID == id })
	if i < 0 {
		return 0, fmt.Errorf("memory: %w", supervision.ErrNoLetter)
	}
	return i, nil
}

func (m *memory) Letter(ctx context.Context, id string) (supervision.DeadLetter, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	i, err := m.find(id)
	if err != nil {
		return supervision.DeadLetter{}, err
	}
	return m.letters[i], ctx.Err()
}

func (m *memory) Replay(_ context.Context, id string, ev actors.Event) error {
	if m.onReplay != nil {
		if err := m.onReplay(ev); err != nil {
			return err
		}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.failing[id]; err != nil {
		return err
	}
	i, err := m.find(id)
	if err != nil {
		return err
	}
	m.letters = slices.Delete(m.letters, i, i+1)
	m.appended = append(m.appended, ev)
	return nil
}

func (m *memory) Drop(ctx context.Context, ids ...string) (int, error) {
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.drops++; m.dropsUntilError > 0 && m.drops > m.dropsUntilError {
		return 0, errors.New("memory: gone")
	}
	before := len(m.letters)
	m.letters = slices.DeleteFunc(m.letters, func(l supervision.DeadLetter) bool { return slices.Contains(ids, l.ID) })
	return before - len(m.letters), nil
}

func (m *memory) Count(ctx context.Context) (n, limit int, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.letters), 100, ctx.Err()
}

// left returns the ids of the letters that are still there.
func (m *memory) left() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	ids := []string{}
	for _, l := range m.letters {
		ids = append(ids, l.ID)
	}
	return ids
}

type mailRequested struct {
	User string `json:"user"`
	Text string `json:"text"`
}

func (mailRequested) EventType() string  { return "MAIL_REQUESTED" }
func (m mailRequested) EventKey() string { return m.User }

func (m mailRequested) Validate() error {
	if m.Text == "" {
		return fmt.Errorf("text is %q", m.Text)
	}
	return nil
}

func mailEvent(t testing.TB, user, text string) actors.Event {
	t.Helper()
	stamper := actors.NewStamper(actors.StamperOptions{Service: "notify"})
	ev, err := stamper.Root(mailRequested{user, text}, epoch)
	require.NoError(t, err)
	return ev
}

// letter makes a dead letter of the mailer for a mail to user, the n-th minute after epoch.
func letter(t testing.TB, n int, user string) supervision.DeadLetter {
	t.Helper()
	at := epoch.Add(time.Duration(n) * time.Minute)
	return supervision.NewDeadLetter("notify", mailEvent(t, user, "hello"), actors.Failure{
		Organ: "mailer", Kind: actors.KindError, Err: fmt.Errorf("smtp %d: mailbox full", 450+n), Attempt: 5, First: epoch, Last: at,
	})
}

// deskOf returns a desk that asks for two letters at a time, with a letter for each user.
func deskOf(t *testing.T, users ...string) (*supervision.Desk, *memory) {
	t.Helper()
	m := &memory{failing: map[string]error{}}
	for i, user := range users {
		m.add(letter(t, i+1, user))
	}
	return supervision.NewDesk(m, "notify", supervision.WithPage(2)), m
}
