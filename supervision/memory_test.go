package supervision_test

import (
	"context"
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
	most     int            // letters asked for at once
	appended []actors.Event // but for those that tell of what was done
	told     []actors.Event
	removals []int                    // how many each Remove was asked for
	failing  map[string]error         // what Remove answers for an id
	onReplay func(actors.Event) error // called before a replay takes place, without the lock
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

// Letters keeps in the cursor where the list ends.
func (m *memory) Letters(ctx context.Context, f supervision.Filter, cursor string, limit int) (supervision.Page, error) {
	if err := ctx.Err(); err != nil {
		return supervision.Page{}, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.most = max(m.most, limit)
	after, until := 0, m.last
	if cursor != "" {
		if _, err := fmt.Sscanf(cursor, "%d of %d", &after, &until); err != nil {
			return supervision.Page{}, err
		}
	}
	var page supervision.Page
	seen := 0
	for _, l := range m.letters {
		id, _ := strconv.Atoi(l.ID)
		if id <= after || id > until {
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
		page.Next = fmt.Sprintf("%d of %d", id, until)
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

func (m *memory) Remove(ctx context.Context, rs []supervision.Removal) []error {
	m.mu.Lock()
	m.removals = append(m.removals, len(rs))
	m.mu.Unlock()
	answers := make([]error, len(rs))
	for i, r := range rs {
		if answers[i] = ctx.Err(); answers[i] == nil {
			answers[i] = m.remove(r)
		}
	}
	return answers
}

func (m *memory) remove(r supervision.Removal) error {
	replay := len(r.Events) == 2
	if replay && m.onReplay != nil {
		if err := m.onReplay(r.Events[0]); err != nil {
			return err
		}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.failing[r.ID]; err != nil {
		return err
	}
	i, err := m.find(r.ID)
	if err != nil {
		return err
	}
	m.letters = slices.Delete(m.letters, i, i+1)
	if replay {
		m.appended = append(m.appended, r.Events[0])
	}
	m.told = append(m.told, r.Events[len(r.Events)-1])
	return nil
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
