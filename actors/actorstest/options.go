package actorstest

import (
	"context"
	"time"

	"github.com/necrostack/necrostack/actors"
)

// T is what the helpers need of a test. *testing.T, *testing.B, *testing.F and *rapid.T have
// it. Fatalf must not return.
type T interface {
	Helper()
	Context() context.Context
	Fatalf(format string, args ...any)
}

// Option says something about one event or its handling.
type Option func(*setting)

type setting struct {
	at      time.Time // zero: the stage's own time
	attempt int
	parent  actors.Event
	key     []actors.Decoration
	ctx     context.Context
}

func settingOf(t T, opts []Option) setting {
	s := setting{attempt: 1, ctx: t.Context()}
	for _, o := range opts {
		o(&s)
	}
	return s
}

// At makes the event at a moment of the test's choice.
func At(at time.Time) Option { return func(s *setting) { s.at = at } }

// Attempt makes it the nth attempt, 1 for the first; see actors.Attempt. Keyed organs
// have no attempts.
func Attempt(n int) Option { return func(s *setting) { s.attempt = n } }

// Parent makes the event an emission of ev, with its correlation and metadata.
func Parent(ev actors.Event) Option { return func(s *setting) { s.parent = ev } }

// Key gives the event a key, over the one its payload names.
func Key(key string) Option {
	return func(s *setting) { s.key = []actors.Decoration{actors.Key(key)} }
}

// Context is what a handler gets, instead of the test's own: to carry values, or an end.
func Context(ctx context.Context) Option { return func(s *setting) { s.ctx = ctx } }
