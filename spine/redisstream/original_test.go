package redisstream

import (
	_ "embed"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/types/known/structpb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/necrostack/necrostack/actors"
)

// originalEntries are values of the field event as the original writes them, byte by byte: a name, a tab and the value
// on each line.
//
//go:embed testdata/original_entries.txt
var originalEntries string

func TestOriginalsEntriesAreUnderstood(t *testing.T) {
	t.Parallel()
	at := time.Date(2025, 1, 2, 3, 4, 5, 678_901_000, time.UTC)
	wants := map[string]struct {
		at           time.Time
		typ, payload string
	}{
		"plain":                 {at, "ORDER_PLACED", `{"order":"o-1","cents":1250}`},
		"empty payload":         {at, "PING", `{}`},
		"whole second":          {at.Truncate(time.Second), "PING", `{"n":1}`},
		"few microseconds":      {at.Truncate(time.Second).Add(40 * time.Microsecond), "PING", `{"n":1}`},
		"another zone":          {at, "PING", `{"n":1}`},
		"no zone":               {at, "PING", `{"n":1}`},
		"no zone, whole second": {at.Truncate(time.Second), "PING", `{"n":1}`},
		"text":                  {at, "NOTE", `{"text":"é \u2028 😀 ` + "\x7f" + ` <&> \"q\" \\ / \n\t\u0001","ключ":"значение"}`},
		"nested":                {at, "NESTED", `{"a":{"b":[1,2.5,1e+16,1e-05,-0.0,null,true,[]]},"c":null,"d":12345678901234567890}`},
		"lone surrogate":        {at, "ODD", `{"s":"\ud800"}`},
	}
	lines := strings.Split(strings.TrimSuffix(originalEntries, "\n"), "\n")
	require.Len(t, lines, len(wants))
	for i, line := range lines {
		name, value, _ := strings.Cut(line, "\t")
		ev, err := decodeEntry([]string{"event", value})
		require.NoError(t, err, name)
		want, ok := wants[name]
		require.True(t, ok, name)
		data, encoding, err := ev.Data()
		require.NoError(t, err)
		assert.Equal(t, fmt.Sprintf("01234567-89ab-4def-8123-4567890000%02d", i), ev.ID().String(), name)
		assert.Equal(t, want.at, ev.Time(), name)
		assert.Equal(t, want.typ, ev.Type(), name)
		assert.Equal(t, actors.JSON, encoding, name)
		assert.JSONEq(t, want.payload, string(data), name)
		assert.False(t, ev.HasKey(), name)
		assert.Equal(t, ev.ID(), ev.Correlation(), name)
	}
}

func TestOriginalFormIsWhatTheOriginalWrites(t *testing.T) {
	t.Parallel()
	for _, line := range strings.Split(strings.TrimSuffix(originalEntries, "\n"), "\n")[:4] {
		_, value, _ := strings.Cut(line, "\t")
		ev, err := decodeEntry([]string{"event", value})
		require.NoError(t, err)
		field, got, err := encodeEntry(ev, true)
		require.NoError(t, err)
		assert.Equal(t, "event", field)
		// Inside the payload it puts spaces that we do not.
		assert.Equal(t, strings.NewReplacer(`: 1250`, `:1250`, `, "cents"`, `,"cents"`, `"order": `, `"order":`, `"n": 1`, `"n":1`).Replace(value), got)
	}
}

func TestWhatTheOriginalCannotSayStandsBeside(t *testing.T) {
	t.Parallel()
	events := wireEvents(t)
	assert.Len(t, entryOf(t, events["first"], true), 2)
	for name, want := range map[string]string{
		"full":  `{"key":"acc-1","traceparent":"00-t","meta":{"shop":"7","user":"ann \"é\"\n"}}`,
		"child": `{"correlation_id":"` + events["full"].ID().String() + `","causation_id":"` + events["full"].ID().String() + `","hops":1,"due_us":1767323046679901,"traceparent":"00-t","meta":{"shop":"7","user":"ann \"é\"\n"}}`,
		"late":  `{"due_us":1767326645678901}`,
	} {
		entry := entryOf(t, events[name], true)
		require.Len(t, entry, 4, name)
		assert.Equal(t, want, entry[3])
	}
}

func TestProtobufBecomesJSONInTheOriginalForm(t *testing.T) {
	t.Parallel()
	fields, err := structpb.NewStruct(map[string]any{"schema": "s"})
	require.NoError(t, err)
	ev := wireRoot(t, message{fields})
	got, err := decodeEntry(entryOf(t, ev, true))
	require.NoError(t, err)
	data, encoding, err := got.Data()
	require.NoError(t, err)
	assert.Equal(t, actors.JSON, encoding)
	assert.JSONEq(t, `{"schema":"s"}`, string(data))

	_, _, err = encodeEntry(wireRoot(t, message{wrapperspb.String("s")}), true)
	require.ErrorIs(t, err, actors.ErrEncode)
	assert.Contains(t, err.Error(), `"\"s\"" is not a JSON object`)

	got, err = decodeEntry(entryOf(t, ev, false))
	require.NoError(t, err)
	_, encoding, err = got.Data()
	require.NoError(t, err)
	assert.Equal(t, actors.Protobuf, encoding)
	_, _, err = encodeEntry(got, true)
	require.ErrorIs(t, err, actors.ErrEncode, "bytes alone do not tell the names of the fields")
}

func TestWhatTheOriginalRefusesIsNotWritten(t *testing.T) {
	t.Parallel()
	foreign := func(from, to string) actors.Event {
		_, value, _ := strings.Cut(originalEntries, "\t")
		value, _, _ = strings.Cut(value, "\n")
		ev, err := decodeEntry([]string{"event", strings.Replace(value, from, to, 1)})
		require.NoError(t, err)
		return ev
	}
	broken := func(payload string) actors.Event {
		entry := entryOf(t, wireRoot(t, wireRaw("P", `{"n":0}`)), false)
		ev, err := decodeEntry([]string{"e", strings.Replace(entry[1], `{"n":0}`, payload, 1)})
		require.NoError(t, err)
		return ev
	}
	for name, x := range map[string]struct {
		ev   actors.Event
		want string
	}{
		"version 7":         {foreign("-4def-", "-7def-"), "is no UUID of version 4"},
		"another variant":   {foreign("-8123-", "-0123-"), "is no UUID of version 4"},
		"year 0":            {foreign("2025-", "0000-"), "before the original's first year"},
		"payload no JSON":   {broken(`{"n":!}`), "invalid character '!'"},
		"payload not UTF-8": {broken("{\"\xff\":0"[:6] + "}"), "payload is not UTF-8"},
		"meta not UTF-8":    {wireRoot(t, actors.With(wireRaw("M", "{}"), actors.Meta("user", "\xff"))), `M: "\xff" is not UTF-8`},
		"trace not UTF-8":   {wireRoot(t, actors.With(wireRaw("M", "{}"), actors.Meta("traceparent", "\xff"))), `M: "\xff" is not UTF-8`},
		"payload too large": {wireRoot(t, wireRaw("P", `{"":"`+strings.Repeat("é", 166_666)+`"}`)), "payload of P in the original's form has 1000004 bytes, the limit is 1000000"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, value, err := encodeEntry(x.ev, true)
			require.ErrorIs(t, err, actors.ErrEncode)
			assert.Contains(t, err.Error(), x.want)
			assert.Empty(t, value)
		})
	}
	_, _, err := encodeEntry(wireRoot(t, wireRaw("P", `{"":"`+strings.Repeat("é", 166_665)+`"}`)), true)
	require.NoError(t, err)
}

func TestPayloadsAreWrittenOnOneLine(t *testing.T) {
	t.Parallel()
	ev, err := decodeEntry([]string{"event", strings.Replace(strings.SplitN(originalEntries, "\n", 2)[0][len("plain\t"):], `, "cents"`, ",\n\t\"cents\"", 1)})
	require.NoError(t, err)
	_, value, err := encodeEntry(ev, true)
	require.NoError(t, err)
	assert.NotContains(t, value, "\n")
}

// The lengths were taken from json.dumps.
func TestOriginalSizeIsWhatJSONDumpsMakes(t *testing.T) {
	t.Parallel()
	for payload, want := range map[string]int{
		`{}`:                                 2,
		`{"a":[]}`:                           9,
		`{"a":[[],{}],"b":[[1],[2]]}`:        32,
		`{"t":[true,false,null],"n":[0]}`:    36,
		`{"f":[1E15,1e16,100.0,1e-5,1e400]}`: 58,
		`{"f":[-1e400]}`:                     18,
		`{"text":"é \u2028 😀 ` + "\x7f" + ` <\u0026> \"q\" \\ \/ \n\t\u0001","ключ":"значение"}`:                 151,
		`{"a":{"b":[1,2.5,1e16,1e-05,-0.0,null,true,[]]},"c":null,"d":12345678901234567890}`:                     96,
		`{"f":[0.1,1.5,100.0,1e15,1e16,123456789012345680.0,0.0001,0.00001,1e-7,5e-324,1.7976931348623157e308]}`: 130,
	} {
		assert.Equal(t, want, originalSize([]byte(payload)), payload)
	}
}
