package main

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/necrostack/necrostack/examples/console"
)

func writePolicy(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "policy.yaml")
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	return path
}

func TestInteractiveObeysPipedCommands(t *testing.T) {
	t.Parallel()
	p := play(t, strings.Join([]string{
		"help", "SELL 100 AAPL @ 150.50 BY bob", "BUY 40 AAPL @ 150.50", "buy 10 aapl @149 post", "BUY 5 AAPL MKT BY pauper",
		"AMEND 3 8 @ 149.5", "book AAPL", "CANCEL 3", "CANCEL 77", "BUY 200 AAPL @ 150.50 FOK", "BUY 200 AAPL @ 150.50 IOC",
		"SELL 10 AAPL @ 151 SHOW 5", "BUY 10 AAPL MKT STOP 152", "CANCEL ALL aapl", "PHASE AAPL HALTED", "BUY 1 AAPL @ 1", "PHASE AAPL CONTINUOUS",
		"BUY x", "BUY 10 AAPL", "BUY 10 ZZ @ 1", "BUY 10 AAPL @ 1.555", "position", "position zoe", "dead", "show 1", "retry 1", "retry 77", "dead",
		"trader alice", "trader two words", "book", "book ZZ", "outage maybe", "outage on", "outage off", "dance", "", "stats", "audit", "CANCEL ALL",
		"quit", "BUY 1 AAPL @ 1 after the end",
	}, "\n"), "--interactive")
	require.NoError(t, p.failure)
	golden(t, "interactive", masked(p.out))
}

func TestInteractiveEndsWithItsInput(t *testing.T) {
	t.Parallel()
	p := play(t, "", "--interactive")
	require.NoError(t, p.failure)
	assert.Contains(t, p.out, "0 events settled")
	err := run(t.Context(), []string{"--interactive"}, console.Console{In: iotest.ErrReader(errFull), Out: io.Discard, Err: io.Discard})
	require.ErrorIs(t, err, errFull)
	require.ErrorContains(t, err, "standard input: ")
	p = play(t, strings.Repeat("x", console.LongestLine+1)+"\nBUY 1 AAPL @ 1\n", "--interactive")
	require.ErrorContains(t, p.failure, "token too long")
}

func TestInteractiveCanBeInterrupted(t *testing.T) {
	t.Parallel()
	ctx, interrupt := context.WithCancel(t.Context())
	in, keyboard := io.Pipe()
	p := begin(ctx, in, "--interactive")
	p.until(t, "started for this run")
	_, err := io.WriteString(keyboard, "BUY 1 AAPL @ 1\n")
	require.NoError(t, err)
	p.until(t, "rests")
	interrupt()
	out, err := p.rest()
	require.NoError(t, err)
	assert.Contains(t, out, "4 events settled")
	require.NoError(t, keyboard.Close()) // lets the goroutine go that waits for more
}

// While the clearing house is out of order the book goes on, and what waits is told at the end.
func TestInteractiveGoesOnWithoutTheClearingHouse(t *testing.T) {
	t.Parallel()
	path := writePolicy(t, "organs: {Settlement: {breaker: {failures: 1, open: 1h}}}\n")
	p := play(t, "outage on\nSELL 5 AAPL @ 1 BY a\nBUY 3 AAPL @ 1\nBUY 2 AAPL @ 1\nstats\nquit\n", "--interactive", "--policy", path)
	require.ErrorContains(t, p.failure, "in memory they end with the program")
	assert.Contains(t, p.out, "the clearing house is out of service: trades wait until it is back\n")
	assert.Contains(t, p.out, "3 @ 1.00 with 1 (2 left)")
	assert.Contains(t, p.out, "✓ 2 @ 1.00 with 1\n")
	assert.Regexp(t, `Settlement +0 +\d+ +0 +\d+ +open`, p.out)
}

func TestOutageNeedsAHouseOfOurOwn(t *testing.T) {
	t.Parallel()
	p := play(t, "outage on\nquit\n", "--interactive", "--clearing", "http://127.0.0.1:1/x")
	require.NoError(t, p.failure)
	assert.Contains(t, p.out, "the clearing house is not of this program")
}
