package main

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/necrostack/necrostack/bench/cluster"
	"github.com/necrostack/necrostack/bench/report"
)

func TestMain(m *testing.M) {
	cluster.ServeIfNode()
	os.Exit(m.Run())
}

func TestQuickClusterMeasuresEverything(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	file, page := filepath.Join(folder, "samples.json"), filepath.Join(folder, "SCALE.md")
	require.NoError(t, os.WriteFile(page, []byte(report.FiguresBegin+report.FiguresEnd), 0o600))
	var out bytes.Buffer
	require.NoError(t, run(t.Context(), []string{"cluster", "--quick", "--out", folder, "--json", file, "--scale", page}, &out, io.Discard))
	for _, want := range []string{"until every shard", "stateless organs, 2 nodes", "first event of each key", "SIGKILL", "SIGTERM", "join", "another node, idle", "nothing to do", "200 nodes"} {
		assert.Regexp(t, "(?i)"+want, out.String())
	}
	for _, made := range []string{"CLUSTER.md", "samples.json"} {
		_, err := os.Stat(filepath.Join(folder, made))
		assert.NoError(t, err)
	}
	text, err := os.ReadFile(page)
	require.NoError(t, err)
	assert.Contains(t, string(text), "two hundred nodes")
}

func TestFlagsOfTheClusterReachItsParts(t *testing.T) {
	t.Parallel()
	o, err := parseCluster([]string{"--rounds", "2", "--duration", "7s", "--rest", "9s", "--changes", "4", "--rate", "50"}, io.Discard)
	require.NoError(t, err)
	c := o.config
	assert.Equal(t, []any{2, 7 * time.Second, 9 * time.Second, 4, 50.0}, []any{c.Rounds, c.Duration, c.Rest, c.Changes, c.Rate})
	assert.Equal(t, cluster.Parts, c.Parts)
	assert.Equal(t, []string{".", scalePage}, []string{o.out, o.scale})
	o, err = parseCluster([]string{"--quick", "--changes", "2", "--only", "ask"}, io.Discard)
	require.NoError(t, err)
	assert.Equal(t, []any{1, 2, "", ""}, []any{o.config.Rounds, o.config.Changes, o.out, o.scale})
	assert.Equal(t, []string{"ask"}, o.config.Parts)
}

func TestMistakesInFlagsOfTheClusterAreReported(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{
		{"--rounds", "0"}, {"--changes", "0"}, {"--duration", "0s"}, {"--rest", "-1s"}, {"--rate", "NaN"}, {"--only", "chain"}, {"more"},
		{"--only", "ask", "--scale", "page"},
	} {
		_, err := parseCluster(args, io.Discard)
		assert.Error(t, err, "%v", args)
	}
}
