package actors_test

import (
	"context"
	"encoding/json"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/necrostack/necrostack/actors"
)

func TestHandlerGetsEventAndPayload(t *testing.T) {
	t.Parallel()
	ev := root(t, actors.With(Ordered{Account: "a", Cents: 3}, actors.Meta("user", "ann")))
	o := actors.NewOrgan("o", actors.On(func(ctx context.Context, got actors.EventOf[Ordered]) ([]actors.Payload, error) {
		assert.Equal(t, ev, got.Event)
		assert.Equal(t, "a", got.Key())
		assert.Equal(t, "ann", got.Meta("user"))
		assert.Equal(t, 3, got.Payload.Cents)
		assert.Equal(t, 2, actors.Attempt(ctx))
		return actors.Emit(Ping{N: 1}, Ping{N: 2}), nil
	}))
	ctx := actors.WithAttempt(t.Context(), actors.AttemptInfo{Event: ev.ID(), Organ: "o", Attempt: 2})
	out, err := handler(t, o).Handle(ctx, ev)
	require.NoError(t, err)
	assert.Equal(t, actors.Emit(Ping{N: 1}, Ping{N: 2}), out)
}

func TestMapEmitsWhatItReturns(t *testing.T) {
	t.Parallel()
	h := handler(t, actors.NewOrgan("o",
		actors.Map(func(_ context.Context, ev actors.EventOf[Ordered]) (Ping, error) {
			if ev.Payload.Cents < 0 {
				return Ping{N: -1}, errHandler
			}
			return Ping{N: ev.Payload.Cents}, nil
		}),
		actors.Map(func(_ context.Context, ev actors.EventOf[Ping]) (actors.Payload, error) {
			if ev.Payload.N == 0 {
				return nil, nil
			}
			return actors.With(Ping{N: ev.Payload.N}, actors.Key("k")), nil
		})))
	for _, c := range []struct {
		in   actors.Payload
		want []actors.Payload
		err  error
	}{
		{Ordered{Account: "a", Cents: 3}, actors.Emit(Ping{N: 3}), nil},
		{Ordered{Account: "a", Cents: -3}, nil, errHandler},
		{Ping{N: 2}, actors.Emit(actors.With(Ping{N: 2}, actors.Key("k"))), nil},
		{Ping{N: 0}, nil, nil},
	} {
		out, err := h.Handle(t.Context(), root(t, c.in))
		require.ErrorIs(t, err, c.err)
		assert.Equal(t, c.want, out)
	}
}

func TestMapDecodesBytes(t *testing.T) {
	t.Parallel()
	h := handler(t, actors.NewOrgan("o", actors.Map(func(_ context.Context, ev actors.EventOf[Ping]) (Renamed, error) {
		return Renamed{Cents: ev.Payload.N}, nil
	})))
	out, err := h.Handle(t.Context(), root(t, actors.Raw{Type: "PING", Data: json.RawMessage(`{"n":2}`)}))
	require.NoError(t, err)
	assert.Equal(t, actors.Emit(Renamed{Cents: 2}), out)
	_, err = h.Handle(t.Context(), root(t, actors.Raw{Type: "PING", Data: json.RawMessage(`{"n":"two"}`)}))
	assert.Equal(t, actors.KindUndecodable, kindOf(err))
}

func TestMapCostsNoSlice(t *testing.T) { // not parallel: others would be counted
	note := &Note{Text: "x"}
	h := handler(t, actors.NewOrgan("o", actors.Map(func(context.Context, actors.EventOf[Ping]) (*Note, error) { return note, nil })))
	ev := root(t, Ping{})
	assert.Zero(t, testing.AllocsPerRun(100, func() { _, _ = h.Handle(t.Context(), ev) }))
}

func TestIdleHandlerKeepsNothingThatAMapHasReturned(t *testing.T) {
	t.Parallel()
	gone := make(chan struct{})
	h := handler(t, actors.NewOrgan("o", actors.Map(func(context.Context, actors.EventOf[Ping]) (*Note, error) {
		note := &Note{Text: "x"}
		runtime.AddCleanup(note, func(struct{}) { close(gone) }, struct{}{})
		return note, nil
	})))
	_, err := h.Handle(t.Context(), root(t, Ping{}))
	require.NoError(t, err)
	h.Forget()
	runtime.GC()
	select {
	case <-gone:
	case <-time.After(10 * time.Second):
		t.Error("the handler keeps what it has returned")
	}
	runtime.KeepAlive(h)
}

func TestHandlerFindsTheReactionToEachType(t *testing.T) {
	t.Parallel()
	var seen []string
	note := func(what string) { seen = append(seen, what) }
	o := actors.NewOrgan("o",
		actors.Sink(func(context.Context, actors.EventOf[Ping]) error { note("ping"); return nil }),
		actors.Sink(func(_ context.Context, ev actors.EventOf[Renamed]) error { note(ev.Type()); return nil }),
		actors.OnAny([]string{"ANY"}, func(_ context.Context, ev actors.Event) ([]actors.Payload, error) {
			note(ev.Type())
			return actors.Emit(Ping{}), errHandler
		}),
	)
	h := handler(t, o)
	for _, p := range []actors.Payload{Ping{}, Ping{}, actors.Raw{Type: "OLD_NAME"}, Ping{}, actors.Raw{Type: "OLDER_NAME"}, Renamed{}} {
		_, err := h.Handle(t.Context(), root(t, p))
		require.NoError(t, err)
	}
	_, err := h.Handle(t.Context(), root(t, actors.Raw{Type: "ANY"}))
	require.ErrorIs(t, err, errHandler)
	assert.Equal(t, []string{"ping", "ping", "OLD_NAME", "ping", "OLDER_NAME", "NEW_NAME", "ANY"}, seen)
}

func TestHandlerHasNoReaction(t *testing.T) {
	t.Parallel()
	h := handler(t, actors.NewOrgan("o", actors.Sink(ignore[Ping])))
	for range 2 {
		_, err := h.Handle(t.Context(), root(t, Picky{}))
		requireMentions(t, err, "organ o", "PICKY")
		assert.Equal(t, actors.KindUndecodable, kindOf(err))
		assert.False(t, h.Batches("PICKY"))
	}
	_, err := h.Handle(t.Context(), root(t, Ping{}))
	require.NoError(t, err)
}

func TestUndecodableEventDoesNotReachTheHandler(t *testing.T) {
	t.Parallel()
	called := false
	o := actors.NewOrgan("o", actors.Sink(func(context.Context, actors.EventOf[Picky]) error { called = true; return nil }))
	for _, data := range []string{`{"n":"x"}`, `{"n":-1}`} {
		_, err := handler(t, o).Handle(t.Context(), root(t, actors.Raw{Type: "PICKY", Data: json.RawMessage(data)}))
		assert.True(t, kindOf(err).Permanent())
	}
	assert.False(t, called)
}

func TestSinkBatchGetsEventsInOrder(t *testing.T) {
	t.Parallel()
	var seen [][]int
	o := actors.NewOrgan("o",
		actors.SinkBatch(func(_ context.Context, evs []actors.EventOf[Ping]) error {
			var ns []int
			for _, ev := range evs {
				ns = append(ns, ev.Payload.N)
			}
			seen = append(seen, ns)
			return nil
		}),
		actors.Sink(ignore[Picky]),
	)
	h := handler(t, o)
	assert.True(t, h.Batches("PING"))
	assert.False(t, h.Batches("PICKY"))
	none, err := h.HandleBatch(t.Context(), []actors.Event{root(t, Ping{N: 1}), root(t, Ping{N: 2}), arrived(t, root(t, Ping{N: 3}))})
	require.NoError(t, err)
	assert.Empty(t, none)
	_, err = h.Handle(t.Context(), root(t, Ping{N: 4}))
	require.NoError(t, err)
	assert.Equal(t, [][]int{{1, 2, 3}, {4}}, seen)

	bad := root(t, actors.Raw{Type: "PING", Data: json.RawMessage(`{"n":"x"}`)})
	_, err = h.HandleBatch(t.Context(), []actors.Event{root(t, Ping{N: 1}), bad})
	assert.Equal(t, actors.KindUndecodable, kindOf(err))
	assert.Len(t, seen, 2, "a batch with an undecodable event is not handed out")
}

func TestOnBatchAnswersEachEvent(t *testing.T) {
	t.Parallel()
	var seen [][]int
	short := false
	o := actors.NewOrgan("o", actors.OnBatch(func(_ context.Context, evs []actors.EventOf[Ping]) []actors.BatchResult {
		results := make([]actors.BatchResult, len(evs))
		var ns []int
		for i, ev := range evs {
			ns = append(ns, ev.Payload.N)
			if ev.Payload.N == 2 {
				results[i].Err = errHandler
				continue
			}
			results[i].Emit = actors.Emit(Ping{N: 10 * ev.Payload.N})
		}
		seen = append(seen, ns)
		if short {
			return results[1:]
		}
		return results
	}))
	h := handler(t, o)
	assert.True(t, h.Batches("PING"))
	assert.True(t, o.Batching())
	bad := root(t, actors.Raw{Type: "PING", Data: json.RawMessage(`{"n":"x"}`)})
	got, err := h.HandleBatch(t.Context(), []actors.Event{root(t, Ping{N: 1}), bad, root(t, Ping{N: 2}), root(t, Ping{N: 3})})
	require.NoError(t, err)
	require.Len(t, got, 4)
	assert.Equal(t, actors.BatchResult{Emit: actors.Emit(Ping{N: 10})}, got[0])
	assert.Equal(t, actors.KindUndecodable, kindOf(got[1].Err))
	assert.Equal(t, actors.BatchResult{Err: errHandler}, got[2])
	assert.Equal(t, actors.BatchResult{Emit: actors.Emit(Ping{N: 30})}, got[3])
	assert.Equal(t, [][]int{{1, 2, 3}}, seen, "what does not decode is not among them")

	got, err = h.HandleBatch(t.Context(), []actors.Event{bad, bad})
	require.NoError(t, err)
	assert.Equal(t, actors.KindUndecodable, kindOf(got[1].Err))
	assert.Len(t, seen, 1, "there was nothing to hand out")

	out, err := h.Handle(t.Context(), root(t, Ping{N: 5}))
	require.NoError(t, err)
	assert.Equal(t, actors.Emit(Ping{N: 50}), out)
	_, err = h.Handle(t.Context(), root(t, Ping{N: 2}))
	require.ErrorIs(t, err, errHandler)

	short = true
	_, err = h.HandleBatch(t.Context(), []actors.Event{root(t, Ping{N: 1}), root(t, Ping{N: 3})})
	assert.ErrorContains(t, err, "OnBatch[actors_test.Ping] returned 1 results for 2 events")
}

func TestOnBatchMustLeavePayloadsAloneInCheckingMode(t *testing.T) {
	t.Parallel()
	o := actors.NewOrgan("o", actors.OnBatch(func(_ context.Context, evs []actors.EventOf[Ordered]) []actors.BatchResult {
		evs[1].Payload.Tags[0] = "spoiled"
		return make([]actors.BatchResult, len(evs))
	}))
	var evs []actors.Event
	for range 3 {
		evs = append(evs, checked(t, Ordered{Account: "a", Tags: []string{"x"}}))
	}
	got, err := handler(t, o).HandleBatch(t.Context(), evs)
	require.NoError(t, err)
	require.NoError(t, got[0].Err)
	require.ErrorIs(t, got[1].Err, actors.ErrMutated)
	assert.NoError(t, got[2].Err)
}

func TestOnFailedEmitsWhatFollows(t *testing.T) {
	t.Parallel()
	o := actors.NewOrgan("o",
		actors.Sink(ignore[Ping]),
		actors.Sink(ignore[Picky]),
		actors.OnFailed(func(ev actors.EventOf[Ping], f actors.Failure) []actors.Payload {
			assert.Equal(t, errHandler, f.Err)
			return actors.Emit(Ping{N: ev.Payload.N + f.Attempt})
		}),
	)
	h := handler(t, o)
	f := actors.Failure{Organ: "o", Kind: actors.KindError, Err: errHandler, Attempt: 5}
	assert.Equal(t, actors.Emit(Ping{N: 6}), h.Failed(root(t, Ping{N: 1}), f))
	assert.Nil(t, h.Failed(root(t, Picky{}), f), "a type without OnFailed")
	undecodable := root(t, actors.Raw{Type: "PING", Data: json.RawMessage(`{"n":"x"}`)})
	assert.Nil(t, h.Failed(undecodable, f))
}

func TestOnFailedHearsOldNames(t *testing.T) {
	t.Parallel()
	o := actors.NewOrgan("o", actors.Sink(ignore[Renamed]),
		actors.OnFailed(func(ev actors.EventOf[Renamed], _ actors.Failure) []actors.Payload {
			return actors.Emit(Ping{N: ev.Payload.Cents})
		}))
	require.NoError(t, o.Err())
	old := root(t, actors.Raw{Type: "OLDER_NAME", Data: json.RawMessage(`{"euros":2}`)})
	assert.Equal(t, actors.Emit(Ping{N: 200}), handler(t, o).Failed(old, actors.Failure{}))
}

func TestStopRunsEveryOnStop(t *testing.T) {
	t.Parallel()
	var order []int
	o := actors.NewOrgan("o", actors.Sink(ignore[Ping]),
		actors.OnStop(func() { order = append(order, 1) }), actors.OnStop(func() { order = append(order, 2) }))
	handler(t, o).Stop()
	assert.Equal(t, []int{1, 2}, order)
}
