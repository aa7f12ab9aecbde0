package backendtest

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/necrostack/necrostack/actors"
	"github.com/necrostack/necrostack/spine"
)

// The events of the suite.
type note struct {
	Key  string `json:"key"`
	Text string `json:"text"`
}

func (note) EventType() string  { return "NOTE" }
func (n note) EventKey() string { return n.Key }

type memo struct {
	Text string `json:"text"`
}

func (memo) EventType() string { return "MEMO" }

// spam is what no organ of the suite listens to.
type spam struct{}

func (spam) EventType() string { return "SPAM" }

const (
	soon  = 10 * time.Second      // longer than anything takes that is to happen at once
	quiet = 20 * time.Millisecond // how long nothing is to happen
	lots  = 1 << 30               // bytes
)

// suite is what a part works with: a store, and owners of services on it.
type suite struct {
	*testing.T
	open    func(c Config) Store
	store   Store
	stamper *actors.Stamper
}

func newSuite(t *testing.T, h Harness) *suite {
	s := &suite{T: t, stamper: actors.NewStamper(actors.StamperOptions{Service: "suite"})}
	s.open = func(c Config) Store {
		s.store = h.Open(t, c)
		return s.store
	}
	return s
}

// organ listens to NOTE; its name may be followed by further types.
func organ(name string, types ...string) spine.OrganSpec {
	return spine.OrganSpec{Name: name, Types: append([]string{"NOTE"}, types...)}
}

// ordered is an organ that gets the events of a key in order.
func ordered(name string) spine.OrganSpec {
	o := organ(name)
	o.Ordered = true
	return o
}

// keyed is an organ with state.
func keyed(name string) spine.OrganSpec {
	o := ordered(name)
	o.Keyed = true
	return o
}

// serve opens a store with the service "svc" of these organs.
func (s *suite) serve(organs ...spine.OrganSpec) *owner {
	s.open(Config{})
	return s.own("svc", organs...)
}

// soon is a context for what must not take long.
func (s *suite) soon() context.Context {
	ctx, stop := context.WithTimeout(s.Context(), soon)
	s.Cleanup(stop)
	return ctx
}

// event makes an event that is not published.
func (s *suite) event(p actors.Payload) actors.Event {
	s.Helper()
	ev, err := s.stamper.Root(p, s.store.Now())
	require.NoError(s, err)
	return ev
}

// note makes a NOTE with a key.
func (s *suite) note(key, text string) actors.Event { return s.event(note{key, text}) }

// memo makes an event without a key, that only organs with the further type MEMO get.
func (s *suite) memo(text string) actors.Event { return s.event(memo{text}) }

// text is what tells the suite's events apart.
func text(ev actors.Event) string {
	switch ev.Type() {
	case note{}.EventType():
		if n, err := actors.Decode[note](ev); err == nil {
			return n.Text
		}
	case memo{}.EventType():
		if m, err := actors.Decode[memo](ev); err == nil {
			return m.Text
		}
	}
	return ev.Type()
}

func texts(ds []spine.Delivery) []string {
	all := []string{}
	for _, d := range ds {
		all = append(all, text(d.Event))
	}
	return all
}

// expect requires deliveries with these texts, in any order.
func (s *suite) expect(ds []spine.Delivery, want ...string) {
	s.Helper()
	require.ElementsMatch(s, want, texts(ds))
}

// same requires that two readings of an event tell the same.
func (s *suite) same(want, got actors.Event) {
	s.Helper()
	for _, f := range []struct {
		name      string
		want, got any
	}{
		{"id", want.ID(), got.ID()},
		{"time", want.Time(), got.Time()},
		{"type", want.Type(), got.Type()},
		{"key", want.Key(), got.Key()},
		{"has key", want.HasKey(), got.HasKey()},
		{"correlation", want.Correlation(), got.Correlation()},
		{"causation", want.Causation(), got.Causation()},
		{"hops", want.Hops(), got.Hops()},
		{"due", want.Due(), got.Due()},
		{"traceparent", want.Traceparent(), got.Traceparent()},
		{"meta", want.MetaAll(), got.MetaAll()},
		{"only", want.Only(), got.Only()},
	} {
		assert.Equal(s, f.want, f.got, f.name)
	}
	wantData, wantEncoding, err := want.Data()
	require.NoError(s, err)
	gotData, gotEncoding, err := got.Data()
	require.NoError(s, err)
	assert.Equal(s, string(wantData), string(gotData), "payload")
	assert.Equal(s, wantEncoding, gotEncoding, "encoding")
}
