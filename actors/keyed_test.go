package actors_test

import (
	"encoding/json"
	"io"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/necrostack/necrostack/actors"
)

func freshTally(string) *tally { return &tally{} }

func add(s *tally, ev actors.EventOf[Ordered]) ([]actors.Payload, error) {
	s.Seen++
	s.Cents += ev.Payload.Cents
	return actors.Emit(Ping{N: s.Cents}), nil
}

// Queries of these tests.
type (
	balanceOf struct{ Tax int }
	renamedQ  struct{}
	namelessQ struct{}
	panickyQ  struct{ p *Ping }
)

func (renamedQ) QueryName() string   { return "balance" }
func (namelessQ) QueryName() string  { return "" }
func (q panickyQ) QueryName() string { return []string{"q"}[q.p.N] }

func stateless[Q any](*tally, Q) (int, error) { return 0, nil }

func TestKeyedKnowsItsParts(t *testing.T) {
	t.Parallel()
	k := actors.NewKeyed("accounts", freshTally,
		actors.Step(add),
		actors.Step(func(*tally, actors.EventOf[*Note]) ([]actors.Payload, error) { return nil, nil }),
		actors.StepAny([]string{"B", "A"}, func(*tally, actors.Event) ([]actors.Payload, error) { return nil, nil }),
		actors.OnCellFailed[tally](func(ev actors.EventOf[Ordered], f actors.Failure) []actors.Payload {
			return actors.Emit(Ping{N: ev.Payload.Cents + f.Attempt})
		}),
		actors.Version[tally](3),
		actors.ExpireAfter[tally](time.Hour),
	)
	require.NoError(t, k.Err())
	assert.Equal(t, "accounts", k.Name())
	assert.Equal(t, []string{"A", "B", "NOTE", "ORDERED"}, k.Types())
	assert.Equal(t, 3, k.StepVersion())
	assert.Equal(t, time.Hour, k.Expiry())
	assert.True(t, k.WantsFailed("ORDERED"))
	assert.False(t, k.WantsFailed("NOTE"))
	f := actors.Failure{Err: io.EOF, Attempt: 2}
	assert.Equal(t, actors.Emit(Ping{N: 5}), k.Failed(root(t, Ordered{Account: "a", Cents: 3}), f))
	assert.Nil(t, k.Failed(root(t, &Note{Key: "k", Text: "x"}), f))
}

func TestKeyedDefaults(t *testing.T) {
	t.Parallel()
	k := actors.NewKeyed("accounts", freshTally, actors.Step(add))
	assert.Equal(t, 1, k.StepVersion())
	assert.Zero(t, k.Expiry())
}

func TestKeyedMistakes(t *testing.T) {
	t.Parallel()
	step := actors.Step(add)
	type part = actors.Part[tally]
	failed := actors.OnCellFailed[tally](failSilently[Ordered])
	tests := map[string]struct {
		organ actors.KeyedOrgan
		want  []string
	}{
		"no name":        {actors.NewKeyed("", freshTally, step), []string{"organ is empty"}},
		"no fresh state": {actors.NewKeyed[tally]("k", nil, step), []string{"no function for a fresh state"}},
		"no step":        {actors.NewKeyed("k", freshTally), []string{"has no Step"}},
		"only failed":    {actors.NewKeyed("k", freshTally, failed), []string{"has no Step", "OnCellFailed for ORDERED"}},
		"zero part":      {actors.NewKeyed("k", freshTally, step, part{}), []string{"zero Part"}},
		"two steps":      {actors.NewKeyed("k", freshTally, step, step), []string{"two steps for ORDERED"}},
		"nil Step":       {actors.NewKeyed("k", freshTally, actors.Step[tally, Ordered](nil)), []string{"Step[actors_test.Ordered] with a nil"}},
		"nil StepAny":    {actors.NewKeyed("k", freshTally, actors.StepAny[tally]([]string{"A"}, nil)), []string{"StepAny with a nil"}},
		"StepAny of nothing": {
			actors.NewKeyed("k", freshTally, actors.StepAny(nil, func(*tally, actors.Event) ([]actors.Payload, error) { return nil, nil })),
			[]string{"StepAny without event types"},
		},
		"StepAny unsafe": {
			actors.NewKeyed("k", freshTally, actors.StepAny([]string{""}, func(*tally, actors.Event) ([]actors.Payload, error) { return nil, nil })),
			[]string{"event type is empty"},
		},
		"embedding": {
			actors.NewKeyed("k", freshTally, actors.Step(func(*tally, actors.EventOf[heir]) ([]actors.Payload, error) { return nil, nil })),
			[]string{"heir embeds actors_test.Ordered"},
		},
		"nil Answer":       {actors.NewKeyed("k", freshTally, step, actors.Answer[tally, balanceOf, int](nil)), []string{"Answer[actors_test.balanceOf] with a nil"}},
		"two answers":      {actors.NewKeyed("k", freshTally, step, actors.Answer(stateless[balanceOf]), actors.Answer(stateless[balanceOf])), []string{"two answers to actors_test.balanceOf"}},
		"any answer":       {actors.NewKeyed("k", freshTally, step, actors.Answer(stateless[any])), []string{"query interface {} has no name"}},
		"nameless answer":  {actors.NewKeyed("k", freshTally, step, actors.Answer(stateless[namelessQ])), []string{"namelessQ has no name"}},
		"raw answer":       {actors.NewKeyed("k", freshTally, step, actors.Answer(stateless[actors.Query])), []string{"actors.Query has no name"}},
		"panicking query":  {actors.NewKeyed("k", freshTally, step, actors.Answer(stateless[panickyQ])), []string{"QueryName panics on the zero value"}},
		"version 0":        {actors.NewKeyed("k", freshTally, step, actors.Version[tally](0)), []string{"Version(0)"}},
		"expire at once":   {actors.NewKeyed("k", freshTally, step, actors.ExpireAfter[tally](0)), []string{"ExpireAfter(0s)"}},
		"nil failed":       {actors.NewKeyed("k", freshTally, step, actors.OnCellFailed[tally, Ordered](nil)), []string{"OnCellFailed[actors_test.Ordered] with a nil"}},
		"two failed":       {actors.NewKeyed("k", freshTally, step, failed, failed), []string{"two OnCellFailed for ORDERED"}},
		"foreign failed":   {actors.NewKeyed("k", freshTally, step, actors.OnCellFailed[tally](failSilently[*Note])), []string{"OnCellFailed for NOTE, for which it has no Step"}},
		"deaf failed":      {actors.NewKeyed("k", freshTally, step, actors.OnCellFailed[tally](failSilently[*heirOf])), []string{"heirOf embeds"}},
		"bad state":        {actors.NewKeyed("k", func(string) *hidden { return nil }, actors.Step(func(*hidden, actors.EventOf[Ordered]) ([]actors.Payload, error) { return nil, nil })), []string{"field n is unexported"}},
		"name and nothing": {actors.NewKeyed("a b", freshTally), []string{`organ "a b" has`, "has no Step"}},
		"zero":             {&actors.Keyed[tally]{}, []string{"zero Keyed"}},
		"nil":              {(*actors.Keyed[tally])(nil), []string{"zero Keyed"}},
		"all at once": {
			actors.NewKeyed[hidden]("a b", nil, actors.Version[hidden](-1), actors.ExpireAfter[hidden](-1)),
			[]string{`organ "a b"`, "fresh state", "field n is unexported", "Version(-1)", "ExpireAfter(-1ns)"},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			require.ErrorIs(t, tt.organ.Err(), actors.ErrOrgan)
			requireMentions(t, tt.organ.Err(), tt.want...)
			_, _ = tt.organ.Name(), tt.organ.Types() // harmless on the zero Keyed, too
		})
	}
}

// hidden is a state that JSON would lose.
type hidden struct{ n int }

func newCell(t *testing.T, k actors.KeyedOrgan) actors.Cell {
	t.Helper()
	require.NoError(t, k.Err())
	c, err := k.NewCell("acc-1")
	require.NoError(t, err)
	return c
}

func TestCellStepsInPlace(t *testing.T) {
	t.Parallel()
	k := actors.NewKeyed("accounts", func(key string) *tally {
		assert.Equal(t, "acc-1", key)
		return &tally{Cents: 100}
	}, actors.Step(add))
	c := newCell(t, k)
	for _, want := range []int{105, 110} {
		out, err := c.Step(root(t, Ordered{Account: "acc-1", Cents: 5}))
		require.NoError(t, err)
		assert.Equal(t, actors.Emit(Ping{N: want}), out)
	}
	state, err := c.MarshalState()
	require.NoError(t, err)
	assert.JSONEq(t, `{"cents":110,"seen":2}`, string(state))
}

func TestStepErrorsArePermanent(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		err  error
		kind actors.Kind
	}{
		"plain":         {io.EOF, actors.KindPermanent},
		"retry":         {actors.RetryAfter(time.Second, io.EOF), actors.KindPermanent},
		"permanent":     {actors.Permanent(io.EOF), actors.KindPermanent},
		"of a kind":     {actors.OfKind(actors.KindLimit, io.EOF), actors.KindLimit},
		"of a mild one": {actors.OfKind(actors.KindTimeout, io.EOF), actors.KindPermanent},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			k := actors.NewKeyed("k", freshTally, actors.Step(func(*tally, actors.EventOf[Ordered]) ([]actors.Payload, error) {
				return actors.Emit(Ping{}), tt.err
			}))
			out, err := newCell(t, k).Step(root(t, Ordered{Account: "a"}))
			require.ErrorIs(t, err, io.EOF)
			assert.Equal(t, tt.kind, kindOf(err))
			assert.Nil(t, out, "a failed step emits nothing")
		})
	}
}

func TestCellRefusesWhatItDoesNotKnow(t *testing.T) {
	t.Parallel()
	c := newCell(t, actors.NewKeyed("accounts", freshTally, actors.Step(add)))
	_, err := c.Step(root(t, Ping{}))
	requireMentions(t, err, "accounts", "PING")
	assert.Equal(t, actors.KindUndecodable, kindOf(err))
	_, err = c.Step(root(t, actors.Raw{Type: "ORDERED", Data: json.RawMessage(`{"cents":"x"}`)}))
	assert.Equal(t, actors.KindUndecodable, kindOf(err))
	_, err = c.Answer(balanceOf{})
	require.ErrorIs(t, err, actors.ErrNoAnswer)
	requireMentions(t, err, "accounts", "balanceOf")
}

func TestNilStateIsAPermanentFailure(t *testing.T) {
	t.Parallel()
	k := actors.NewKeyed("accounts", func(string) *tally { return nil }, actors.Step(add))
	_, err := k.NewCell("acc-1")
	requireMentions(t, err, "accounts", `"acc-1"`)
	assert.Equal(t, actors.KindPermanent, kindOf(err))
}

func TestAnswerReadsTheState(t *testing.T) {
	t.Parallel()
	k := actors.NewKeyed("accounts", freshTally, actors.Step(add),
		actors.Answer(func(s *tally, q balanceOf) (int, error) { return s.Cents + q.Tax, nil }),
		actors.Answer(func(s *tally, _ renamedQ) (*tally, error) { return s, nil }),
		actors.Answer(func(s *tally, q *Ping) (int, error) { return s.Cents * q.N, nil }),
		actors.Answer(func(*tally, Picky) (int, error) { return 0, io.EOF }),
		actors.Answer(func(*tally, weight) (float64, error) { return nan, nil }),
	)
	c := newCell(t, k)
	_, err := c.Step(root(t, Ordered{Account: "a", Cents: 40}))
	require.NoError(t, err)
	for want, query := range map[string]any{
		`42`:                    balanceOf{Tax: 2},
		`43`:                    actors.Query{Name: "actors_test.balanceOf", Data: json.RawMessage(`{"Tax":3}`)},
		`{"cents":40,"seen":1}`: renamedQ{},
		`80`:                    &Ping{N: 2},
		`120`:                   actors.Query{Name: "*actors_test.Ping", Data: json.RawMessage(`{"n":3}`)},
	} {
		reply, err := c.Answer(query)
		require.NoError(t, err)
		assert.JSONEq(t, want, string(reply))
	}
	reply, err := c.Answer(actors.Query{Name: "balance", Data: json.RawMessage(`{}`)})
	require.NoError(t, err)
	assert.JSONEq(t, `{"cents":40,"seen":1}`, string(reply))

	_, err = c.Answer(Picky{})
	require.ErrorIs(t, err, io.EOF)
	_, err = c.Answer(weight{})
	require.Error(t, err, "a reply that does not encode")
	_, err = c.Answer(actors.Query{Name: "actors_test.balanceOf", Data: json.RawMessage(`{"Tax":"x"}`)})
	requireMentions(t, err, "actors_test.balanceOf")
	_, err = c.Answer(actors.Query{Name: "elsewhere.Balance"})
	require.ErrorIs(t, err, actors.ErrNoAnswer)
	_, err = c.Answer(impostor{})
	require.ErrorIs(t, err, actors.ErrNoAnswer)
}

// impostor is another query under the name of renamedQ.
type impostor struct{}

func (impostor) QueryName() string { return "balance" }

func TestQueryCrossesAProcessBoundary(t *testing.T) {
	t.Parallel()
	q, err := actors.NewQuery(balanceOf{Tax: 2})
	require.NoError(t, err)
	assert.Equal(t, actors.Query{Name: "actors_test.balanceOf", Data: json.RawMessage(`{"Tax":2}`)}, q)
	again, err := actors.NewQuery(q)
	require.NoError(t, err)
	assert.Equal(t, q, again)
	named, err := actors.NewQuery(renamedQ{})
	require.NoError(t, err)
	assert.Equal(t, "balance", named.Name)
	_, err = actors.NewQuery(channel{})
	requireMentions(t, err, "query actors_test.channel")
}
