package main

import (
	"context"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/necrostack/necrostack/spine/redisstream/redistest"
)

func TestDemoKillsANodeAndTheBooksAreAsUndisturbed(t *testing.T) {
	t.Parallel()
	program := filepath.Join(t.TempDir(), "trading_orderbook") // its nodes are processes of the program
	built, err := exec.CommandContext(t.Context(), "go", "build", "-o", program, ".").CombinedOutput()
	require.NoError(t, err, string(built))
	server := redistest.Start(t, redistest.AOF("always"))
	out, err := exec.CommandContext(t.Context(), program, "demo", "--redis", server.URL(), "--orders", "2000").CombinedOutput()
	require.NoError(t, err, string(out))
	said := string(out)
	assert.Contains(t, said, "b is killed (SIGKILL)")
	assert.Regexp(t, `c is gone, [\d.]+m?s after`, said)
	assert.Regexp(t, `d: \d of 16 shards`, said)
	assert.Regexp(t, `AAPL +\d+ trades, .* as undisturbed`, said)
	assert.Contains(t, said, "settled, each once")
}

func TestANodeNeedsAStoreThatIsShared(t *testing.T) {
	t.Parallel()
	for name, x := range map[string]struct {
		args []string
		want string
	}{
		"no redis":   {[]string{"--node", "a"}, "--node goes with --redis"},
		"no name":    {[]string{"--redis", "redis://127.0.0.1:1", "--node", ""}, "--node is empty"},
		"stress":     {[]string{"--redis", "redis://127.0.0.1:1", "--node", "a", "--stress"}, "--stress does not go with --node"},
		"audit file": {[]string{"--redis", "redis://127.0.0.1:1", "--node", "a", "--audit", "x"}, "--audit does not go with --node"},
		"demo":       {[]string{"demo"}, "--redis is missing"},
		"no orders":  {[]string{"demo", "--redis", "redis://127.0.0.1:1", "--orders", "0"}, "--orders is 0"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := play(t, "", x.args...)
			require.ErrorContains(t, p.failure, x.want)
		})
	}
}

func TestTwoNodesShareTheWorkAndEachAnswersForAll(t *testing.T) {
	t.Parallel()
	store := onRedis(t)
	ctx, leave := context.WithCancel(t.Context())
	defer leave()
	var rest readers
	for _, x := range []struct{ name, until string }{{"a", `a: 16 of 16 .* alone`}, {"b", `b: .* with a`}} {
		node := begin(ctx, strings.NewReader(""), append(slices.Clone(store), "--node", x.name)...)
		node.until(t, x.until)
		rest.of(node)
	}
	prompt := play(t, "BUY 7 AAPL @ 139\nBUY 30 TSLA @ 200\nbook AAPL\nbook TSLA\n", append(store, "--node", "c", "--interactive")...)
	require.NoError(t, prompt.failure, prompt.out)
	assert.Regexp(t, `139\.00`, prompt.out)
	assert.Regexp(t, `200\.00`, prompt.out)
	leave()
	rest.wait(t)
}

// readers reads what programs print until they end.
type readers struct{ ends []chan error }

func (g *readers) of(p *playing) {
	end := make(chan error, 1)
	g.ends = append(g.ends, end)
	go func() { // ends with the program
		_, err := p.rest()
		end <- err
	}()
}

func (g *readers) wait(t *testing.T) {
	t.Helper()
	for _, end := range g.ends {
		require.NoError(t, <-end)
	}
}
