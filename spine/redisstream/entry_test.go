package redisstream

import (
	"encoding/json"
	"math"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"github.com/necrostack/necrostack/actors"
	"github.com/necrostack/necrostack/proto/wirepb"
	"github.com/necrostack/necrostack/supervision"
)

// wireBirth is when the events of these tests are made.
var wireBirth = time.Date(2026, 1, 2, 3, 4, 5, 678_901_000, time.UTC)

// message is a payload that is a protobuf message.
type message struct{ proto.Message }

func (message) EventType() string { return "MESSAGE" }

func wireRoot(t testing.TB, p actors.Payload) actors.Event {
	t.Helper()
	ev, err := actors.NewStamper(actors.StamperOptions{}).Root(p, wireBirth)
	require.NoError(t, err)
	return ev
}

func wireRaw(typ, data string) actors.Raw { return actors.Raw{Type: typ, Data: json.RawMessage(data)} }

// wireEvents are events of all sorts.
func wireEvents(t testing.TB) map[string]actors.Event {
	t.Helper()
	first := wireRoot(t, wireRaw("ORDER_PLACED", `{"cents":1250,"order":"o-1"}`))
	full := wireRoot(t, actors.With(wireRaw("ORDER_PLACED", `{"text":"é <&>"}`), actors.Key("acc-1"),
		actors.Meta("user", "ann \"é\"\n"), actors.Meta("shop", "7"), actors.Meta("traceparent", "00-t")))
	child, err := actors.NewStamper(actors.StamperOptions{Service: "shop", Organ: "audit"}).
		Emission(full, 0, actors.After(time.Millisecond, wireRaw("PAID", `{}`)), wireBirth.Add(time.Second))
	require.NoError(t, err)
	replay, err := child.Replay(actors.NewID(), "shop", "billing", nil)
	require.NoError(t, err)
	return map[string]actors.Event{
		"first": first, "full": full, "child": child, "replay": replay,
		"late": wireRoot(t, actors.After(time.Hour, wireRaw("REMIND", `{}`))),
	}
}

// requireSameOnWire wants equal events; two are when their envelopes are.
func requireSameOnWire(t testing.TB, want, got actors.Event) {
	t.Helper()
	a, err := want.MarshalBinary()
	require.NoError(t, err)
	b, err := got.MarshalBinary()
	require.NoError(t, err)
	var wantFields, gotFields wirepb.Envelope
	require.NoError(t, proto.Unmarshal(a, &wantFields))
	require.NoError(t, proto.Unmarshal(b, &gotFields))
	require.True(t, proto.Equal(&wantFields, &gotFields), "want %v\ngot  %v", &wantFields, &gotFields)
}

// requirePrintable wants an error that wraps errMalformed and can be shown as it is.
func requirePrintable(t testing.TB, err error) {
	t.Helper()
	require.ErrorIs(t, err, errMalformed)
	require.Equal(t, supervision.ClipError(err.Error()), err.Error(), "one short line")
}

// entryOf is the entry that the scripts make of a field and a value.
func entryOf(t testing.TB, ev actors.Event, original bool) []string {
	t.Helper()
	field, value, err := encodeEntry(ev, original)
	require.NoError(t, err)
	if !original {
		return []string{field, value}
	}
	require.True(t, utf8.ValidString(value))
	event, besides, two := strings.Cut(value, "\n")
	if !two {
		return []string{field, event}
	}
	require.NotContains(t, besides, "\n")
	return []string{field, event, fieldBeside, besides}
}

func TestEntriesReadAsTheyWereWritten(t *testing.T) {
	t.Parallel()
	for name, ev := range wireEvents(t) {
		for _, original := range []bool{false, true} {
			entry := entryOf(t, ev, original)
			got, err := decodeEntry(entry)
			require.NoError(t, err, "%s: %q", name, entry)
			requireSameOnWire(t, ev, got)
		}
	}
}

func TestEnvelopeIsTheOnlyFieldOfAnEntry(t *testing.T) {
	t.Parallel()
	ev := wireEvents(t)["full"]
	want, err := ev.MarshalBinary()
	require.NoError(t, err)
	assert.Equal(t, []string{"e", string(want)}, entryOf(t, ev, false))
}

func TestMalformedEntriesAreRefused(t *testing.T) {
	t.Parallel()
	events := wireEvents(t)
	envelope := entryOf(t, events["full"], false)[1]
	original := entryOf(t, events["first"], true)[1]
	foreign := entryOf(t, events["full"], true)
	many := make([]string, 400)
	for i := range many {
		many[i] = strings.Repeat("\x1b[2J", i)
	}
	for name, x := range map[string]struct {
		values []string
		want   string
	}{
		"no fields":               {nil, "neither field e nor field event"},
		"odd":                     {[]string{"e"}, "1 names and values"},
		"200 fields":              {many, `field "", one of 200, is unknown`},
		"another field":           {[]string{"event", original, "source", "x"}, `field "source", one of 2, is unknown`},
		"a name of binary":        {[]string{strings.Repeat("\x00\xff", 4000), "x"}, "one of 1, is unknown"},
		"both forms":              {[]string{"e", envelope, "event", original}, "field e stands beside another form"},
		"e with what is beside":   {[]string{"e", envelope, "envelope", "{}"}, "field e stands beside another form"},
		"only what is beside":     {[]string{"envelope", "{}"}, "neither field e nor field event"},
		"e twice":                 {[]string{"e", envelope, "e", envelope}, "field e is there twice"},
		"event twice":             {[]string{"event", original, "event", original}, "field event is there twice"},
		"beside twice":            {append(foreign[:4:4], "envelope", foreign[3]), "field envelope is there twice"},
		"empty e":                 {[]string{"e", ""}, "version is 0"},
		"garbage":                 {[]string{"e", "\xff\xfe\x00garbage"}, "field e: actors: not an envelope"},
		"cut off":                 {[]string{"e", envelope[:len(envelope)-3]}, "no protobuf message"},
		"version 2":               {[]string{"e", "\x08\x02" + envelope[2:]}, "version is 2, want 1"},
		"empty id":                {[]string{"e", "\x08\x01\x12\x00"}, "id has 0 bytes"},
		"64 MiB":                  {[]string{"e", strings.Repeat("x", 64<<20)}, "field e has 67108864 bytes"},
		"64 MiB of meta":          {[]string{"e", strings.Repeat("\x72\x00", 32<<20)}, "field e has 67108864 bytes"},
		"64 MiB of the original":  {[]string{"event", strings.Repeat("x", 64<<20)}, "field event has 67108864 bytes"},
		"64 MiB beside it":        {[]string{"event", original, "envelope", strings.Repeat("x", 64<<20)}, "field envelope has 67108864 bytes"},
		"empty event":             {[]string{"event", ""}, "unexpected end of JSON"},
		"event of nothing":        {[]string{"event", "{}"}, "field id is missing"},
		"event no object":         {[]string{"event", "[]"}, "not an event"},
		"event not UTF-8":         {[]string{"event", strings.Replace(original, "o-1", "\xff", 1)}, "field event is not UTF-8"},
		"event with NaN":          {[]string{"event", strings.Replace(original, "1250", "NaN", 1)}, "invalid character 'N'"},
		"event with more fields":  {[]string{"event", strings.Replace(original, "{", `{"key":"k",`, 1)}, `unknown field "key"`},
		"event with both behind":  {[]string{"event", foreign[1] + "\n" + foreign[3]}, "invalid character '{' after top-level value"},
		"event with a bad time":   {[]string{"event", strings.Replace(original, "2026-01-02T", "2026-01-02 ", 1)}, `timestamp is "2026-01-02 03`},
		"no zone, short fraction": {[]string{"event", strings.Replace(original, "678901+00:00", "67", 1)}, `timestamp is "2026-01-02T03:04:05.67"`},
		"event with a space":      {[]string{"event", strings.Replace(original, "ORDER_PLACED", "ORDER PLACED", 1)}, `event_type "ORDER PLACED"`},
		"event with no UUID":      {[]string{"event", strings.Replace(original, `"id": "`, `"id": "order-`, 1)}, "not a UUID"},
		"beside no JSON":          {[]string{"event", original, "envelope", "\x1b"}, `field envelope: invalid character '\x1b'`},
		"beside a long number":    {[]string{"event", original, "envelope", `{"hops":1` + strings.Repeat("0", 9000) + `}`}, "cannot unmarshal number 1000"},
		"beside too many hops":    {[]string{"event", original, "envelope", `{"hops":65536}`}, "hops is 65536"},
		"beside a bad cause":      {[]string{"event", original, "envelope", `{"causation_id":"x"}`}, `not a UUID: "x"`},
		"beside too much":         {[]string{"event", original, "envelope", `{"meta":{"m":"` + strings.Repeat("x", 1024) + `"}}`}, "meta has 1025 bytes"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ev, err := decodeEntry(x.values)
			requirePrintable(t, err)
			assert.Contains(t, err.Error(), x.want)
			assert.True(t, ev.IsZero())
		})
	}
}

func TestEntryLimitIsHeldByWritersAndReaders(t *testing.T) {
	t.Parallel()
	around := len(entryOf(t, wireRoot(t, wireRaw("BIG", `{}`)), false)[1]) + len(`"":""`) + 2*3 // lengths of 4 bytes instead of 1
	fits := wireRoot(t, wireRaw("BIG", `{"":"`+strings.Repeat("x", entryLimit-around)+`"}`))
	entry := entryOf(t, fits, false)
	require.InDelta(t, entryLimit, len(entry[1]), 4)
	_, err := decodeEntry(entry)
	require.NoError(t, err)

	_, _, err = encodeEntry(wireRoot(t, wireRaw("BIG", `{"":"`+strings.Repeat("x", entryLimit)+`"}`)), false)
	require.ErrorIs(t, err, actors.ErrEncode)
	var limit *actors.LimitError
	require.ErrorAs(t, err, &limit)
	assert.Equal(t, entryLimit, limit.Limit)
}

func TestWhatDoesNotEncodeIsNoEntry(t *testing.T) {
	t.Parallel()
	ev := wireRoot(t, wireRaw("BAD", `[]`))
	for _, original := range []bool{false, true} {
		_, _, err := encodeEntry(ev, original)
		require.ErrorIs(t, err, actors.ErrEncode)
	}
}

// TestHotEntriesAllocateNoMore is not parallel: another test's allocations would count.
func TestHotEntriesAllocateNoMore(t *testing.T) {
	ev := wireRoot(t, actors.With(wireRaw("ORDER_PLACED", `{"order":"o-1"}`), actors.Key("acc-1")))
	entry := entryOf(t, ev, false)
	assert.LessOrEqual(t, testing.AllocsPerRun(100, func() { _, _, _ = encodeEntry(ev, false) }), 1.0)
	assert.LessOrEqual(t, testing.AllocsPerRun(100, func() { _, _ = decodeEntry(entry) }), 1.0)
}

func BenchmarkEntry(b *testing.B) {
	ev := wireRoot(b, actors.With(wireRaw("ORDER_PLACED", `{"text":"`+strings.Repeat("x", 240)+`"}`), actors.Key("acc-1")))
	for name, original := range map[string]bool{"envelope": false, "original": true} {
		entry := entryOf(b, ev, original)
		b.Run(name+"/encode", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, _, err := encodeEntry(ev, original); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(name+"/decode", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := decodeEntry(entry); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// FuzzEntry: whatever is in a stream is refused with a printable error, or is an event that can be written again.
func FuzzEntry(f *testing.F) {
	for _, ev := range wireEvents(f) {
		for _, original := range []bool{false, true} {
			entry := append(entryOf(f, ev, original), "", "")
			f.Add(entry[0], entry[1], entry[2], entry[3])
		}
	}
	f.Add("event", `{"id":"x"}`, "envelope", `{"key":null}`)
	f.Fuzz(func(t *testing.T, name1, value1, name2, value2 string) {
		values := []string{name1, value1, name2, value2}
		if name2 == "" && value2 == "" {
			values = values[:2]
		}
		ev, err := decodeEntry(values)
		if err != nil {
			requirePrintable(t, err)
			return
		}
		again, err := decodeEntry(entryOf(t, ev, false))
		require.NoError(t, err)
		requireSameOnWire(t, ev, again)
		if _, _, err := encodeEntry(ev, true); err != nil {
			require.ErrorIs(t, err, actors.ErrEncode)
			return
		}
		again, err = decodeEntry(entryOf(t, ev, true))
		require.NoError(t, err)
		require.Equal(t, besideOf(ev), besideOf(again))
		require.Equal(t, ev.ID(), again.ID())
		require.Equal(t, ev.Time(), again.Time())
		require.LessOrEqual(t, again.Hops(), math.MaxUint16)
	})
}
