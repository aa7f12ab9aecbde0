package actors_test

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"github.com/necrostack/necrostack/actors"
	"github.com/necrostack/necrostack/proto/wirepb"
)

func TestEnvelopeRoundTripOfEveryField(t *testing.T) {
	t.Parallel()
	parent := root(t, actors.With(Ping{}, actors.Meta("user", "ann"), actors.Meta("shop", "7"), actors.Meta("traceparent", "00-t")))
	child := emission(t, parent, Ordered{Account: "a", Cents: 1})
	late := emission(t, parent, actors.After(time.Minute, Ordered{Account: "a"}))
	replay, err := late.Replay(actors.NewID(), "shop", "billing", nil)
	require.NoError(t, err)
	tests := map[string]actors.Event{
		"first": parent, "child": child, "delayed": late, "replay": replay,
		"protobuf": root(t, newShot("s", 1)), "raw": root(t, actors.Raw{Type: "RAW"}),
	}
	for name, sent := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			requireSameEvent(t, sent, arrived(t, sent))
		})
	}
}

func requireSameEvent(t *testing.T, want, got actors.Event) {
	t.Helper()
	type fields struct {
		id, correlation, causation actors.ID
		at, due                    time.Time
		typ, key, trace, only      string
		hasKey                     bool
		hops                       int
		meta                       map[string]string
		data                       string
		encoding                   actors.Encoding
	}
	of := func(e actors.Event) fields {
		data, encoding, err := e.Data()
		require.NoError(t, err)
		return fields{
			id: e.ID(), correlation: e.Correlation(), causation: e.Causation(), at: e.Time(), due: e.Due(),
			typ: e.Type(), key: e.Key(), trace: e.Traceparent(), only: e.Only(), hasKey: e.HasKey(), hops: e.Hops(),
			meta: e.MetaAll(), data: string(data), encoding: encoding,
		}
	}
	require.Equal(t, of(want), of(got))
}

func TestEnvelopeBytesAreStable(t *testing.T) {
	t.Parallel()
	ev := root(t, actors.With(Ping{}, manyMeta(10, 5)...))
	first, err := ev.MarshalBinary()
	require.NoError(t, err)
	for range 10 {
		again, err := arrived(t, ev).MarshalBinary()
		require.NoError(t, err)
		require.Equal(t, first, again)
	}
}

// goodEnvelope is the least that is an event.
func goodEnvelope() *wirepb.Envelope {
	return &wirepb.Envelope{Version: 1, Id: []byte("0123456789abcdef"), EventType: "PING", Payload: []byte(`{}`)}
}

func read(t *testing.T, w *wirepb.Envelope) (actors.Event, error) {
	t.Helper()
	data, err := proto.Marshal(w)
	require.NoError(t, err)
	var ev actors.Event
	return ev, ev.UnmarshalBinary(data)
}

func TestBadEnvelopesAreRefused(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		spoil func(*wirepb.Envelope)
		want  string
	}{
		"version 0":          {func(w *wirepb.Envelope) { w.Version = 0 }, "version is 0, want 1"},
		"version 2":          {func(w *wirepb.Envelope) { w.Version = 2 }, "version is 2, want 1"},
		"no id":              {func(w *wirepb.Envelope) { w.Id = nil }, "id has 0 bytes"},
		"short id":           {func(w *wirepb.Envelope) { w.Id = w.Id[1:] }, "id has 15 bytes"},
		"zero id":            {func(w *wirepb.Envelope) { w.Id = make([]byte, 16) }, "id is 00000000-"},
		"short correlation":  {func(w *wirepb.Envelope) { w.CorrelationId = []byte("c") }, "correlation_id has 1 bytes"},
		"long causation":     {func(w *wirepb.Envelope) { w.CausationId = make([]byte, 17) }, "causation_id has 17 bytes"},
		"no type":            {func(w *wirepb.Envelope) { w.EventType = "" }, "event_type is empty"},
		"unsafe type":        {func(w *wirepb.Envelope) { w.EventType = "PI NG" }, `event_type "PI NG"`},
		"long type":          {func(w *wirepb.Envelope) { w.EventType = strings.Repeat("x", 257) }, "event_type has 257 bytes"},
		"hops":               {func(w *wirepb.Envelope) { w.Hops = math.MaxUint16 + 1 }, "hops is 65536"},
		"time":               {func(w *wirepb.Envelope) { w.TimeUs = math.MaxInt64 }, "time_us is 9223372036854775807"},
		"early time":         {func(w *wirepb.Envelope) { w.TimeUs = math.MinInt64 }, "time_us is -9223372036854775808"},
		"no payload":         {func(w *wirepb.Envelope) { w.Payload = nil }, `payload "" is not a JSON object`},
		"payload no object":  {func(w *wirepb.Envelope) { w.Payload = []byte(`[1]`) }, `payload "[1]" is not a JSON object`},
		"unknown encoding":   {func(w *wirepb.Envelope) { w.Kind = 7 }, "kind is 7"},
		"too much meta":      {func(w *wirepb.Envelope) { w.Meta = map[string]string{"m": strings.Repeat("v", 1024)} }, "meta has 1025 bytes"},
		"trace counts there": {func(w *wirepb.Envelope) { w.Traceparent = strings.Repeat("v", 1025) }, "meta has 1025 bytes"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := goodEnvelope()
			tt.spoil(w)
			ev, err := read(t, w)
			require.ErrorIs(t, err, actors.ErrEnvelope)
			requireMentions(t, err, tt.want)
			assert.True(t, ev.IsZero())
		})
	}
	var ev actors.Event
	require.ErrorIs(t, ev.UnmarshalBinary([]byte("\xff\xff")), actors.ErrEnvelope)
	require.ErrorIs(t, ev.UnmarshalBinary(nil), actors.ErrEnvelope)
}

func TestLeastEnvelopeIsAnEvent(t *testing.T) {
	t.Parallel()
	ev, err := read(t, goodEnvelope())
	require.NoError(t, err)
	assert.Equal(t, time.Unix(0, 0).UTC(), ev.Time())
	assert.Equal(t, ev.ID(), ev.Correlation())
	assert.True(t, ev.Causation().IsZero())
	assert.True(t, ev.Due().IsZero())
	assert.False(t, ev.HasKey())
}

func TestKeyCountsOnlyWithItsFlag(t *testing.T) {
	t.Parallel()
	w := goodEnvelope()
	w.Key = "k"
	ev, err := read(t, w)
	require.NoError(t, err)
	assert.Empty(t, ev.Key())
	w.Key, w.HasKey = "", true
	ev, err = read(t, w)
	require.NoError(t, err)
	assert.True(t, ev.HasKey(), "others may write an empty key")
	assert.NotEqual(t, root(t, Ping{}).KeyHash(), ev.KeyHash())
}

func TestFieldsOfNewerWritersAreIgnored(t *testing.T) {
	t.Parallel()
	data, err := root(t, Ping{N: 1}).MarshalBinary()
	require.NoError(t, err)
	var ev actors.Event
	require.NoError(t, ev.UnmarshalBinary(append(data, "\xf2\x07\x03new"...))) // field 126, a string
	assert.Equal(t, "PING", ev.Type())
}

func TestEnvelopeKeepsItsBytes(t *testing.T) {
	t.Parallel()
	sent := root(t, Ordered{Account: "a"})
	buffer, err := sent.MarshalBinary()
	require.NoError(t, err)
	var got actors.Event
	require.NoError(t, got.UnmarshalBinary(buffer))
	for i := range buffer {
		buffer[i] = 'x' // the caller's buffer is the caller's
	}
	requireSameEvent(t, sent, got)
}
