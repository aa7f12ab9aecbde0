package actorstest_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/necrostack/necrostack/actors"
	"github.com/necrostack/necrostack/actors/actorstest"
)

func TestHandleReturnsWhatWasEmitted(t *testing.T) {
	t.Parallel()
	r := actorstest.Handle(t, till(), Deposited{Account: "a", Cents: 5})
	require.NoError(t, r.Err)
	assert.Zero(t, r.Kind())
	assert.Equal(t, []string{"PAID", "REFUSED"}, r.Types())
	assert.Equal(t, Paid{Account: "a", Cents: 5}, actorstest.One[Paid](t, r))
	assert.Equal(t, []Refused{{Why: r.Event.ID().String() + "/till"}}, actorstest.Of[Refused](r))
	assert.Empty(t, actorstest.Of[Deposited](r))
	assert.Equal(t, []actors.Payload{Paid{Account: "a", Cents: 5}, Refused{Why: r.Event.ID().String() + "/till"}}, r.Emitted)

	paid := r.Events[0]
	assert.Equal(t, "bank", paid.Key())
	assert.Equal(t, r.Event.ID(), paid.Causation())
	assert.Equal(t, 1, paid.Hops())
	assert.Equal(t, actorstest.Start, paid.Time())
}

func TestFailedHandlingEmitsNothing(t *testing.T) {
	t.Parallel()
	r := actorstest.Handle(t, till(), Deposited{Account: "a"})
	require.ErrorIs(t, r.Err, errBroke)
	assert.Equal(t, actors.KindPermanent, r.Kind())
	assert.Empty(t, r.Emitted)
	assert.Empty(t, r.Events)
	assert.Equal(t, "error (permanent): the account is empty", r.String())
}

func TestHandlingIsTheSameInEveryRun(t *testing.T) {
	t.Parallel()
	handle := func(p actors.Payload, opts ...actorstest.Option) string {
		return actorstest.Handle(t, till(), p, opts...).String()
	}
	one := Deposited{Account: "a", Cents: 5}
	assert.Equal(t, handle(one), handle(one))
	assert.NotEqual(t, handle(one), handle(Deposited{Account: "a", Cents: 6}))
	id := func(p actors.Payload, opts ...actorstest.Option) actors.ID {
		return actorstest.Handle(t, till(), p, opts...).Event.ID()
	}
	assert.Equal(t, id(one), id(one, actorstest.Attempt(2)), "another attempt, the same event")
	assert.NotEqual(t, id(one), id(one, actorstest.Key("b")))
	assert.NotEqual(t, id(one), id(one, actorstest.At(actorstest.Start.Add(time.Hour))))
	text := id(one).String()
	assert.Equal(t, "4", text[14:15])
	assert.Contains(t, "89ab", text[19:20])
	chosen := actors.NewID()
	assert.Equal(t, chosen, id(actors.With(one, chosen)))
}

// seen is what a handler sees of its event and attempt.
type seen struct {
	ev      actors.Event
	attempt int
	value   any
}

func look(into *seen) actors.Organ {
	return actors.NewOrgan("look", actors.Sink(func(ctx context.Context, ev actors.EventOf[Deposited]) error {
		*into = seen{ev.Event, actors.Attempt(ctx), ctx.Value(ctxKey{})}
		return nil
	}))
}

type ctxKey struct{}

func TestOptionsReachTheHandler(t *testing.T) {
	t.Parallel()
	var plain, full seen
	actorstest.Handle(t, look(&plain), Deposited{Account: "a"})
	assert.Equal(t, actorstest.Start, plain.ev.Time())
	assert.Equal(t, 1, plain.attempt)
	assert.Nil(t, plain.value)

	noon := actorstest.Start.Add(12 * time.Hour)
	parent := actorstest.Handle(t, till(), actors.With(Deposited{Account: "a", Cents: 1}, actors.Meta("user", "ann"))).Event
	r := actorstest.Handle(t, look(&full), actors.After(time.Minute, Deposited{Account: "a"}), actorstest.At(noon), actorstest.Attempt(3),
		actorstest.Parent(parent), actorstest.Key("b"), actorstest.Context(context.WithValue(t.Context(), ctxKey{}, "v")))
	assert.Equal(t, full.ev, r.Event)
	assert.Equal(t, noon, full.ev.Time())
	assert.Equal(t, noon.Add(time.Minute), full.ev.Due())
	assert.Equal(t, "b", full.ev.Key())
	assert.Equal(t, parent.ID(), full.ev.Causation())
	assert.Equal(t, parent.ID(), full.ev.Correlation())
	assert.Equal(t, "ann", full.ev.Meta("user"))
	assert.Equal(t, 3, full.attempt)
	assert.Equal(t, "v", full.value)
}

func TestDelayedEventIsHandledWhenDue(t *testing.T) {
	t.Parallel()
	r := actorstest.Handle(t, till(), actors.After(time.Hour, Deposited{Account: "a", Cents: 1}))
	assert.Equal(t, actorstest.Start.Add(time.Hour), r.Events[0].Time())
}

func TestHandleStopsItsWorker(t *testing.T) {
	t.Parallel()
	stopped := 0
	o := actors.PerWorker("o", func() (actors.Organ, error) {
		return actors.NewOrgan("inner",
			actors.Sink(func(context.Context, actors.EventOf[Deposited]) error { return nil }),
			actors.OnStop(func() { stopped++ })), nil
	})
	actorstest.Handle(t, o, Deposited{Account: "a"})
	assert.Equal(t, 1, stopped)
}

func TestHandleBatchReturnsTheResultsOfAnOnBatch(t *testing.T) {
	t.Parallel()
	o := actors.NewOrgan("o", actors.OnBatch(func(_ context.Context, evs []actors.EventOf[Deposited]) []actors.BatchResult {
		results := make([]actors.BatchResult, len(evs))
		for i, ev := range evs {
			if ev.Payload.Cents == 0 {
				results[i].Err = errBroke
				continue
			}
			results[i].Emit = actors.Emit(Paid{})
		}
		return results
	}))
	results, err := actorstest.HandleBatch(t, o, []actors.Payload{Deposited{Account: "a"}, Deposited{Account: "a", Cents: 1}})
	require.NoError(t, err)
	require.Len(t, results, 2)
	require.ErrorIs(t, results[0].Err, errBroke)
	assert.Len(t, results[1].Emitted, 1)
}

func TestHandleBatch(t *testing.T) {
	t.Parallel()
	var sums []int
	o := actors.NewOrgan("o",
		actors.SinkBatch(func(_ context.Context, evs []actors.EventOf[Deposited]) error {
			sum := 0
			for _, ev := range evs {
				sum += ev.Payload.Cents
			}
			sums = append(sums, sum)
			if sum == 0 {
				return errBroke
			}
			return nil
		}),
		actors.SinkBatch(func(context.Context, []actors.EventOf[Withdrawn]) error { return nil }),
		actors.Sink(func(context.Context, actors.EventOf[Paid]) error { return nil }))
	one, none := Deposited{Account: "a", Cents: 1}, Deposited{Account: "a"}
	_, err := actorstest.HandleBatch(t, o, []actors.Payload{one, one})
	require.NoError(t, err)
	_, err = actorstest.HandleBatch(t, o, []actors.Payload{none})
	require.ErrorIs(t, err, errBroke)
	assert.Equal(t, []int{2, 0}, sums)

	batch := func(ps ...actors.Payload) func(actorstest.T) {
		return func(t actorstest.T) { _, _ = actorstest.HandleBatch(t, o, ps) }
	}
	requireReported(t, batch(), "a batch of 0 events, want 1 to 256")
	requireReported(t, batch(make257(one)...), "a batch of 257 events")
	requireReported(t, batch(Paid{}), "no OnBatch or SinkBatch for PAID")
	requireReported(t, batch(one, Withdrawn{Account: "a"}), "no OnBatch or SinkBatch for WITHDRAWN next to DEPOSITED")
}

func make257(p actors.Payload) []actors.Payload {
	ps := make([]actors.Payload, 257)
	for i := range ps {
		ps[i] = p
	}
	return ps
}

func TestFailedReturnsWhatFollows(t *testing.T) {
	t.Parallel()
	r := actorstest.Failed(t, till(), Deposited{Account: "a"}, actors.Failure{Err: errBroke, Attempt: 5})
	assert.Equal(t, Refused{Why: "the account is empty after 5 attempts"}, actorstest.One[Refused](t, r))
	assert.Equal(t, r.Event.ID(), r.Events[0].Causation())
	r = actorstest.Failed(t, accounts(), Deposited{Account: "a"}, actors.Failure{Err: errBroke})
	assert.Equal(t, Refused{Why: "the account is empty"}, actorstest.One[Refused](t, r))
}

func TestFailedFillsInTheFailure(t *testing.T) {
	t.Parallel()
	var got actors.Failure
	o := actors.NewOrgan("o",
		actors.Sink(func(context.Context, actors.EventOf[Deposited]) error { return nil }),
		actors.OnFailed(func(_ actors.EventOf[Deposited], f actors.Failure) []actors.Payload { got = f; return nil }))
	actorstest.Failed(t, o, Deposited{Account: "a"}, actors.Failure{Err: actors.RetryAfter(time.Minute, errBroke)})
	require.ErrorIs(t, got, errBroke)
	got.Err = nil
	assert.Equal(t, actors.Failure{
		Organ: "o", Kind: actors.KindError, Attempt: 1, After: time.Minute,
		First: actorstest.Start, Last: actorstest.Start,
	}, got)
	actorstest.Failed(t, o, Deposited{Account: "a"}, actors.Failure{})
	require.Error(t, got.Err)
	set := actors.Failure{Organ: "p", Kind: actors.KindTimeout, Err: errBroke, Attempt: 2, After: 1, First: actorstest.Start.Add(1), Last: actorstest.Start.Add(2)}
	actorstest.Failed(t, o, Deposited{Account: "a"}, set)
	assert.Equal(t, set, got)
}

func TestOneWantsExactlyOne(t *testing.T) {
	t.Parallel()
	paid := actorstest.Handle(t, till(), Deposited{Account: "a", Cents: 5})
	refused := actorstest.Handle(t, till(), Deposited{Account: "a"})
	twice := paid
	twice.Emitted = append(twice.Emitted, Paid{})
	requireReported(t, func(t actorstest.T) { actorstest.One[Deposited](t, paid) }, "0 of actorstest_test.Deposited, want 1", "PAID")
	requireReported(t, func(t actorstest.T) { actorstest.One[Paid](t, refused) }, "the account is empty")
	requireReported(t, func(t actorstest.T) { actorstest.One[Paid](t, twice) }, "2 of actorstest_test.Paid")
}

func TestResultOfNothing(t *testing.T) {
	t.Parallel()
	var s seen
	assert.Equal(t, "nothing", actorstest.Handle(t, look(&s), Deposited{Account: "a"}).String())
}

func TestWhatNoOrganMayDoIsReported(t *testing.T) {
	t.Parallel()
	emits := func(ps ...actors.Payload) actors.Organ {
		return actors.NewOrgan("o", actors.On(func(context.Context, actors.EventOf[Deposited]) ([]actors.Payload, error) { return ps, nil }))
	}
	spoiler := actors.NewOrgan("o", actors.SinkBatch(func(_ context.Context, evs []actors.EventOf[Deposited]) error {
		evs[0].Payload.Tags[0] = "y"
		return errBroke
	}))
	calls := 0
	impure := actors.NewOrgan("o", actors.Sink(func(context.Context, actors.EventOf[Deposited]) error { return nil }),
		actors.OnFailed(func(actors.EventOf[Deposited], actors.Failure) []actors.Payload {
			calls++
			return actors.Emit(Paid{Cents: calls})
		}))
	tagged := Deposited{Account: "a", Tags: []string{"x"}}
	handle := func(o actors.Organ, p actors.Payload, opts ...actorstest.Option) func(actorstest.T) {
		return func(t actorstest.T) { actorstest.Handle(t, o, p, opts...) }
	}
	tests := map[string]struct {
		f    func(actorstest.T)
		want []string
	}{
		"mutating handler":  {handle(spoiler, tagged), []string{"organ o", "changed its payload", "DEPOSITED"}},
		"mutating batch":    {func(t actorstest.T) { _, _ = actorstest.HandleBatch(t, spoiler, []actors.Payload{tagged}) }, []string{"changed its payload"}},
		"impure OnFailed":   {func(t actorstest.T) { actorstest.Failed(t, impure, tagged, actors.Failure{}) }, []string{"OnFailed for DEPOSITED is not pure", `"cents":1`, `"cents":2`}},
		"no OnFailed":       {func(t actorstest.T) { actorstest.Failed(t, spoiler, tagged, actors.Failure{}) }, []string{"has no OnFailed for DEPOSITED"}},
		"no OnCellFailed":   {func(t actorstest.T) { actorstest.Failed(t, accounts(), Withdrawn{Account: "a"}, actors.Failure{}) }, []string{"has no OnFailed for WITHDRAWN"}},
		"bad organ, failed": {func(t actorstest.T) { actorstest.Failed(t, actors.Organ{}, tagged, actors.Failure{}) }, []string{"zero Organ"}},
		"bad organ":         {handle(actors.NewOrgan("a b"), tagged), []string{`"a b"`}},
		"unencodable":       {handle(emits(Paid{}, NotJSON{}), tagged), []string{"position 1", "NOT_JSON"}},
		"nil emission":      {handle(emits(nil), tagged), []string{"position 0", "payload is nil"}},
		"emission with id":  {handle(emits(actors.With(Paid{}, actors.NewID())), tagged), []string{"derives its id"}},
		"unencodable input": {handle(emits(), NotJSON{}), []string{"NotJSON", "does not encode"}},
		"unsafe key":        {handle(emits(), tagged, actorstest.Key("a b")), []string{`key "a b"`}},
		"child with an id":  {handle(emits(), actors.With(tagged, actors.NewID()), actorstest.Parent(actorstest.Handle(t, till(), tagged).Event)), []string{"derives its id"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			requireReported(t, tt.f, tt.want...)
		})
	}
}
