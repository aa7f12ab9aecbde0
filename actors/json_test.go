package actors_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/necrostack/necrostack/actors"
)

const (
	someID   = "01234567-89ab-4def-8123-456789abcdef"
	someTime = "2026-01-02T03:04:05.678901Z"
)

func TestJSONHasExactlyFourFields(t *testing.T) {
	t.Parallel()
	id, err := actors.ParseID(someID)
	require.NoError(t, err)
	ev := root(t, actors.With(Ordered{Account: "a", Cents: 5}, id, actors.Key("k"), actors.Meta("user", "ann"), actors.After(time.Hour)))
	data, err := json.Marshal(ev)
	require.NoError(t, err)
	assert.Equal(t, `{"id":"`+someID+`","timestamp":"`+someTime+`","event_type":"ORDERED","payload":{"account":"a","cents":5}}`, string(data))
}

func TestJSONRoundTrip(t *testing.T) {
	t.Parallel()
	sent := root(t, Ordered{Account: "a", Cents: 5, Tags: []string{"ä <&>", "\u2028"}, Notes: map[string]string{"k": "v"}})
	data, err := json.Marshal(sent)
	require.NoError(t, err)
	var got actors.Event
	require.NoError(t, json.Unmarshal(data, &got))

	assert.Equal(t, sent.ID(), got.ID())
	assert.Equal(t, sent.Time(), got.Time())
	assert.Equal(t, sent.Type(), got.Type())
	want, err := actors.Decode[Ordered](sent)
	require.NoError(t, err)
	p, err := actors.Decode[Ordered](got)
	require.NoError(t, err)
	assert.Equal(t, want, p)
	again, err := json.Marshal(got)
	require.NoError(t, err)
	assert.Equal(t, string(data), string(again))

	assert.Equal(t, got.ID(), got.Correlation(), "an event from JSON is the first of its chain")
	assert.False(t, got.HasKey())
}

func TestJSONAcceptsWhatOthersWrite(t *testing.T) {
	t.Parallel()
	text := ` { "payload" : { "n" : 1 }, "event_type":"PING",
		"timestamp":"2026-01-02T05:04:05.678901234+02:00", "id":"` + strings.ToUpper(someID) + `" } `
	var got actors.Event
	require.NoError(t, json.Unmarshal([]byte(text), &got))
	assert.Equal(t, someID, got.ID().String())
	assert.Equal(t, birth.Truncate(time.Microsecond), got.Time())
	p, err := actors.Decode[Ping](got)
	require.NoError(t, err)
	assert.Equal(t, Ping{N: 1}, p)
}

func TestJSONKeepsItsBytes(t *testing.T) {
	t.Parallel()
	text := []byte(`{"id":"` + someID + `","timestamp":"` + someTime + `","event_type":"PING","payload":{"n":1}}`)
	var got actors.Event
	require.NoError(t, got.UnmarshalJSON(text))
	for i := range text {
		text[i] = 'x' // the caller's buffer is the caller's
	}
	data, _, err := got.Data()
	require.NoError(t, err)
	assert.JSONEq(t, `{"n":1}`, string(data))
}

func TestJSONErrorsNameFieldAndValue(t *testing.T) {
	t.Parallel()
	good := map[string]string{"id": `"` + someID + `"`, "timestamp": `"` + someTime + `"`, "event_type": `"PING"`, "payload": `{"n":1}`}
	tests := []struct{ field, value, want string }{
		{"id", "", "id is missing"},
		{"timestamp", "", "timestamp is missing"},
		{"event_type", "", "event_type is missing"},
		{"payload", "", "payload is missing"},
		{"id", `null`, `id is "null", want a string`},
		{"id", `7`, `id is "7", want a string`},
		{"id", `"seven"`, `field id: actors: not a UUID: "seven"`},
		{"id", `"01234567-89ab-4def-8123-456789abcdeg"`, "456789abcdeg"},
		{"id", `"{01234567-89ab-4def-8123-456789abcdef}"`, "{01234567"},
		{"id", `"00000000-0000-0000-0000-000000000000"`, `id is "00000000-0000-0000-0000-000000000000"`},
		{"timestamp", `null`, `timestamp is "null", want a string`},
		{"timestamp", `1767323045`, `timestamp is "1767323045", want a string`},
		{"timestamp", `"yesterday"`, `timestamp is "yesterday"`},
		{"timestamp", `"2026-01-02T03:04:05"`, `timestamp is "2026-01-02T03:04:05"`},
		{"timestamp", `"2026-01-02 03:04:05Z"`, `timestamp is "2026-01-02 03:04:05Z"`},
		{"timestamp", `"2026-01-02T03:04:05,5Z"`, `timestamp is "2026-01-02T03:04:05,5Z"`},
		{"timestamp", `"2026-01-02T3:04:05Z"`, `timestamp is "2026-01-02T3:04:05Z"`},
		{"timestamp", `"2026-02-30T03:04:05Z"`, `timestamp is "2026-02-30T03:04:05Z"`},
		{"timestamp", `"0000-01-01T00:00:00+14:00"`, `timestamp is "0000-01-01T00:00:00+14:00"`},
		{"event_type", `null`, `event_type is "null", want a string`},
		{"event_type", `["PING"]`, `event_type is "[\"PING\"]"`},
		{"event_type", `""`, `event_type is empty: ""`},
		{"event_type", `"  "`, `event_type is empty: "  "`},
		{"event_type", `"PI NG"`, `event_type "PI NG"`},
		{"payload", `null`, `payload "null" is not a JSON object`},
		{"payload", `[1]`, `payload "[1]" is not a JSON object`},
		{"payload", `"{}"`, `payload "\"{}\"" is not a JSON object`},
		{"payload", `7`, `payload "7" is not a JSON object`},
		{"key", `"k"`, `unknown field "key"`},
		{"ID", `"` + someID + `"`, `unknown field "ID"`},
		{"", `1`, `unknown field ""`},
	}
	for _, tt := range tests {
		t.Run(tt.field+" "+tt.value, func(t *testing.T) {
			t.Parallel()
			fields := map[string]json.RawMessage{}
			for name, value := range good {
				fields[name] = json.RawMessage(value)
			}
			fields[tt.field] = json.RawMessage(tt.value)
			if tt.value == "" {
				delete(fields, tt.field)
			}
			text, err := json.Marshal(fields)
			require.NoError(t, err)
			var ev actors.Event
			err = ev.UnmarshalJSON(text)
			require.ErrorIs(t, err, actors.ErrJSON)
			requireMentions(t, err, tt.want)
			assert.True(t, ev.IsZero(), "a refused event stays none")
		})
	}
}

func TestTextThatIsNoObjectIsNoEvent(t *testing.T) {
	t.Parallel()
	for _, text := range []string{``, `null`, `[]`, `"x"`, `7`, `{`, `{"id":}`, `{} {}`} {
		var ev actors.Event
		require.ErrorIs(t, ev.UnmarshalJSON([]byte(text)), actors.ErrJSON, text)
	}
}

func TestErrorsAboutLongTextStayShort(t *testing.T) {
	t.Parallel()
	long := "x" + strings.Repeat("é", 10_000)
	var ev actors.Event
	for _, text := range []string{`{"` + long + `":1}`, `{"id":"` + long + `"}`, `{"id":["` + long + `"]}`} {
		err := ev.UnmarshalJSON([]byte(text))
		require.ErrorIs(t, err, actors.ErrJSON)
		assert.Less(t, len(err.Error()), 300)
		assert.NotContains(t, err.Error(), `\xc3`, "no letter is cut in two")
	}
}

func TestJSONLineAddsTheChain(t *testing.T) {
	t.Parallel()
	first := root(t, Ordered{Account: "a"})
	line, err := first.AppendJSONLine([]byte("before "))
	require.NoError(t, err)
	rest, ok := strings.CutPrefix(string(line), "before ")
	require.True(t, ok)
	assert.True(t, strings.HasSuffix(rest, "}\n"))
	assert.Equal(t, 1, strings.Count(rest, "\n"))
	assert.JSONEq(t, `{"id":"`+first.ID().String()+`","timestamp":"`+someTime+`","event_type":"ORDERED","payload":{"account":"a","cents":0},
		"key":"a","correlation_id":"`+first.ID().String()+`","causation_id":null,"hops":0}`, rest)

	child := emission(t, first, Ping{N: 2})
	line, err = child.AppendJSONLine(nil)
	require.NoError(t, err)
	assert.JSONEq(t, `{"id":"`+child.ID().String()+`","timestamp":"`+someTime+`","event_type":"PING","payload":{"n":2},
		"key":null,"correlation_id":"`+first.ID().String()+`","causation_id":"`+first.ID().String()+`","hops":1}`, string(line))

	_, err = root(t, Odd{"7"}).AppendJSONLine(nil)
	require.ErrorIs(t, err, actors.ErrEncode)
}

func TestProtobufPayloadHasAJSONForm(t *testing.T) {
	t.Parallel()
	ev := root(t, newShot("s", 7))
	data, err := json.Marshal(ev)
	require.NoError(t, err)
	assert.JSONEq(t, `{"id":"`+ev.ID().String()+`","timestamp":"`+someTime+`","event_type":"SHOT","payload":{"schema":"s","seq":"7"}}`, string(data))

	var got actors.Event
	require.NoError(t, json.Unmarshal(data, &got))
	p, err := actors.Decode[*Shot](got)
	require.NoError(t, err)
	assert.Equal(t, "s", p.Schema)
	assert.EqualValues(t, 7, p.Seq)

	_, err = json.Marshal(arrived(t, ev))
	require.ErrorIs(t, err, actors.ErrEncode, "bytes alone do not tell the names of the fields")
}
