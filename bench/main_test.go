package main

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The tests of the command run it as it is called, by run: a main package has no other way in.

func TestQuickRunMeasuresEverything(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	file := filepath.Join(folder, "samples.json")
	var out bytes.Buffer
	require.NoError(t, run(t.Context(), []string{"--quick", "--out", folder, "--json", file}, &out, io.Discard))
	for _, want := range []string{"Chain", "Targets", "Cost by organs", "Cost by failures, retried", "Memory"} {
		assert.Contains(t, out.String(), want)
	}
	for _, made := range []string{"RESULTS.md", "results/chain.svg", "samples.json"} {
		_, err := os.Stat(filepath.Join(folder, made))
		assert.NoError(t, err)
	}
}

func TestResultsAreWrittenForAWholeRunOnly(t *testing.T) {
	t.Parallel()
	for _, x := range []struct {
		args []string
		want string
	}{
		{nil, "."},
		{[]string{"--rounds", "3"}, "."},
		{[]string{"--quick"}, ""},
		{[]string{"--only", "chain"}, ""},
		{[]string{"--quick", "--out", "here"}, "here"},
		{[]string{"--out", ""}, ""},
	} {
		o, err := parse(x.args, io.Discard)
		require.NoError(t, err, "%v", x.args)
		assert.Equal(t, x.want, o.out, "%v", x.args)
	}
}

func TestRoundsAndEventsReachEveryPart(t *testing.T) {
	t.Parallel()
	o, err := parse([]string{"--quick", "--rounds", "5", "--events", "1000"}, io.Discard)
	require.NoError(t, err)
	assert.Equal(t, 5, o.chain.Rounds)
	assert.Equal(t, 2, o.growth.Rounds)
	assert.Equal(t, 1000, o.chain.Starts)
	assert.Equal(t, 1000, o.growth.Events)
}

func TestMistakesInFlagsAreReported(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{{"--only", "redis"}, {"--rounds", "0"}, {"--events", "-1"}, {"chain"}} {
		_, err := parse(args, io.Discard)
		assert.Error(t, err, "%v", args)
	}
}
