package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/necrostack/necrostack/actors"
	"github.com/necrostack/necrostack/examples/console"
	"github.com/necrostack/necrostack/examples/trading_orderbook/desk"
)

// full is a disk without room.
type full struct{}

var errFull = errors.New("no room")

func (*full) Write([]byte) (int, error) { return 0, errFull }

// eventLine is an event as the event log has it.
type eventLine struct {
	ID          string          `json:"id"`
	Timestamp   string          `json:"timestamp"`
	Type        string          `json:"event_type"`
	Payload     json.RawMessage `json:"payload"`
	Key         *string         `json:"key"`
	Correlation string          `json:"correlation_id"`
	Causation   *string         `json:"causation_id"`
	Hops        int             `json:"hops"`
}

// decodeLines reads JSON lines strictly.
func decodeLines[T any](t *testing.T, data []byte) []T {
	t.Helper()
	var all []T
	for line := range bytes.Lines(data) {
		var one T
		d := json.NewDecoder(bytes.NewReader(line))
		d.DisallowUnknownFields()
		require.NoError(t, d.Decode(&one), "%s", line)
		all = append(all, one)
	}
	return all
}

func TestEventsFileHasEveryEventAndItsCause(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "events.jsonl")
	p := play(t, "", "--events", path)
	require.NoError(t, p.failure)
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	all := decodeLines[eventLine](t, data)
	assert.Contains(t, p.out, "343 events settled")
	require.Len(t, all, 343)
	byID := map[string]eventLine{}
	for _, ev := range all {
		assert.NotContains(t, byID, ev.ID, "every id appears once")
		byID[ev.ID] = ev
	}
	for _, ev := range all {
		require.NotNil(t, ev.Key)
		if ev.Causation == nil {
			assert.Contains(t, []string{"ORDER_SUBMITTED", "ROW_UNREADABLE"}, ev.Type)
			continue
		}
		cause, ok := byID[*ev.Causation]
		require.True(t, ok, "%s has a cause that is not there", ev.Type)
		assert.Equal(t, cause.Correlation, ev.Correlation)
		assert.Equal(t, cause.Hops+1, ev.Hops)
	}
}

func TestEventsToStandardOutputLeaveTheReportToStandardError(t *testing.T) {
	t.Parallel()
	p := play(t, "BUY 1 AAPL @ 1\n", "--interactive", "--events", "-")
	require.NoError(t, p.failure)
	var types []string
	for _, ev := range decodeLines[eventLine](t, []byte(p.out)) {
		types = append(types, ev.Type)
	}
	assert.ElementsMatch(t, []string{"ORDER_SUBMITTED", "ORDER_VALIDATED", "ORDER_QUEUED", "BOOK_CHANGED"}, types)
	assert.Contains(t, p.err, "• rests")
}

func TestUnwritableFilesAreErrors(t *testing.T) {
	t.Parallel()
	nowhere := filepath.Join(t.TempDir(), "no", "such", "folder")
	for flag, want := range map[string]string{"--events": "event log: open ", "--audit": "audit file: open "} {
		p := play(t, "", flag, nowhere)
		require.ErrorContains(t, p.failure, want)
		assert.Empty(t, p.out, "nothing was traded")
	}
	// A disk that fills up under way: the run goes on, and the end tells.
	for flag, want := range map[string]string{"--events": "event log: write ", "--audit": "audit file: write "} {
		p := play(t, "", flag, "/dev/full")
		require.ErrorContains(t, p.failure, want)
		assert.Contains(t, p.out, "343 events settled")
	}
}

// auditedRun returns the lines of the audit file of a sample run.
func auditedRun(t *testing.T) (path string, lines []string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "audit.jsonl")
	require.NoError(t, play(t, "", "--audit", path).failure)
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	return path, strings.SplitAfter(strings.TrimSuffix(string(data), "\n"), "\n")
}

func TestAuditFileVerifies(t *testing.T) {
	t.Parallel()
	path, lines := auditedRun(t)
	assert.Len(t, lines, 257+4, "what AuditTrail has handled, and a line that closes each chain")
	p := play(t, "", "verify", path)
	require.NoError(t, p.failure)
	assert.Equal(t, 4, strings.Count(p.out, "✓"), p.out)
}

func TestEveryChangeOfAnAuditFileIsFound(t *testing.T) {
	t.Parallel()
	path, lines := auditedRun(t)
	at := func(part string) int {
		for i, line := range lines {
			if strings.Contains(line, part) {
				return i
			}
		}
		require.Fail(t, "no line has "+part)
		return 0
	}
	changed := func(i int, old, with string) []string {
		all := append([]string{}, lines...)
		require.Contains(t, all[i], old)
		all[i] = strings.Replace(all[i], old, with, 1)
		return all
	}
	without := func(i int) []string { return append(append([]string{}, lines[:i]...), lines[i+1:]...) }
	trade := at(`"trade_id":"AAPL-3"`)
	swapped := append([]string{}, lines...)
	swapped[trade], swapped[trade-1] = swapped[trade-1], swapped[trade]
	last := len(lines) - 1
	for name, c := range map[string]struct {
		lines []string
		want  string
	}{
		"price":          {changed(trade, `"price":"150.20"`, `"price":"150.21"`), "the chain breaks at event"},
		"type":           {changed(trade, "TRADE_EXECUTED", "ORDER_CANCELLED"), "the chain breaks at event"},
		"id":             {changed(trade, `"id":"`, `"id":"00000000-0000-4000-8000-000000000000","xx":"`), "line"},
		"unknown type":   {changed(trade, "TRADE_EXECUTED", "TRADE_DREAMT"), `events of type "TRADE_DREAMT" are not audited`},
		"missing":        {without(trade), "the chain breaks at event"},
		"twice":          {append(append(append([]string{}, lines[:trade+1]...), lines[trade]), lines[trade+1:]...), "the chain breaks at event"},
		"order":          {swapped, "the chain breaks at event"},
		"head":           {changed(trade, `"head":"`, `"head":"0`), "line"},
		"not closed":     {lines[:last], "the file was not closed"},
		"closed by hand": {changed(last, `"events":2,`, `"events":3,`), "AuditTrail had 3 events"},
		"cut off":        {append(append([]string{}, lines[:trade]...), lines[trade][:20]), "this is no line of an audit file"},
		"empty":          {nil, "it is empty"},
		"an event more":  {append(append([]string{}, lines...), "\n"+lines[last-4]), "line 26"},
	} {
		file := filepath.Join(filepath.Dir(path), "x"+name)
		require.NoError(t, os.WriteFile(file, []byte(strings.Join(c.lines, "")), 0o600))
		p := play(t, "", "verify", file)
		require.Error(t, p.failure, name)
		assert.Contains(t, p.out+p.failure.Error(), c.want, name)
	}
	require.ErrorContains(t, play(t, "", "verify", path+".nix").failure, "audit file: open")
}

// A desk whose trail has other events than were settled must not look sound.
func TestChainsThatDifferAreTold(t *testing.T) {
	t.Parallel()
	f, w := openFloor(t)
	stray := newEvent(t, desk.OrderQueued{Order: desk.Order{OrderID: "x", Symbol: "AAPL"}})
	f.audit.add(stray)
	publishAll(t, f, w, desk.OrderSubmitted{OrderID: "a", TraderID: "t", Symbol: "AAPL", Side: "BUY", Quantity: 1, Price: "1"})
	all, err := f.audit.compare(t.Context(), f.spine)
	require.NoError(t, err)
	require.Len(t, all, 1)
	assert.False(t, all[0].agrees)
}

// A line behind the one that closes a chain is no part of it, even if it would go on with it.
func TestNothingFollowsAClosedChain(t *testing.T) {
	t.Parallel()
	path, lines := auditedRun(t)
	var events []string
	var links []desk.Link
	for _, text := range lines {
		var line auditLine
		require.NoError(t, json.Unmarshal([]byte(text), &line))
		if line.Symbol == "ZZZZ" && line.Closed == nil {
			events, links = append(events, strings.TrimSpace(text)), append(links, line.Link)
		}
	}
	require.Len(t, events, 2, "neither of them is the matching engine's")
	closing, err := json.Marshal(auditLine{Symbol: "ZZZZ", Link: links[0], Closed: &desk.Link{}})
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(path, []byte(strings.Join([]string{events[0], string(closing)}, "\n")), 0o600))
	require.NoError(t, play(t, "", "verify", path).failure)
	require.NoError(t, os.WriteFile(path, []byte(strings.Join([]string{events[0], string(closing), events[1]}, "\n")), 0o600))
	p := play(t, "", "verify", path)
	require.ErrorIs(t, p.failure, errAudit)
	assert.Contains(t, p.out, "line 3: there is an event after the chain was closed")
}

// once fails the first time.
type once struct {
	bytes.Buffer
	failed bool
}

func (o *once) Write(p []byte) (int, error) {
	if !o.failed {
		o.failed = true
		return 0, errFull
	}
	return o.Buffer.Write(p)
}

// A log with a hole would read like one that has everything.
func TestLogEndsWhereItBreaks(t *testing.T) {
	t.Parallel()
	out := &once{}
	r := newRecord(out)
	for range 2 {
		r.settled(newEvent(t, desk.OrderQueued{Order: desk.Order{OrderID: "x", Symbol: "AAPL"}}))
	}
	require.ErrorIs(t, r.logError(), errFull)
	assert.Empty(t, out.String())
}

func TestRecordGoesOnWithoutItsLog(t *testing.T) {
	t.Parallel()
	r := newRecord(&full{})
	for range 2 {
		r.settled(newEvent(t, desk.OrderQueued{Order: desk.Order{OrderID: "x", Symbol: "AAPL"}}))
	}
	require.ErrorIs(t, r.logError(), errFull)
	_, all := r.counted()
	assert.Equal(t, 2, all)
}

func newEvent(t *testing.T, p actors.Payload) actors.Event {
	t.Helper()
	ev, err := actors.NewStamper(actors.StamperOptions{Service: service}).Root(p, time.Now())
	require.NoError(t, err)
	return ev
}

func TestPolicyFileChangesThePolicyOfAnOrgan(t *testing.T) {
	t.Parallel()
	path := writePolicy(t, "organs: {Settlement: {attempts: 1, exhausted: store}}\n")
	p := play(t, "", "--policy", path, "--outage", "1h")
	require.NoError(t, p.failure)
	assert.Regexp(t, `all +55 +10 +20 +11 +14 +20 +1,840 +0 +20 `, p.out, "no trade is tried twice")
	assert.Contains(t, p.out, "Dead letters (21)")
}

func TestPolicyFileWithATypoNamesTheLine(t *testing.T) {
	t.Parallel()
	path := writePolicy(t, "organs:\n  Setlement: {attempts: 3}\n  AuditTrail: {atempts: 3}\n")
	p := play(t, "", "--policy", path)
	require.ErrorContains(t, p.failure, path)
	require.ErrorContains(t, p.failure, `line 2: unknown organ "Setlement"`)
	require.ErrorContains(t, p.failure, `line 3: organ "AuditTrail": unknown field "atempts"`)
	assert.Empty(t, p.out)
}

func TestSamplePolicyIsValid(t *testing.T) {
	t.Parallel()
	ps, err := openPolicies("sample/policy.yaml")
	require.NoError(t, err)
	assert.Equal(t, 8, ps.For(desk.Settlement).Retry.Attempts)
	assert.Equal(t, desk.Policies().For(desk.MatchingEngine), ps.For(desk.MatchingEngine))
}

func TestLogFlagTellsWhatTheSpineDoes(t *testing.T) {
	t.Parallel()
	p := play(t, "", "--log", "warn")
	require.NoError(t, p.failure)
	assert.Equal(t, 2, strings.Count(p.err, `"event failed, dead-lettered"`))
	assert.Equal(t, 2, strings.Count(p.err, "\n"), p.err)
}

func TestLogIsJSONInUTC(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	console.NewLog(&out, slog.LevelWarn).Warn("said", "event_id", "1")
	var line struct{ Time, Level, Msg string }
	require.NoError(t, json.Unmarshal(out.Bytes(), &line))
	assert.Equal(t, "said", line.Msg)
	assert.True(t, strings.HasSuffix(line.Time, "Z"), line.Time)
}
