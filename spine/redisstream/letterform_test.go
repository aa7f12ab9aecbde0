package redisstream

import (
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/necrostack/necrostack/actors"
	"github.com/necrostack/necrostack/supervision"
)

func wireLetter(ev actors.Event) supervision.DeadLetter {
	return supervision.DeadLetter{
		Service: "shop", Organ: "billing", Reason: actors.KindPanic, Error: "index 3 of 2 \\x1b", Attempts: 5, Stack: "main.go:1\n\tmain",
		First: wireBirth.Add(time.Second), Last: wireBirth.Add(time.Minute).Truncate(time.Second), Event: ev,
	}
}

func fieldsOf(values []string) map[string]string {
	fields := map[string]string{}
	for i := 0; i < len(values); i += 2 {
		fields[values[i]] = values[i+1]
	}
	return fields
}

func TestLettersReadAsTheyWereWritten(t *testing.T) {
	t.Parallel()
	for name, ev := range wireEvents(t) {
		for _, original := range []bool{false, true} {
			sent := wireLetter(ev)
			values, err := encodeLetter(sent, original)
			require.NoError(t, err, name)
			got, err := decodeLetter("7-1", values)
			require.NoError(t, err, "%s: %q", name, values)
			requireSameOnWire(t, ev, got.Event)
			sent.ID, sent.Event, got.Event = "7-1", actors.Event{}, actors.Event{}
			require.Equal(t, sent, got, name)
		}
	}
}

func TestLetterIsReadableFieldByField(t *testing.T) {
	t.Parallel()
	ev := wireEvents(t)["full"]
	values, err := encodeLetter(wireLetter(ev), false)
	require.NoError(t, err)
	envelope, err := ev.MarshalBinary()
	require.NoError(t, err)
	assert.Equal(t, []string{
		"service", "shop", "organ", "billing", "reason", "panic", "error", `index 3 of 2 \x1b`, "attempts", "5",
		"first", "2026-01-02T03:04:06.678901Z", "stack", "main.go:1\n\tmain", "last", "2026-01-02T03:05:05.000000Z",
		"event_id", ev.ID().String(), "event_type", "ORDER_PLACED", "key", "acc-1", "e", string(envelope),
	}, values)
}

func TestOriginalLetterBeginsAsTheOriginalWritesIt(t *testing.T) {
	t.Parallel()
	ev := wireEvents(t)["full"]
	l := wireLetter(ev)
	l.ID, l.Stack = "5-0", ""
	values, err := encodeLetter(l, true)
	require.NoError(t, err)
	entry := entryOf(t, ev, true)
	assert.Equal(t, []string{
		"original_id", "5-0", "event", entry[1], "reason", `index 3 of 2 \x1b`, "failed_at", "2026-01-02T03:05:05+00:00",
		"service", "shop", "organ", "billing", "kind", "panic", "attempts", "5", "first", "2026-01-02T03:04:06.678901Z",
		"envelope", entry[3],
	}, values)

	l.Error = ""
	values, err = encodeLetter(l, true)
	require.NoError(t, err)
	assert.Equal(t, "panic", fieldsOf(values)["reason"])
}

func TestEventThatTheOriginalCannotSayStillBecomesALetter(t *testing.T) {
	t.Parallel()
	ev := wireRoot(t, wireRaw("P", `{"":"`+strings.Repeat("é", 200_000)+`"}`))
	values, err := encodeLetter(wireLetter(ev), true)
	require.NoError(t, err)
	got, err := decodeLetter("1-0", values)
	require.NoError(t, err)
	requireSameOnWire(t, ev, got.Event)

	_, err = encodeLetter(wireLetter(wireRoot(t, wireRaw("P", `[]`))), true)
	require.ErrorIs(t, err, actors.ErrEncode)
}

func TestOriginalsLettersAreUnderstood(t *testing.T) {
	t.Parallel()
	event := strings.SplitN(originalEntries, "\n", 2)[0][len("plain\t"):]
	foreign := []string{"original_id", "1735787045678-0", "event", event, "reason", "Exceeded 3 delivery attempts", "failed_at", "2025-01-02T03:05:05.000123+00:00"}
	l, err := decodeLetter("1-0", foreign)
	require.NoError(t, err)
	assert.Equal(t, "ORDER_PLACED", l.Event.Type())
	at := time.Date(2025, 1, 2, 3, 5, 5, 123_000, time.UTC)
	l.Event = actors.Event{}
	assert.Equal(t, supervision.DeadLetter{ID: "1-0", Reason: actors.KindError, Error: "Exceeded 3 delivery attempts", First: at, Last: at}, l)

	l, err = decodeLetter("1-0", append(slices.Clone(foreign), "service", "\x1b", "organ", "\x1b", "stack", "x"))
	require.NoError(t, err)
	assert.Empty(t, l.Service+l.Organ+l.Stack, "names that it does not write mean nothing")

	foreign[3] = "{}" // what it keeps of an entry without an event
	l, err = decodeLetter("1-0", foreign)
	require.NoError(t, err)
	assert.True(t, l.Event.IsZero())
	assert.Equal(t, "_bad", l.Organ)
}

func TestBadLetterKeepsTheRawFields(t *testing.T) {
	t.Parallel()
	raw := []string{"e", "\xff", "e", "\x00", "", "", "service", "other", "raw:x", "y"}
	at := wireBirth.In(time.FixedZone("", 3600))
	values := encodeBadLetter("shop", "undecodable", "field e is there twice \x1b[2J"+strings.Repeat("x", 600), at, raw)
	require.Equal(t, []string{
		"service", "shop", "organ", "_bad", "reason", "undecodable", "error", fieldsOf(values)["error"],
		"attempts", "0", "first", "2026-01-02T03:04:05.678901Z", "last", "2026-01-02T03:04:05.678901Z",
		"raw:e", "\xff", "raw:e", "\x00", "raw:", "", "raw:service", "other", "raw:raw:x", "y",
	}, values)
	assert.LessOrEqual(t, len(fieldsOf(values)["error"]), supervision.ErrorLimit)
	assert.Contains(t, fieldsOf(values)["error"], `field e is there twice \x1b[2J`)
	l, err := decodeLetter("2-0", values)
	require.NoError(t, err)
	assert.True(t, l.Event.IsZero())
	assert.Equal(t, fieldsOf(values)["error"], l.Error)
	l.Error = ""
	assert.Equal(t, supervision.DeadLetter{ID: "2-0", Service: "shop", Organ: "_bad", Reason: actors.KindUndecodable, First: wireBirth, Last: wireBirth}, l)
}

func TestBadLetterMayHaveAReasonOfItsOwn(t *testing.T) {
	t.Parallel()
	l, err := decodeLetter("2-0", encodeBadLetter("shop", "missing", "trimmed while pending", wireBirth, nil))
	require.NoError(t, err)
	assert.Equal(t, actors.KindUndecodable, l.Reason)
	assert.Equal(t, "missing: trimmed while pending", l.Error)
}

func TestTextOfALetterIsMadePrintable(t *testing.T) {
	t.Parallel()
	for _, original := range []bool{false, true} {
		sent := wireLetter(wireEvents(t)["first"])
		sent.Error, sent.Stack = "a\x1b[2J"+strings.Repeat("x", 600), "b\x1b[2J\n"+strings.Repeat("x", 9000)
		values, err := encodeLetter(sent, original)
		require.NoError(t, err)
		l, err := decodeLetter("1-0", values)
		require.NoError(t, err)
		assert.Equal(t, supervision.ClipError(sent.Error), l.Error)
		assert.Equal(t, supervision.ClipStack(sent.Stack), l.Stack)
	}
}

func TestMalformedLettersAreRefused(t *testing.T) {
	t.Parallel()
	ev := wireEvents(t)["first"]
	ours, err := encodeLetter(wireLetter(ev), false)
	require.NoError(t, err)
	theirs, err := encodeLetter(wireLetter(ev), true)
	require.NoError(t, err)
	bad := encodeBadLetter("shop", "undecodable", "x", wireBirth, nil)
	with := func(values []string, name, value string) []string {
		fields := fieldsOf(values)
		fields[name] = value
		if value == "-" {
			delete(fields, name)
		}
		var out []string
		for _, name := range slices.Sorted(maps.Keys(fields)) {
			out = append(out, name, fields[name])
		}
		return out
	}
	for name, x := range map[string]struct {
		values []string
		want   string
	}{
		"nothing":            {nil, `field last is ""`},
		"odd":                {ours[:3], "3 names and values"},
		"twice":              {append(slices.Clone(ours), "organ", "x"), `field "organ" is there twice`},
		"two events":         {append(slices.Clone(ours), "e", "x"), `field "e" is there twice`},
		"both forms":         {with(ours, "event", "{}"), "field e stands beside another form"},
		"no service":         {with(ours, "service", "-"), "service is empty"},
		"no organ":           {with(ours, "organ", "-"), "organ is empty"},
		"an unsafe organ":    {with(ours, "organ", "\x1b[2J"), `organ "\x1b[2J"`},
		"no reason":          {with(ours, "reason", "-"), `field reason is ""`},
		"an unknown reason":  {with(ours, "reason", strings.Repeat("\xff", 1000)), `field reason is "\xff`},
		"no attempts":        {with(ours, "attempts", "-"), `field attempts is ""`},
		"attempts below 0":   {with(ours, "attempts", "-1"), `field attempts is "-1"`},
		"too many attempts":  {with(ours, "attempts", "2147483648"), `field attempts is "2147483648"`},
		"no first":           {with(ours, "first", "-"), `field first is ""`},
		"no last":            {with(ours, "last", "-"), `field last is ""`},
		"a bad last":         {with(ours, "last", "today"), `field last is "today"`},
		"hours of one digit": {with(ours, "last", "2026-01-02T3:04:05Z"), `field last is "2026-01-02T3:04:05Z"`},
		"a comma":            {with(ours, "last", "2026-01-02T03:04:05,5Z"), `field last is "2026-01-02T03:04:05,5Z"`},
		"before year 0":      {with(ours, "last", "0000-01-01T00:00:00+00:01"), `field last is "0000-01-01T00:00:00+00:01"`},
		"after year 9999":    {with(ours, "last", "9999-12-31T23:59:59-00:01"), `field last is "9999-12-31T23:59:59-00:01"`},
		"no event":           {with(ours, "e", "-"), "neither field e nor field event"},
		"a bad event":        {with(ours, "e", "\xff"), "field e: actors: not an envelope"},
		"bad with an event":  {with(bad, "e", "\xff"), "field e: actors: not an envelope"},
		"theirs, bad event":  {with(theirs, "event", "["), "field event: actors: not an event"},
		"theirs, no event":   {with(theirs, "event", "-"), "neither field e nor field event"},
		"theirs, bad time":   {with(theirs, "failed_at", "today"), `field failed_at is "today"`},
		"theirs, bad kind":   {with(theirs, "kind", "x"), `field kind is "x"`},
		"theirs, no organ":   {with(theirs, "organ", "-"), "organ is empty"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l, err := decodeLetter("1-0", x.values)
			requirePrintable(t, err)
			assert.Contains(t, err.Error(), x.want)
			assert.Zero(t, l)
		})
	}
}

func TestLettersOfNewerWritersAreRead(t *testing.T) {
	t.Parallel()
	values, err := encodeLetter(wireLetter(wireEvents(t)["first"]), false)
	require.NoError(t, err)
	_, err = decodeLetter("1-0", append(values, "node", "a"))
	require.NoError(t, err)
}

// FuzzLetter: whatever is in the stream of dead letters is refused with a printable error, or is a letter that
// reads the same after another journey.
func FuzzLetter(f *testing.F) {
	const split = "\x1f"
	for _, ev := range wireEvents(f) {
		for _, original := range []bool{false, true} {
			values, err := encodeLetter(wireLetter(ev), original)
			require.NoError(f, err)
			f.Add(strings.Join(values, split))
		}
	}
	f.Add(strings.Join(encodeBadLetter("shop", "missing", "gone", wireBirth, []string{"a", "b"}), split))
	f.Add(strings.Join([]string{"event", "{}", "reason", "x", "failed_at", "2025-01-02T03:04:05"}, split))
	f.Fuzz(func(t *testing.T, joined string) {
		l, err := decodeLetter("1-0", strings.Split(joined, split))
		if err != nil {
			requirePrintable(t, err)
			return
		}
		if l.Event.IsZero() || l.Organ == "" {
			return
		}
		values, err := encodeLetter(l, false)
		require.NoError(t, err)
		again, err := decodeLetter("1-0", values)
		require.NoError(t, err)
		requireSameOnWire(t, l.Event, again.Event)
		l.Event, again.Event = actors.Event{}, actors.Event{}
		l.First, l.Last = l.First.Truncate(time.Microsecond), l.Last.Truncate(time.Microsecond)
		require.Equal(t, l, again)
	})
}
