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

var update = flag.Bool("update", false, "rewrite golden files")

func TestMain(m *testing.M) { goleak.VerifyTestMain(redistest.Shared(m, redistest.AOF("always"))) }

// bound ends a test that hangs; nothing here takes long.
const bound = 30 * time.Second

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
		p.done <- run(ctx, args, console.Console{In: in, Out: writer, Err: io.Discard})
		_ = writer.Close()
	}()
	return p
}

// until reads lines up to one that matches and returns what its parentheses enclose.
func (p *playing) until(t *testing.T, want *regexp.Regexp) string {
	t.Helper()
	for {
		line, err := p.out.ReadString('\n')
		require.NoError(t, err, "no line matches %s", want)
		if found := want.FindStringSubmatch(strings.TrimSuffix(line, "\n")); found != nil {
			return found[1]
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

var (
	ports = regexp.MustCompile(`127\.0\.0\.1:\d+`)
	times = regexp.MustCompile(` +[\d.]+ (µs|ms|s)\b`)
	ids   = regexp.MustCompile(`\b[0-9a-f]{8}\b`)
)

// masked replaces what differs from run to run.
func masked(text string) string {
	text = ports.ReplaceAllString(text, "127.0.0.1:<port>")
	text = times.ReplaceAllString(text, " <time>")
	return ids.ReplaceAllString(text, "<id>")
}

func TestSampleRunTellsWhatBecameOfEveryRequest(t *testing.T) {
	t.Parallel()
	p := play(t, "")
	require.NoError(t, p.failure)
	assert.Empty(t, p.err, "nothing is logged unless asked for")
	golden(t, "sample", masked(p.out))
	for _, line := range strings.Split(p.out, "\n") {
		assert.LessOrEqual(t, console.Length(line), width, line)
	}
}

func TestInteractiveObeysPipedCommands(t *testing.T) {
	t.Parallel()
	p := play(t, strings.Join([]string{
		"help", "send alice email,sms Hello there", "send carol sms Hi", "send frank email Overdue",
		"dead", "show 1", "retry 2", "dead", "retry 77", "show zz", "show", "send alice", "dance", "",
		"send mallory email,telegram Hi", "stats", "quit", "send alice email after the end",
	}, "\n"), "--interactive")
	require.NoError(t, p.failure)
	golden(t, "interactive", masked(p.out))
}

func TestInteractiveShowsTheTreeOfARequest(t *testing.T) {
	t.Parallel()
	commands, keyboard := io.Pipe()
	p := begin(t.Context(), commands, "--interactive")
	p.until(t, regexp.MustCompile(`^ +(push) `))
	_, err := io.WriteString(keyboard, "send alice push Hello\n")
	require.NoError(t, err)
	id := p.until(t, regexp.MustCompile(`^  ([0-9a-f]{8})  push ✓$`))
	_, err = io.WriteString(keyboard, "show "+id+"\n")
	require.NoError(t, err)
	require.NoError(t, keyboard.Close())
	out, err := p.rest()
	require.NoError(t, err)
	assert.Contains(t, masked(out), strings.Join([]string{
		"  NOTIFICATION_REQUESTED  <id>",
		"  └─ NOTIFICATION_VALIDATED  <id>",
		"     └─ PUSH_SEND_REQUESTED  <id>",
		"        └─ PUSH_DELIVERED  <id>",
		"           └─ DELIVERY_COMPLETED  <id>",
	}, "\n"))
}

func TestStressLosesNothingAndRepeatsNothing(t *testing.T) {
	t.Parallel()
	p := play(t, "", "--stress", "--count", "200", "--latency", "5ms", "--workers", "16")
	require.NoError(t, p.failure)
	assert.Contains(t, p.out, "The books agree")
	assert.Contains(t, p.out, "100 %  600 of 600")
	assert.Regexp(t, `email +200 +200 +0 +4\n`, p.out, "two mailboxes are busy twice")
	assert.Regexp(t, `sms +200 +198 +2 +0\n`, p.out, "two numbers are blocked")
	assert.Regexp(t, `push +200 +200 +0 +20\n`, p.out, "twenty devices are busy once")
}

func TestStressComparesOnlyTheBooksItHas(t *testing.T) {
	t.Parallel()
	other, err := startLocal(localOptions{}, email)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, other.close()) })
	p := play(t, "", "--stress", "--count", "20", "--smtp", other.url(email))
	require.NoError(t, p.failure)
	assert.Equal(t, 20, other.gate(email).book().accepted)
	assert.NotContains(t, p.out, other.smtp.address())
}

func TestInterruptedStressSaysWhatIsLeft(t *testing.T) {
	t.Parallel()
	ctx, interrupt := context.WithCancel(t.Context())
	defer interrupt()
	p := begin(ctx, strings.NewReader(""), "--stress", "--count", "2000", "--workers", "4")
	p.until(t, regexp.MustCompile(`(\d+) %`))
	interrupt()
	out, err := p.rest()
	require.ErrorContains(t, err, "interrupted: ")
	require.ErrorContains(t, err, "left unfinished")
	require.NotErrorIs(t, err, errBalance)
	assert.Contains(t, out, "Channels", "the report is printed all the same")
}

func TestMistakesOnTheCommandLineAreToldTogether(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		args []string
		want []string
	}{
		{[]string{"--bogus"}, []string{"-bogus"}},
		{[]string{"extra"}, []string{`"extra" is not a flag`}},
		{[]string{"--count", "7"}, []string{"--count goes with --stress"}},
		{[]string{"--stress", "--count", "0", "--workers", "-1"}, []string{"--count is 0, want 1 to 100000", "--workers is -1"}},
		{[]string{"--stress", "--file", "x.csv", "--interactive"}, []string{"exclude each other"}},
		{[]string{"--stress", "--contacts", "x.json"}, []string{"--contacts does not go with --stress"}},
		{[]string{"--latency", "-1s", "--log", "loud"}, []string{"--latency is -1s", `--log is "loud"`}},
		{[]string{"--latency", "1s", "--smtp", "smtp://localhost"}, []string{"--smtp names another"}},
	} {
		p := play(t, "", c.args...)
		require.ErrorIs(t, p.failure, console.ErrUsage, "%q", c.args)
		for _, text := range c.want {
			assert.ErrorContains(t, p.failure, text, "%q", c.args)
		}
		assert.Empty(t, p.out, "nothing has begun")
	}
}

func TestBadGatewaysAreToldTogether(t *testing.T) {
	t.Parallel()
	p := play(t, "", "--smtp", "localhost", "--sms", "ftp://x", "--push", "x")
	for _, text := range []string{"--smtp: want smtp://", "--sms: want http://", "--push: want http://"} {
		assert.ErrorContains(t, p.failure, text)
	}
	assert.Empty(t, p.out)
}

func TestHelpListsEveryFlag(t *testing.T) {
	t.Parallel()
	p := play(t, "", "--help")
	require.ErrorIs(t, p.failure, flag.ErrHelp)
	for _, name := range []string{"file", "interactive", "stress", "count", "contacts", "smtp", "from", "sms", "push",
		"latency", "workers", "events", "audit", "policy", "log"} {
		assert.Contains(t, p.out, "--"+name+" ")
	}
}
