package actors_test

import (
	"context"
	"encoding/json"
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/necrostack/necrostack/actors"
)

// handler is an instance of o, which must be sound.
func handler(t testing.TB, o actors.Organ) *actors.Handler {
	t.Helper()
	h, err := o.Handler()
	require.NoError(t, err)
	return h
}

func ignore[P actors.Payload](context.Context, actors.EventOf[P]) error { return nil }

// spoil changes a payload in f, whose error is err.
func spoil[P actors.Payload](f func(P), err error) actors.Reaction {
	return actors.Sink(func(_ context.Context, ev actors.EventOf[P]) error {
		f(ev.Payload)
		return err
	})
}

func TestCheckingCatchesAHandlerThatChangesItsPayload(t *testing.T) {
	t.Parallel()
	full := Ordered{Account: "a", Tags: []string{"x"}, Notes: map[string]string{"k": "v"}}
	own := errors.New("the handler's own")
	tests := map[string]struct {
		p     actors.Payload
		organ actors.Reaction
	}{
		"slice element": {full, spoil(func(o Ordered) { o.Tags[0] = "y" }, nil)},
		"map element":   {full, spoil(func(o Ordered) { o.Notes["k"] = "w" }, nil)},
		"new map key":   {full, spoil(func(o Ordered) { o.Notes["l"] = "w" }, nil)},
		"and an error":  {full, spoil(func(o Ordered) { o.Tags[0] = "y" }, own)},
		"pointer":       {&Note{Key: "k", Text: "x"}, spoil(func(n *Note) { n.Text = "y" }, nil)},
		"protobuf":      {newShot("s", 1), spoil(func(s *Shot) { s.Schema = "t" }, nil)},
		"unencodable":   {weights{1}, spoil(func(w weights) { w[0] = nan }, nil)},
		"map": {full, actors.Map(func(_ context.Context, ev actors.EventOf[Ordered]) (Ping, error) {
			ev.Payload.Tags[0] = "y"
			return Ping{}, nil
		})},
		"batch": {full, actors.SinkBatch(func(_ context.Context, evs []actors.EventOf[Ordered]) error {
			evs[0].Payload.Tags[0] = "y"
			return nil
		})},
		"bytes": {full, actors.OnAny([]string{"ORDERED"}, func(_ context.Context, ev actors.Event) ([]actors.Payload, error) {
			data, _, err := ev.Data()
			data[2] = 'A'
			return nil, err
		})},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ev := checked(t, tt.p)
			before, _, err := ev.Data()
			require.NoError(t, err)
			want := string(before)
			h := handler(t, actors.NewOrgan("spoiler", tt.organ))
			for range 2 { // the second time, too: what others see is the original
				out, err := h.Handle(t.Context(), ev)
				require.ErrorIs(t, err, actors.ErrMutated)
				requireMentions(t, err, ev.Type())
				assert.Equal(t, actors.KindPermanent, kindOf(err))
				assert.Nil(t, out)
			}
			after, _, err := ev.Data()
			require.NoError(t, err)
			assert.Equal(t, want, string(after))
		})
	}
}

func TestCheckingShowsOthersTheOriginal(t *testing.T) {
	t.Parallel()
	var seen []string
	o := actors.NewOrgan("reader", actors.Sink(func(_ context.Context, ev actors.EventOf[*Shot]) error {
		seen = append(seen, ev.Payload.Schema)
		ev.Payload.Schema = "spoiled"
		return nil
	}))
	sent := newShot("s", 1)
	ev := checked(t, sent)
	for range 2 {
		_, err := handler(t, o).Handle(t.Context(), ev)
		require.ErrorIs(t, err, actors.ErrMutated)
	}
	assert.Equal(t, []string{"s", "s"}, seen)
	assert.Equal(t, "s", sent.Schema, "the publisher's value is not what handlers get")
	text, err := ev.MarshalJSON()
	require.NoError(t, err)
	assert.Contains(t, string(text), `"schema":"s"`)
}

func TestCheckingLetsHonestHandlersPass(t *testing.T) {
	t.Parallel()
	own := errors.New("the handler's own")
	echo := actors.NewOrgan("echo",
		actors.On(func(_ context.Context, ev actors.EventOf[Ordered]) ([]actors.Payload, error) {
			return actors.Emit(Ping{N: ev.Payload.Cents}), nil
		}),
		actors.Sink(func(context.Context, actors.EventOf[Ping]) error { return own }),
		actors.SinkBatch(func(_ context.Context, evs []actors.EventOf[Picky]) error { return own }),
		actors.OnAny([]string{"ANY"}, func(_ context.Context, ev actors.Event) ([]actors.Payload, error) {
			_, _, err := ev.Data()
			return actors.Emit(Ping{}), err
		}),
	)
	h := handler(t, echo)
	out, err := h.Handle(t.Context(), checked(t, Ordered{Account: "a", Cents: 3, Notes: map[string]string{"b": "2", "a": "1"}}))
	require.NoError(t, err)
	assert.Equal(t, actors.Emit(Ping{N: 3}), out)
	_, err = h.Handle(t.Context(), checked(t, Ping{}))
	assert.Equal(t, own, err)
	_, err = h.Handle(t.Context(), checked(t, Picky{}))
	assert.Equal(t, own, err)
	out, err = h.Handle(t.Context(), checked(t, actors.Raw{Type: "ANY"}))
	require.NoError(t, err)
	assert.Equal(t, actors.Emit(Ping{}), out)
}

func TestCheckingTakesEverythingThroughTheCodec(t *testing.T) {
	t.Parallel()
	s := actors.NewStamper(actors.StamperOptions{Service: "shop", Checking: true, Limits: actors.Limits{Payload: 10}})
	_, err := s.Root(Ordered{Account: "far-too-long"}, birth)
	assert.Equal(t, actors.KindLimit, kindOf(err))
	_, err = s.Emission(root(t, Ping{}), 0, weights{nan}, birth)
	require.ErrorIs(t, err, actors.ErrEncode)

	sent := lossy{Kept: 1, lost: 2}
	assert.Equal(t, lossy{Kept: 1}, decoded[lossy](t, checked(t, sent)), "as if it came from a store")
	assert.Equal(t, sent, decoded[lossy](t, root(t, sent)))
}

func TestCheckingIsOffByDefault(t *testing.T) {
	t.Parallel()
	o := actors.NewOrgan("spoiler", spoil(func(o Ordered) { o.Tags[0] = "y" }, nil))
	_, err := handler(t, o).Handle(t.Context(), root(t, Ordered{Account: "a", Tags: []string{"x"}}))
	require.NoError(t, err)
}

func TestCheckingCatchesAStepThatChangesItsPayload(t *testing.T) {
	t.Parallel()
	k := actors.NewKeyed("k", func(string) *tally { return &tally{} },
		actors.Step(func(_ *tally, ev actors.EventOf[Ordered]) ([]actors.Payload, error) {
			ev.Payload.Tags[0] = "y"
			return nil, nil
		}),
		actors.StepAny([]string{"PING"}, func(_ *tally, ev actors.Event) ([]actors.Payload, error) {
			data, _, err := ev.Data()
			data[2] = 'N'
			return nil, err
		}),
	)
	for _, p := range []actors.Payload{Ordered{Account: "a", Tags: []string{"x"}}, Ping{}} {
		c, err := k.NewCell("a")
		require.NoError(t, err)
		_, err = c.Step(checked(t, p))
		require.ErrorIs(t, err, actors.ErrMutated)
		assert.Equal(t, actors.KindPermanent, kindOf(err))
	}
}

type lossy struct {
	Kept int
	lost int
}

func (lossy) EventType() string { return "LOSSY" }

// weights encodes to an object, unless it has a NaN.
type weights []float64

func (weights) EventType() string { return "WEIGHTS" }
func (w weights) MarshalJSON() ([]byte, error) {
	return json.Marshal(map[string][]float64{"kilos": w})
}
func (w *weights) UnmarshalJSON(data []byte) error {
	var in map[string][]float64
	err := json.Unmarshal(data, &in)
	*w = in["kilos"]
	return err
}
