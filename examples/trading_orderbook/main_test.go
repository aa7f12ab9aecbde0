package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"flag"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/necrostack/necrostack/examples/console"
	"github.com/necrostack/necrostack/spine/redisstream/redistest"
)

var update = flag.Bool("update", false, "rewrite golden files; review the diff")

func TestMain(m *testing.M) { goleak.VerifyTestMain(redistest.Shared(m, redistest.AOF("always"))) }

// bound ends a test that hangs; nothing here takes long.
const bound = 2 * time.Minute

// played is what a run of the program left behind.
type played struct {
	out, err string
	failure  error
}

// play runs the program with args, stdin being its input.
func play(t *testing.T, stdin string, args ...string) played {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), bound)
	defer cancel()
	var out, errOut bytes.Buffer
	failure := run(ctx, args, console.Console{In: strings.NewReader(stdin), Out: &out, Err: &errOut})
	require.NoError(t, ctx.Err(), "the run did not end: %s", out.String())
	return played{out.String(), errOut.String(), failure}
}

// playing is a run of the program whose output is read while it goes on.
type playing struct {
	out  *bufio.Reader
	done chan error
}

func begin(ctx context.Context, in io.Reader, args ...string) *playing {
	reader, writer := io.Pipe()
	p := &playing{bufio.NewReader(reader), make(chan error, 1)}
	go func() { // ends with the run
		p.done <- run(ctx, args, console.Console{In: in, Out: writer, Err: writer})
		_ = writer.Close()
	}()
	return p
}

// until reads lines up to one that matches.
func (p *playing) until(t *testing.T, want string) {
	t.Helper()
	pattern := regexp.MustCompile(want)
	for {
		line, err := p.out.ReadString('\n')
		require.NoError(t, err, "no line matches %s", want)
		if pattern.MatchString(line) {
			return
		}
	}
}

// rest returns what is printed until the end, and what run returned.
func (p *playing) rest() (string, error) {
	out, err := io.ReadAll(p.out)
	return string(out), errors.Join(err, <-p.done)
}

// golden compares text with a file in testdata.
func golden(t *testing.T, name, text string) {
	t.Helper()
	path := filepath.Join("testdata", name+".golden")
	if *update {
		require.NoError(t, os.WriteFile(path, []byte(text), 0o644))
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.Equal(t, string(want), text)
}

var masks = []struct {
	what *regexp.Regexp
	with string
}{
	{regexp.MustCompile(`127\.0\.0\.1:\d+`), "127.0.0.1:<port>"},
	{regexp.MustCompile(` +[\d.]+ (µs|ms|s)\b`), " <time>"},
	{regexp.MustCompile(`\b[0-9a-f]{16}…`), "<head>…"},
	{regexp.MustCompile(`it was asked .+ and`), "it was asked <n> times and"},
	{regexp.MustCompile(`volume of \d{4}-\d\d-\d\d`), "volume of <day>"},
}

// masked replaces what differs from run to run.
func masked(text string) string {
	for _, m := range masks {
		text = m.what.ReplaceAllString(text, m.with)
	}
	return text
}

func assertFits(t *testing.T, text string) {
	t.Helper()
	for line := range strings.Lines(text) {
		assert.LessOrEqual(t, console.Length(strings.TrimSuffix(line, "\n")), width, line)
	}
}

func TestSampleRunTellsWhatBecameOfEveryOrder(t *testing.T) {
	t.Parallel()
	p := play(t, "")
	require.NoError(t, p.failure)
	assert.Empty(t, p.err, "nothing is logged unless asked for")
	golden(t, "sample", masked(p.out))
	assertFits(t, p.out)
}

// The sample is the tour of the desk: a reason that nobody meets there is one that nobody reads about.
func TestSampleShowsEverything(t *testing.T) {
	t.Parallel()
	p := play(t, "")
	require.NoError(t, p.failure)
	for _, word := range []string{
		"IOC_REMAINDER", "MARKET_REMAINDER", "FOK_UNFILLABLE", "POST_ONLY_WOULD_CROSS", "NO_LIQUIDITY", "UNKNOWN_ORDER",
		"DUPLICATE_ID", "SELF_TRADE", "EXPIRED", "MASS_CANCEL", "USER", "SYMBOL_HALTED", "OFF_TICK", "INVALID_TRADER",
		"INVALID_SIDE", "INVALID_TIF", "INVALID_QTY", "INVALID_PRICE", "INVALID_SYMBOL", "INSUFFICIENT_FUNDS", "POSITION_LIMIT",
		"EXPOSURE_LIMIT", "priority kept", "priority lost", "stop A16 runs", "not read", "waits for",
	} {
		assert.Contains(t, p.out, word)
	}
}

func TestSampleFilesSayTheSame(t *testing.T) {
	t.Parallel()
	asJSON, err := sampleInput()
	require.NoError(t, err)
	asCSV, err := openInput("sample/orders.csv")
	require.NoError(t, err)
	require.Len(t, asCSV.items, len(asJSON.items))
	for i := range asJSON.items {
		if _, bad := asJSON.items[i].payload.(RowUnreadable); bad {
			assert.IsType(t, RowUnreadable{}, asCSV.items[i].payload)
			continue
		}
		assert.Equal(t, asJSON.items[i], asCSV.items[i])
	}
}

func TestMistakesOnTheCommandLineAreToldTogether(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		args []string
		want []string
	}{
		{[]string{"--bogus"}, []string{"-bogus"}},
		{[]string{"extra"}, []string{`"extra" is not a flag`}},
		{[]string{"--orders", "7", "--symbols", "2", "--seed", "3"}, []string{"--orders goes with --stress", "--symbols goes", "--seed goes"}},
		{[]string{"--stress", "--orders", "0", "--symbols", "-1"}, []string{"--orders is 0, want 1 to 10000000", "--symbols is -1"}},
		{[]string{"--stress", "--file", "x.csv", "--interactive"}, []string{"exclude each other"}},
		{[]string{"--stress", "--market", "x.json"}, []string{"--market does not go with --stress"}},
		{[]string{"--latency", "-1s", "--log", "loud", "--failures", "NaN", "--outage", "-2s"},
			[]string{"--latency is -1s", `--log is "loud"`, "--failures is NaN", "--outage is -2s"}},
		{[]string{"--failures", "0.1", "--clearing", "http://localhost"}, []string{"--failures is of the local clearing house"}},
		{[]string{"match", "--amend", "most", "--ids", "never", "x"}, []string{`--amend is "most"`, `--ids is "never"`, `"x" is not a flag`}},
		{[]string{"verify"}, []string{"verify has 0 arguments"}},
		{[]string{"verify", "a", "b"}, []string{"verify has 2 arguments"}},
	} {
		p := play(t, "", c.args...)
		require.ErrorIs(t, p.failure, console.ErrUsage, "%q", c.args)
		for _, text := range c.want {
			assert.ErrorContains(t, p.failure, text, "%q", c.args)
		}
		assert.Empty(t, p.out, "nothing has begun")
	}
}

func TestHelpListsEveryFlag(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{{"--help"}, {"match", "--help"}, {"verify", "--help"}} {
		p := play(t, "", args...)
		require.ErrorIs(t, p.failure, flag.ErrHelp)
		for _, name := range []string{"file", "interactive", "stress", "orders", "symbols", "seed", "market", "clearing", "latency",
			"failures", "outage", "events", "audit", "policy", "log", "amend", "ids", "through-spine"} {
			assert.Contains(t, p.out, "--"+name)
		}
	}
}

func TestClearingHouseMustHaveAnAddress(t *testing.T) {
	t.Parallel()
	p := play(t, "", "--clearing", "localhost")
	require.ErrorContains(t, p.failure, `--clearing: clearing: address is "localhost"`)
	assert.Empty(t, p.out)
}

func TestInterruptedFileRunSaysWhatIsLeft(t *testing.T) {
	t.Parallel()
	ctx, interrupt := context.WithCancel(t.Context())
	defer interrupt()
	p := begin(ctx, strings.NewReader(""), "--outage", "1h")
	p.until(t, `waiting for .* events: the breaker of Settlement is`)
	interrupt()
	out, err := p.rest()
	require.ErrorContains(t, err, "interrupted: 2")
	require.ErrorContains(t, err, "events left unfinished")
	assert.Contains(t, out, "120 @ 150.20 with A2", "what was matched is told all the same")
	assert.Contains(t, out, "open")
}
