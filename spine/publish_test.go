package spine_test

import (
	"encoding/json"
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/necrostack/necrostack/actors"
	"github.com/necrostack/necrostack/persistence"
	"github.com/necrostack/necrostack/spine"
	"github.com/necrostack/necrostack/spine/spinetest"
	"github.com/necrostack/necrostack/supervision"
)

// named is a payload whose type is its content: not what a payload should be.
type named string

func (n named) EventType() string { return string(n) }

type number struct{ X float64 }

func (number) EventType() string { return "NUMBER" }

type channel struct{ C chan int }

func (channel) EventType() string { return "CHANNEL" }

func TestPublishRefusesWhatIsNoEvent(t *testing.T) {
	t.Parallel()
	var nilPing *ping
	for name, c := range map[string]struct {
		payload actors.Payload
		is      error  // or
		text    string // in the error
	}{
		"Nil":             {nil, nil, "payload is nil"},
		"NilPointer":      {nilPing, nil, "nil"},
		"EmptyType":       {named(""), actors.ErrName, "event type is empty"},
		"TypeOfBlanks":    {named("  "), actors.ErrName, "event type is empty"},
		"UnsafeType":      {named("A B"), actors.ErrName, `"A B"`},
		"EmptyKey":        {deposit{"", 1}, actors.ErrName, "EventKey() returned an empty string"},
		"UnsafeKey":       {deposit{"a b", 1}, actors.ErrName, `"a b"`},
		"Invalid":         {graded{-1}, nil, "n is -1"},
		"NotEncodable":    {channel{}, actors.ErrEncode, "CHANNEL"},
		"NaN":             {number{math.NaN()}, actors.ErrEncode, "NaN"},
		"Infinity":        {number{math.Inf(1)}, actors.ErrEncode, "Inf"},
		"NoObject":        {named("LIST"), actors.ErrEncode, "not a JSON object"},
		"DelayOfNothing":  {actors.After(time.Second), nil, "0 payloads"},
		"UnsafeMetaName":  {actors.With(ping{}, actors.Meta("a b", "c")), actors.ErrName, "meta name"},
		"NilDecoration":   {actors.With(ping{}, nil), nil, "nil decoration"},
		"KeyedDecoration": {actors.With(ping{}, actors.Key("")), actors.ErrName, "(spine_test.ping): PING: unsafe name: key is empty"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := spine.NewMemory()
			s := quiet(t, m, spine.WithChecking())
			ids, err := s.Publish(t.Context(), ping{1}, c.payload, ping{2})
			require.ErrorContains(t, err, c.text)
			require.ErrorContains(t, err, "publish payload 2 (")
			if c.is != nil {
				require.ErrorIs(t, err, c.is)
			}
			require.Len(t, ids, 3)
			assert.False(t, ids[0].IsZero())
			assert.True(t, ids[1].IsZero())
			assert.False(t, ids[2].IsZero(), "the others are published")
		})
	}
}

func TestPublishReportsEveryMistake(t *testing.T) {
	t.Parallel()
	s := quiet(t, spine.NewMemory())
	_, err := s.Publish(t.Context(), named(""), nil, graded{-1})
	for _, text := range []string{"payload 1", "payload 2", "payload 3"} {
		assert.ErrorContains(t, err, text)
	}
}

func TestEventJSONIsStrict(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"IDThatIsNoUUID": `{"id":"42","timestamp":"2026-01-02T03:04:05Z","event_type":"PING","payload":{}}`,
		"UnknownField":   `{"id":"0b7f7d0a-6b0c-4b5e-8d0e-3f1f6a1b2c3d","timestamp":"2026-01-02T03:04:05Z","event_type":"PING","payload":{},"x":1}`,
		"EmptyType":      `{"id":"0b7f7d0a-6b0c-4b5e-8d0e-3f1f6a1b2c3d","timestamp":"2026-01-02T03:04:05Z","event_type":"","payload":{}}`,
		"BlankType":      `{"id":"0b7f7d0a-6b0c-4b5e-8d0e-3f1f6a1b2c3d","timestamp":"2026-01-02T03:04:05Z","event_type":" ","payload":{}}`,
		"NoObject":       `{"id":"0b7f7d0a-6b0c-4b5e-8d0e-3f1f6a1b2c3d","timestamp":"2026-01-02T03:04:05Z","event_type":"PING","payload":[1]}`,
		"NaN":            `{"id":"0b7f7d0a-6b0c-4b5e-8d0e-3f1f6a1b2c3d","timestamp":"2026-01-02T03:04:05Z","event_type":"PING","payload":{"N":NaN}}`,
	} {
		var ev actors.Event
		assert.Error(t, json.Unmarshal([]byte(text), &ev), name)
	}
}

func TestPublishEventsKeepsThemAsTheyAre(t *testing.T) {
	bubble(t, func(t *testing.T) {
		d := newDiary[ping]()
		r := spinetest.Start(t, spine.NewMemory(), spine.WithOrgan(sink("a", d)))
		ev := eventOf(t, "PING", `{"N":7,"more":"is ignored"}`)
		err := r.PublishEvents(t.Context(), actors.Event{}, ev)
		require.ErrorContains(t, err, "event 1: it is the zero Event")
		got := r.Settled(1)[0]
		assert.Equal(t, ev.ID(), got.Event.ID())
		assert.Equal(t, ev.Time(), got.Event.Time())
		assert.Equal(t, ev.ID(), got.Event.Correlation())
		assert.Equal(t, []ping{{7}}, d.entries())
		require.NoError(t, r.PublishEvents(t.Context(), ev), "a duplicate is no error")
		require.NoError(t, r.PublishEvents(t.Context()))
		r.Idle()
		assert.Len(t, d.entries(), 1)
	})
}

func TestTheSameIDIsOneEvent(t *testing.T) {
	bubble(t, func(t *testing.T) {
		d := newDiary[ping]()
		r := spinetest.Start(t, spine.NewMemory(spine.WithDedup(time.Hour, 100)), spine.WithOrgan(sink("a", d)))
		id := actors.NewID()
		for range 3 {
			assert.Equal(t, []actors.ID{id}, r.Publish(actors.With(ping{1}, id)))
		}
		assert.Equal(t, []actors.ID{id, id}, r.Publish(actors.With(ping{1}, id), actors.With(ping{2}, id)))
		r.Idle()
		assert.Equal(t, []ping{{1}}, d.entries())
		time.Sleep(2 * time.Hour)
		r.Publish(actors.With(ping{3}, id))
		r.Idle()
		assert.Equal(t, []ping{{1}, {3}}, d.entries(), "after the window it is a new one")
	})
}

func TestPublishNeedsNeitherOrgansNorRun(t *testing.T) {
	t.Parallel()
	m := spine.NewMemory()
	_, err := quiet(t, m).Publish(t.Context(), ping{1})
	require.NoError(t, err)
	ids, err := quiet(t, m).Publish(t.Context())
	require.NoError(t, err)
	assert.Empty(t, ids)
	d := newDiary[ping]()
	_, err = quiet(t, m, spine.WithOrgan(sink("a", d))).RunUntilIdle(t.Context())
	require.NoError(t, err)
	assert.Len(t, d.entries(), 1)
}

func TestPublishOnAClosedBackendIsAnError(t *testing.T) {
	t.Parallel()
	m := spine.NewMemory()
	require.NoError(t, m.Close(t.Context()))
	_, err := quiet(t, m).Publish(t.Context(), ping{1})
	require.ErrorIs(t, err, spine.ErrClosed)
}

type embedding struct {
	ping
	More string
}

type emptyType struct{ A int }

func (emptyType) EventType() string { return "" }

type panicking struct{ At *time.Time }

func (p panicking) EventType() string { return p.At.String() }

// hidden has a field that JSON loses, which is the point.
type hidden struct{ n int }

var _ = hidden{}.n

func TestNewReportsMistakesOfOrgans(t *testing.T) {
	t.Parallel()
	h := func(name string, rs ...actors.Reaction) spine.Option {
		return spine.WithOrgan(actors.NewOrgan(name, rs...))
	}
	a := sink("a", newDiary[ping]())
	for name, c := range map[string]struct {
		option spine.Option
		text   string
	}{
		"NilOrgan":          {spine.WithOrgan(nil), "organ 1 is nil"},
		"NilKeyed":          {spine.WithOrgan((*actors.Keyed[balance])(nil)), "organ 1 is nil"},
		"NilOption":         {nil, "option 1 is nil"},
		"ZeroOrgan":         {spine.WithOrgan(actors.Organ{}), "zero Organ"},
		"UnsafeName":        {h("a b"), `"a b"`},
		"NoTypes":           {h("a"), "listens to no event type"},
		"NilHandler":        {h("a", actors.On[ping](nil)), "nil function"},
		"TwoReactions":      {h("a", actors.On(pingNoop), actors.On(pingNoop)), "two reactions to PING"},
		"Embedding":         {h("a", actors.Sink(noop[embedding])), "embeds"},
		"EmptyType":         {h("a", actors.Sink(noop[emptyType])), "event type is empty"},
		"PanickingType":     {h("a", actors.Sink(noop[panicking])), "panics on the zero value"},
		"StateLosesFields":  {spine.WithOrgan(actors.NewKeyed("a", func(string) *hidden { return &hidden{} })), "unexported"},
		"Workers":           {spine.WithOrgan(a, spine.Workers(-1)), "Workers(-1)"},
		"ZeroStrategy":      {spine.WithPolicy(supervision.Policy{Timeout: time.Second}), "exhausted"},
		"OrganZeroStrategy": {spine.WithOrgan(a, spine.WithOrganPolicy(supervision.Policy{})), "exhausted"},
		"PolicyOfNobody": {
			spine.WithPolicies(supervision.Policies{Organs: map[string]supervision.Policy{"b": supervision.Default()}}),
			`policy for organ "b"`,
		},
		"Service":     {spine.WithService(""), "spine: WithService: unsafe name: service is empty"},
		"InFlight":    {spine.WithInFlight(0, 1), "WithInFlight events is 0"},
		"Bytes":       {spine.WithInFlight(1, 0), "WithInFlight bytes is 0"},
		"Batch":       {spine.WithBatch(0), "WithBatch is 0"},
		"Abandoned":   {spine.WithMaxAbandoned(0), "WithMaxAbandoned is 0"},
		"Drain":       {spine.WithDrain(-time.Second), "WithDrain is -1s, want at least 0s"},
		"Logger":      {spine.WithLogger(nil), "WithLogger(nil)"},
		"Random":      {spine.WithRandom(nil), "WithRandom(nil)"},
		"MaxSteps":    {spine.WithMaxSteps(-5), "WithMaxSteps is -5"},
		"Emissions":   {spine.WithEmissions(-1, 0), "WithEmissions events is -1"},
		"Snapshots":   {spine.WithSnapshots(persistence.SnapshotPolicy{Records: -1, Weight: -2}), "WithSnapshots Weight is -2"},
		"Cells":       {spine.WithResidentCells(-1, 0), "WithResidentCells is -1"},
		"IdleAfter":   {spine.WithResidentCells(1, -time.Second), "WithResidentCells idle is -1s"},
		"Limits":      {spine.WithLimits(actors.Limits{Payload: -1}), "WithLimits"},
		"Start":       {spine.WithStart(7), "WithStart"},
		"EnqueueMode": {spine.WithEnqueueFailure(7), "WithEnqueueFailure"},
	} {
		_, err := spine.New(spine.NewMemory(), c.option)
		assert.ErrorContains(t, err, c.text, name)
	}
}

func TestNewReportsAllMistakesTogether(t *testing.T) {
	t.Parallel()
	a := sink("a", newDiary[ping]())
	_, err := spine.New(nil, spine.WithOrgan(a), spine.WithOrgan(a), spine.WithOrgan(actors.NewOrgan("b c")),
		spine.WithBatch(0), spine.WithService("x y"), spine.WithPolicy(supervision.Policy{Timeout: -1}))
	require.Error(t, err)
	for _, text := range []string{"backend is nil", `two organs are named "a"`, `"b c"`, "WithBatch", `"x y"`, "timeout", "exhausted"} {
		assert.ErrorContains(t, err, text)
	}
}

func TestNewRefusesABackendThatIsNil(t *testing.T) {
	t.Parallel()
	_, err := spine.New(nil)
	require.EqualError(t, err, "spine: backend is nil (<nil>)")
	_, err = spine.New((*spine.Memory)(nil), spine.WithOrgan(accounts("accounts", fine)))
	require.EqualError(t, err, "spine: backend is nil (*spine.Memory)")
}

func TestNewRefusesAKeyedOrganOnABackendWithoutState(t *testing.T) {
	t.Parallel()
	_, err := spine.New(struct{ spine.Backend }{spine.NewMemory()}, spine.WithOrgan(accounts("accounts", fine)))
	assert.ErrorContains(t, err, "keeps no state")
	var store persistence.Store
	assert.Implements(t, &store, spine.NewMemory())
}

func TestPolicyFileWithATypoIsRefused(t *testing.T) {
	t.Parallel()
	_, err := supervision.ParsePolicies(strings.NewReader("default:\n  atempts: 3\norgans:\n  b:\n    attempts: 0\n"), []string{"a"})
	require.Error(t, err)
	for _, text := range []string{"atempts", "b"} {
		assert.ErrorContains(t, err, text)
	}
	ps, err := supervision.ParsePolicies(strings.NewReader("organs:\n  a:\n    attempts: 1\n"), []string{"a"})
	require.NoError(t, err)
	_, err = spine.New(spine.NewMemory(), spine.WithPolicies(ps), spine.WithOrgan(sink("a", newDiary[ping]())))
	require.NoError(t, errors.Join(err))
}
