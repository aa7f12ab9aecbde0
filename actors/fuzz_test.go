package actors_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/necrostack/necrostack/actors"
)

// FuzzEnvelope: whatever arrives is refused with an error, or is an event that reads the
// same after another journey.
func FuzzEnvelope(f *testing.F) {
	for _, p := range []actors.Payload{
		Ping{N: 1}, Ordered{Account: "a", Tags: []string{"é"}}, newShot("s", 1),
		actors.With(Ping{}, actors.Key("k"), actors.Meta("user", "ann"), actors.Meta("traceparent", "00-t"), actors.After(1e9)),
	} {
		ev := root(f, p)
		data, err := ev.MarshalBinary()
		require.NoError(f, err)
		f.Add(data)
		data, err = emission(f, ev, p).MarshalBinary()
		require.NoError(f, err)
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var ev actors.Event
		if err := ev.UnmarshalBinary(data); err != nil {
			require.ErrorIs(t, err, actors.ErrEnvelope)
			return
		}
		requireSameEvent(t, ev, arrived(t, ev))
		requireUsable(t, ev)
		body, encoding, err := ev.Data()
		require.NoError(t, err)
		if encoding != actors.JSON || !json.Valid(body) {
			return
		}
		text, err := ev.MarshalJSON()
		require.NoError(t, err)
		var again actors.Event
		require.NoError(t, again.UnmarshalJSON(text), "%s", text)
		require.Equal(t, ev.Time(), again.Time())
		require.Equal(t, ev.ID(), again.ID())
	})
}

// FuzzJSON: whatever arrives is refused with an error, or is an event that reads the
// same after another journey, in both forms.
func FuzzJSON(f *testing.F) {
	f.Add([]byte(`{"id":"` + someID + `","timestamp":"` + someTime + `","event_type":"PING","payload":{"n":1}}`))
	f.Add([]byte(`{"id":"` + someID + `","timestamp":"9999-12-31T23:59:59-23:59","event_type":"A","payload": {"n":[1, null]} }`))
	f.Add([]byte(`{"id":"x","timestamp":"0000-01-01T00:00:00+23:59","event_type":"","payload":[]}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		var ev actors.Event
		if err := ev.UnmarshalJSON(text); err != nil {
			require.ErrorIs(t, err, actors.ErrJSON)
			return
		}
		requireSameEvent(t, ev, arrived(t, ev))
		requireUsable(t, ev)
		first, err := ev.MarshalJSON()
		require.NoError(t, err)
		var again actors.Event
		require.NoError(t, again.UnmarshalJSON(first), "%s", first)
		second, err := again.MarshalJSON()
		require.NoError(t, err)
		require.Equal(t, string(first), string(second))
	})
}

// requireUsable calls what a runtime calls on any event it has read.
func requireUsable(t *testing.T, ev actors.Event) {
	t.Helper()
	shard := ev.Shard(16)
	require.True(t, 0 <= shard && shard < 16)
	require.Positive(t, ev.Size())
	require.NoError(t, actors.CheckName("event type", ev.Type()))
	_, _ = actors.Decode[Ordered](ev) // any answer but a panic
	_, _ = actors.Decode[*Shot](ev)
	s := actors.NewStamper(actors.StamperOptions{Service: "shop", Organ: "audit"})
	_, err := s.Emission(ev, 0, Ping{}, birth)
	require.NoError(t, err)
}
