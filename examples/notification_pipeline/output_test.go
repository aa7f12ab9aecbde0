package main

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/necrostack/necrostack/actors"
	"github.com/necrostack/necrostack/examples/console"
)

func TestEventsFileHasEveryEventAndItsCause(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "events.jsonl")
	p := play(t, "", "--events", path)
	require.NoError(t, p.failure)
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	all := decodeLines[eventLine](t, data)
	assert.Contains(t, p.out, "52 events settled")
	require.Len(t, all, 52)
	byID := map[string]eventLine{}
	for _, ev := range all {
		assert.NotContains(t, byID, ev.ID, "every id appears once")
		byID[ev.ID] = ev
	}
	for _, ev := range all {
		require.NotNil(t, ev.Key)
		if ev.Causation == nil {
			assert.Equal(t, "NOTIFICATION_REQUESTED", ev.Type)
			assert.Equal(t, ev.ID, ev.Correlation)
			assert.Zero(t, ev.Hops)
			continue
		}
		cause, ok := byID[*ev.Causation]
		require.True(t, ok, "%s has a cause that is not there", ev.Type)
		assert.Equal(t, cause.Correlation, ev.Correlation)
		assert.Equal(t, cause.Hops+1, ev.Hops)
		assert.False(t, ev.Timestamp.Before(cause.Timestamp))
	}
	assert.Equal(t, strings.Join([]string{
		"NOTIFICATION_REQUESTED",
		"  NOTIFICATION_VALIDATED",
		"    EMAIL_SEND_REQUESTED",
		"      EMAIL_DELIVERED",
		"        DELIVERY_COMPLETED",
		"    PUSH_SEND_REQUESTED",
		"      PUSH_DELIVERED",
		"        DELIVERY_COMPLETED",
		"    SMS_SEND_REQUESTED",
		"      SMS_FAILED",
		"",
	}, "\n"), drawn(t, all, "carol"))
}

// drawn rebuilds the tree of a user's request from the lines alone.
func drawn(t *testing.T, all []eventLine, user string) string {
	t.Helper()
	caused := map[string][]eventLine{}
	for _, ev := range all {
		cause := ""
		if ev.Causation != nil {
			cause = *ev.Causation
		}
		if *ev.Key == user {
			caused[cause] = append(caused[cause], ev)
		}
	}
	var below func(cause, indent string) []string
	below = func(cause, indent string) (lines []string) {
		var branches []string
		for _, ev := range caused[cause] {
			branches = append(branches, indent+ev.Type+"\n"+strings.Join(below(ev.ID, indent+"  "), ""))
		}
		slices.Sort(branches)
		return branches
	}
	return strings.Join(below("", ""), "")
}

func TestEventsToStandardOutputLeaveTheReportToStandardError(t *testing.T) {
	t.Parallel()
	p := play(t, "send alice push Hi\n", "--interactive", "--events", "-")
	require.NoError(t, p.failure)
	assert.Len(t, decodeLines[eventLine](t, []byte(p.out)), 5)
	assert.Contains(t, p.err, "push ✓")
}

func TestUnwritableEventsFileIsAnError(t *testing.T) {
	t.Parallel()
	p := play(t, "", "--events", filepath.Join(t.TempDir(), "no", "such", "folder"))
	require.ErrorContains(t, p.failure, "event log: open ")
	assert.Empty(t, p.out, "nothing was sent")
}

func TestBrokenEventLogIsToldAtTheEnd(t *testing.T) {
	t.Parallel()
	r := newRecord(&full{}, 0)
	r.settled(newEvent(t, SMSDelivered{}))
	r.settled(newEvent(t, SMSDelivered{}))
	require.ErrorIs(t, r.logError(), errFull)
	assert.Equal(t, 2, r.counted().events, "the run goes on")
}

func TestRecordNoticesAnEventThatIsSettledAgain(t *testing.T) {
	t.Parallel()
	r := newRecord(nil, 1)
	first, second := newEvent(t, SMSDelivered{}), newEvent(t, PushDelivered{})
	for range 2 {
		r.settled(first)
	}
	r.settled(second)
	assert.Equal(t, counted{map[string]int{"SMS_DELIVERED": 2, "PUSH_DELIVERED": 1}, 2, 1}, r.counted())
	assert.Equal(t, []actors.ID{second.ID()}, r.roots(), "only the last chain is kept")
	assert.Empty(t, r.chain(first.ID()))
}

func TestAuditFlagWritesARowPerChannel(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "audit.jsonl")
	p := play(t, "", "--audit", path)
	require.NoError(t, p.failure)
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	ended := map[status]int{}
	for _, row := range decodeLines[auditRow](t, data) {
		ended[row.Status]++
	}
	assert.Equal(t, map[status]int{statusDelivered: 10, statusFailed: 2, statusUnreachable: 2}, ended)
}

func TestPolicyFileReplacesThePolicyOfAnOrgan(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "policy.yaml")
	require.NoError(t, os.WriteFile(path, []byte("organs: {email: {attempts: 1}}\n"), 0o600))
	p := play(t, "", "--policy", path)
	require.NoError(t, p.failure)
	assert.Regexp(t, `email +5 +3 +2 +0\n`, p.out, "nothing is tried twice")
	assert.Regexp(t, `push +4 +4 +0 +1\n`, p.out, "the others keep theirs")
}

func TestSamplePolicyIsValid(t *testing.T) {
	t.Parallel()
	ps, err := openPolicies("sample/policy.yaml")
	require.NoError(t, err)
	assert.Equal(t, 8, ps.For(string(email)).Retry.Attempts)
	require.NoError(t, builtinPolicies().Err())
}

func TestPolicyFileWithATypoNamesTheLine(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "policy.yaml")
	require.NoError(t, os.WriteFile(path, []byte("organs:\n  emial: {attempts: 3}\n  sms: {atempts: 3}\n"), 0o600))
	p := play(t, "", "--policy", path)
	require.ErrorContains(t, p.failure, path)
	require.ErrorContains(t, p.failure, `line 2: unknown organ "emial"`)
	require.ErrorContains(t, p.failure, `line 3: organ "sms": unknown field "atempts"`)
	assert.Empty(t, p.out)
}

func TestContactsFileReplacesTheBuiltInTable(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "contacts.json")
	require.NoError(t, os.WriteFile(path, []byte(`{"zoë": {"device": "z"}}`), 0o600))
	p := play(t, "send zoë push Hi\nsend alice push Hi\n", "--interactive", "--contacts", path)
	require.NoError(t, p.failure)
	assert.Contains(t, p.out, "push ✓")
	assert.Contains(t, p.out, "push –")
	require.NoError(t, os.WriteFile(path, []byte(`{"zoë": {"device": 7}}`), 0o600))
	assert.ErrorContains(t, play(t, "", "--contacts", path).failure, "contacts")
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

func TestLogFlagTellsWhatTheSpineDoes(t *testing.T) {
	t.Parallel()
	p := play(t, "", "--log", "warn")
	require.NoError(t, p.failure)
	assert.Equal(t, 6, strings.Count(p.err, `"attempt failed, will retry"`))
	assert.Equal(t, 4, strings.Count(p.err, `"event failed, dead-lettered"`))
	assert.NotContains(t, p.err, `"Received"`)
	assert.Equal(t, 10, strings.Count(p.err, "\n"), p.err)
}

func TestTextFromOutsideCannotCommandTheTerminal(t *testing.T) {
	t.Parallel()
	assert.Equal(t, "a·[31m b c", console.Clip("a\x1b[31m\nb\t c", 20))
	assert.Equal(t, "abc…", console.Clip("abcdef", 4))
	assert.Equal(t, "ééé", console.Clip("ééé", 3))
}

func TestNumbersAreReadable(t *testing.T) {
	t.Parallel()
	assert.Equal(t, []string{"0", "999", "1,000", "-1,234,567"}, []string{console.Grouped(0), console.Grouped(999), console.Grouped(1000), console.Grouped(-1234567)})
	assert.Equal(t, []string{"1 row", "2 rows", "0 rows"}, []string{console.Plural(1, "row"), console.Plural(2, "row"), console.Plural(0, "row")})
}
