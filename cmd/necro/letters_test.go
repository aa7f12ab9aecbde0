package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/necrostack/necrostack/actors"
	"github.com/necrostack/necrostack/spine"
	"github.com/necrostack/necrostack/supervision"
)

// fail publishes n more events and dead-letters all there are, by turns for one of two reasons.
func (c *console) fail(n int) {
	c.Helper()
	st := actors.NewStamper(actors.StamperOptions{Service: "test"})
	var evs []actors.Event
	for i := range n {
		ev, err := st.Root(actors.With(actors.Raw{Type: "NOTE", Data: []byte(`{"n":1}`)}, actors.Key(fmt.Sprint("k", i%2))), time.Now())
		require.NoError(c, err)
		evs = append(evs, ev)
	}
	_, err := c.store.Publish(c.Context(), evs)
	require.NoError(c, err)
	for i := 0; i < n+2; { // two are left of those from before
		ds, err := c.store.Pull(c.Context(), spine.Want{Events: 1, Bytes: 1 << 20})
		require.NoError(c, err)
		for _, d := range ds {
			f := actors.Failure{Organ: "a", Kind: actors.KindError, Err: errors.New("no answer"), Attempt: 3, First: time.Now(), Last: time.Now()}
			if i%2 == 1 {
				f.Kind, f.Err, f.Stack = actors.KindPanic, errors.New("panic: \x1b[2J"), "goroutine 1\n\tmain.go:7\n"
			}
			l := supervision.NewDeadLetter("svc", d.Event, f)
			answers, err := c.store.Settle(c.Context(), []spine.Settlement{{Receipt: d.Receipt, Shard: d.Shard, Kind: spine.Dead, Letter: &l}})
			require.NoError(c, err)
			require.Equal(c, spine.Settled, answers[0].Code)
			i++
		}
	}
}

// lettersOf are those that the command lists.
func (c *console) lettersOf(words ...string) []letterLine {
	c.Helper()
	code, out, errs := c.ask(append([]string{"letters", "svc", "--json"}, words...)...)
	require.Equal(c, exitOK, code, errs)
	var lines []letterLine
	require.NoError(c, json.Unmarshal([]byte(out), &lines))
	return lines
}

func TestLettersAreListedAndShown(t *testing.T) {
	t.Parallel()
	c := newConsole(t)
	c.fail(4)
	c.close() // nobody serves the service any more
	all := c.lettersOf()
	require.Len(t, all, 6)
	assert.Len(t, c.lettersOf("--reason", "panic"), 3)
	assert.Len(t, c.lettersOf("--text", "no ans"), 3)
	assert.Len(t, c.lettersOf("--key", "k1", "--organ", "a", "--type", "NOTE"), 2)
	assert.Empty(t, c.lettersOf("--organ", "b"))

	code, out, errs := c.ask("letters", "svc", "--limit", "2")
	assert.Equal(t, exitOK, code, errs)
	assert.Equal(t, "necro: there are more than 2, --limit 0 is all\n", errs)
	require.Len(t, rows(out), 3)
	assert.Equal(t, "LETTER LAST ORGAN TYPE KEY REASON ATTEMPTS ERROR", rows(out)[0])
	assert.Regexp(t, `^\d+-\d+ [0-9-]+ [0-9:]+ a NOTE k0? error 3 no answer$`, rows(out)[1])

	panicked := c.lettersOf("--reason", "panic", "--limit", "0")[0]
	code, out, errs = c.ask("letter", "svc", panicked.ID)
	assert.Equal(t, exitOK, code, errs)
	assert.Contains(t, rows(out), `error panic: \x1b[2J`)
	assert.Contains(t, rows(out), "stack goroutine 1")
	assert.Contains(t, rows(out), "main.go:7")
	assert.Regexp(t, `"event_type":"NOTE","payload":\{("n":1)?\}\}`, out)
	code, out, errs = c.ask("letter", "svc", panicked.ID, "--json")
	assert.Equal(t, exitOK, code, errs)
	var whole wholeLetter
	require.NoError(t, json.Unmarshal([]byte(out), &whole))
	assert.Equal(t, panicked, whole.letterLine)
	assert.Contains(t, whole.Stack, "main.go:7")
	assert.Contains(t, string(whole.Event), `"payload"`)

	code, _, errs = c.ask("letter", "svc", "1-1")
	assert.Equal(t, exitFailed, code)
	assert.Contains(t, errs, `"1-1"`)
	code, _, errs = c.ask("letters", "svd")
	assert.Equal(t, exitFailed, code)
	assert.Contains(t, errs, `there is no service "svd", the store has ["svc"]`)
}

func TestLettersAreReplayedAndDropped(t *testing.T) {
	t.Parallel()
	c := newConsole(t)
	c.fail(6)
	code, out, errs := c.ask("replay", "svc", "all", "--reason", "panic", "--dry-run")
	assert.Equal(t, exitOK, code, errs)
	assert.Equal(t, "4 dead letters would be replayed\n", out)
	require.Len(t, c.lettersOf(), 8)

	edited := filepath.Join(t.TempDir(), "payload.json")
	require.NoError(t, os.WriteFile(edited, []byte(`{"n":2}`), 0o600))
	first := c.lettersOf()[0]
	code, out, errs = c.ask("replay", "svc", first.ID, "--payload", edited, "--because", "mended")
	assert.Equal(t, exitOK, code, errs)
	assert.Regexp(t, `^replayed as event \S+\n$`, out)
	ds, err := c.store.Pull(t.Context(), spine.Want{Events: 1, Bytes: 1 << 20})
	require.NoError(t, err)
	data, _, err := ds[0].Event.Data()
	require.NoError(t, err)
	assert.JSONEq(t, `{"n":2}`, string(data))
	assert.Equal(t, "svc/a", ds[0].Event.Only())

	code, out, errs = c.ask("replay", "svc", "all", "--reason", "panic", "--limit", "3", "--rate", "1000", "--json")
	assert.Equal(t, exitOK, code, errs)
	assert.JSONEq(t, `{"replayed":3,"gone":0,"failed":0}`, out)
	require.Len(t, c.lettersOf(), 4)

	code, out, errs = c.ask("drop", "svc", c.lettersOf()[0].ID)
	assert.Equal(t, exitOK, code, errs)
	assert.Equal(t, "dropped\n", out)
	code, out, errs = c.ask("drop", "svc", "all", "--key", "k0", "--dry-run", "--json")
	assert.Equal(t, exitOK, code, errs)
	left := len(c.lettersOf("--key", "k0"))
	assert.JSONEq(t, fmt.Sprintf(`{"would_drop":%d}`, left), out)
	code, out, errs = c.ask("drop", "svc", "all")
	assert.Equal(t, exitOK, code, errs)
	assert.Equal(t, "3 dead letters dropped\n", out)
	assert.Empty(t, c.lettersOf())

	for _, verb := range []string{"replay", "drop"} {
		code, out, errs = c.ask(verb, "svc", first.ID)
		assert.Equal(t, exitFailed, code)
		assert.Contains(t, errs, "no such dead letter")
		assert.Empty(t, out)
	}
}

// What a filter does not reach must not be replayed or dropped because of a flag that was not meant so.
func TestFlagsOfLettersAreForThoseThatTakeThem(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		words []string
		says  string
	}{
		{[]string{"shards", "svc", "--organ", "a"}, "--organ is for letters and replay and drop"},
		{[]string{"drop", "svc", "1-1", "--organ", "a"}, "--organ is for drop all, not for one letter"},
		{[]string{"replay", "svc", "1-1", "--dry-run"}, "--dry-run is for replay all, not for one letter"},
		{[]string{"drop", "svc", "all", "--limit", "3"}, "--limit is for letters and replay"},
		{[]string{"replay", "svc", "all", "--payload", "x"}, "--payload is for the replay of one letter"},
		{[]string{"letters", "svc", "--reason", "tired"}, `--reason is "tired"`},
		{[]string{"letters", "svc", "--limit", "-1"}, "--limit is -1"},
		{[]string{"replay", "svc", "all", "--rate", "NaN"}, "--rate is NaN"},
		{[]string{"replay", "svc", "all", "--rate", "Inf"}, "--rate is +Inf"},
		{[]string{"drop", "svc", "all", "--organ", ""}, "--organ is empty"},
		{[]string{"replay", "svc", "all", "--key="}, "--key is empty"},
		{[]string{"replay", "svc", "1-1", "--payload", ""}, "--payload is empty"},
		{[]string{"replay", "svc"}, "replay takes SERVICE LETTER"},
	} {
		code, out, errs := ask(t, append([]string{"--redis", "x"}, c.words...)...)
		assert.Equal(t, exitUsage, code, c.words)
		assert.Contains(t, errs, c.says, c.words)
		assert.Empty(t, out)
	}
}

// A service may be called what stands for all letters.
func TestOnlyWhatGoesThroughAllLettersHasNoTimeout(t *testing.T) {
	t.Parallel()
	for words, want := range map[string]time.Duration{
		"letters all": 10 * time.Second, "shards all": 10 * time.Second, "pin svc 0 all": 10 * time.Second,
		"replay svc 1-1": 10 * time.Second, "replay svc all": 0, "drop svc all": 0, "reshard 8": 0,
		"drop svc all --timeout 1s": time.Second,
	} {
		v, err := parse(append([]string{"--redis", "x"}, strings.Fields(words)...), func(string) string { return "" }, io.Discard, io.Discard)
		require.NoError(t, err, words)
		assert.Equal(t, want, v.timeout, words)
	}
}
