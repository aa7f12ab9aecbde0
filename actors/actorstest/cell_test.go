package actorstest_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/necrostack/necrostack/actors"
	"github.com/necrostack/necrostack/actors/actorstest"
)

func TestCellTakesSteps(t *testing.T) {
	t.Parallel()
	c := actorstest.NewCell(t, accounts(), "a")
	require.Empty(t, c.Send(Deposited{Account: "a", Cents: 500}).Emitted)
	r := c.Send(Withdrawn{Account: "a", Cents: 200})
	assert.Equal(t, Paid{Account: "a", Cents: 200}, actorstest.One[Paid](t, r))
	assert.Equal(t, []string{"REFUSED"}, c.Send(Withdrawn{Account: "a", Cents: 400}).Types())
	assert.JSONEq(t, `{"cents":300,"tags":null}`, string(c.State()))
	balance, err := actorstest.Ask[int](c, Balance{})
	require.NoError(t, err)
	assert.Equal(t, 300, balance)
	assert.Equal(t, `cell accounts/"a"`, c.String())
}

func TestCellsEventsAreASecondApart(t *testing.T) {
	t.Parallel()
	c := actorstest.NewCell(t, accounts(), "a")
	first := c.Send(Deposited{Account: "a", Cents: 1}).Event
	second := c.Send(Deposited{Account: "a", Cents: 1}).Event
	third := c.Send(Deposited{Account: "a", Cents: 1}, actorstest.At(actorstest.Start.Add(time.Hour))).Event
	assert.Equal(t, actorstest.Start, first.Time())
	assert.Equal(t, actorstest.Start.Add(time.Second), second.Time())
	assert.Equal(t, actorstest.Start.Add(time.Hour), third.Time())
	assert.NotEqual(t, first.ID(), second.ID())
	fourth := c.Send(Deposited{Account: "a", Cents: 1}, actorstest.At(third.Time())).Event
	assert.NotEqual(t, third.ID(), fourth.ID(), "the same deposit at the same time is another one")
	assert.Equal(t, []actors.Event{first, second, third, fourth}, c.Inputs())
}

func TestCellIsWhatItWasAfterAnError(t *testing.T) {
	t.Parallel()
	c := actorstest.NewCell(t, accounts(), "a")
	c.Send(Deposited{Account: "a", Cents: 500})
	before := c.State()
	r := c.Send(Deposited{Account: "a", Cents: -1})
	assert.Equal(t, actors.KindPermanent, r.Kind())
	assert.Equal(t, before, c.State())
	assert.Len(t, c.Inputs(), 1, "what failed is no part of the history")
	c.Crash()
	assert.Equal(t, before, c.State())
	assert.Equal(t, actors.KindUndecodable, c.Send(actors.With(Paid{}, actors.Key("a"))).Kind())
}

func TestCellSurvivesCrashAndSnapshot(t *testing.T) {
	t.Parallel()
	c := actorstest.NewCell(t, accounts(), "a")
	c.Crash()
	c.Send(Deposited{Account: "a", Cents: 500})
	c.Crash()
	snapshot := c.Snapshot()
	c.Send(Withdrawn{Account: "a", Cents: 200})
	c.Crash()
	assert.JSONEq(t, `{"cents":300,"tags":null}`, string(c.State()))
	assert.Len(t, c.Inputs(), 2)

	c.Restore(snapshot)
	assert.JSONEq(t, `{"cents":500,"tags":null}`, string(c.State()))
	assert.Empty(t, c.Inputs())
	c.Restore([]byte(`{"cents":7}`))
	c.Send(Deposited{Account: "a", Cents: 1})
	c.Crash()
	assert.JSONEq(t, `{"cents":8,"tags":null}`, string(c.State()))
}

func TestSnapshotIsTheCallersCopy(t *testing.T) {
	t.Parallel()
	c := actorstest.NewCell(t, accounts(), "a")
	snapshot := c.Snapshot()
	clear(snapshot)
	c.Crash()
	mine := []byte(`{"cents":7}`)
	c.Restore(mine)
	clear(mine)
	c.Crash()
}

func TestInputsAreTheCallersCopy(t *testing.T) {
	t.Parallel()
	c := actorstest.NewCell(t, accounts(), "a")
	c.Send(Deposited{Account: "a", Cents: 1})
	clear(c.Inputs())
	assert.False(t, c.Inputs()[0].IsZero())
}

// Queries whose answers go wrong.
type (
	failing  struct{}
	meddling struct{}
	hiding   struct{ n int }
	unasked  struct{}
	channels struct{ C chan int }
)

func TestAskReturnsTheAnswersError(t *testing.T) {
	t.Parallel()
	k := keyed(func(*Account, actors.EventOf[Deposited]) ([]actors.Payload, error) { return nil, nil },
		actors.Answer(func(*Account, failing) (int, error) { return 0, errBroke }))
	c := actorstest.NewCell(t, k, "a")
	_, err := actorstest.Ask[int](c, failing{})
	require.ErrorIs(t, err, errBroke)
	_, err = actorstest.Ask[int](c, unasked{})
	require.ErrorIs(t, err, actors.ErrNoAnswer)
}

func TestBadAnswersAreReported(t *testing.T) {
	t.Parallel()
	k := keyed(func(*Account, actors.EventOf[Deposited]) ([]actors.Payload, error) { return nil, nil },
		actors.Answer(func(a *Account, _ meddling) (int, error) { a.Cents++; return 1, nil }),
		actors.Answer(func(_ *Account, q hiding) (int, error) { return q.n, nil }),
		actors.Answer(func(*Account, Balance) (int, error) { return 1, nil }),
	)
	ask := func(query any) func(actorstest.T) {
		return func(t actorstest.T) { _, _ = actorstest.Ask[string](actorstest.NewCell(t, k, "a"), query) }
	}
	requireReported(t, ask(meddling{}), "meddling changed the state from", `"cents":0`, `"cents":2`)
	requireReported(t, ask(hiding{n: 3}), "hiding is answered with 3", "with 0")
	requireReported(t, ask(Balance{}), "the reply 1", "is no string")
	requireReported(t, ask(channels{}), "query actorstest_test.channels")
}

func TestCellMisuseIsReported(t *testing.T) {
	t.Parallel()
	send := func(p actors.Payload) func(actorstest.T) {
		return func(t actorstest.T) { actorstest.NewCell(t, accounts(), "a").Send(p) }
	}
	requireReported(t, send(Deposited{Account: "b"}), `cell accounts/"a"`, `DEPOSITED has the key "b"`)
	requireReported(t, send(Paid{}), `PAID has the key ""`)
	requireReported(t, func(t actorstest.T) { actorstest.NewCell(t, accounts(), "a b") }, `key "a b"`)
	requireReported(t, func(t actorstest.T) { actorstest.NewCell(t, actors.NewKeyed[Account]("k", nil), "a") }, "fresh state")
	requireReported(t, func(t actorstest.T) { actorstest.NewCell(t, accounts(), "a").Restore([]byte("x")) }, `state x: `)
}
