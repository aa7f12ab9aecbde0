package main

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/necrostack/necrostack/bench/redis"
	"github.com/necrostack/necrostack/bench/redis/server"
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

func TestQuickLoadTestMeasuresEverything(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	file := filepath.Join(folder, "samples.json")
	var out bytes.Buffer
	args := []string{"orders", "--quick", "--orders", "4000", "--duration", "50ms", "--yardstick", folder, "--out", folder, "--json", file}
	require.NoError(t, run(t.Context(), args, &out, io.Discard))
	for _, want := range []string{"Targets", "Order books", "One operation", "Memory", "Orders per second", "Latency by rate: trading desk", "Queues by rate"} {
		assert.Contains(t, out.String(), want)
	}
	for _, made := range []string{"ORDERS.md", "results/orders-desk-latency.svg", "samples.json"} {
		_, err := os.Stat(filepath.Join(folder, made))
		assert.NoError(t, err)
	}
}

func TestQuickStrategiesMeasureEveryCell(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	require.NoError(t, run(t.Context(), []string{"strategies", "--quick", "--duration", "20ms"}, &out, io.Discard))
	assert.Equal(t, 3, strings.Count(out.String(), "\n  no failures "))
	for _, want := range []string{"log, 0.1 %", "store, 1 %", "nack, 10 %", "Failing by timeouts"} {
		assert.Contains(t, out.String(), want)
	}
}

func TestFlagsOfTheLoadTestReachItsParts(t *testing.T) {
	t.Parallel()
	policy := filepath.Join(t.TempDir(), "policy.yaml")
	require.NoError(t, os.WriteFile(policy, []byte("organs:\n  Settlement: {attempts: 7}\n"), 0o600))
	c, to, err := parseOrders([]string{
		"--quick", "--rounds", "2", "--orders", "1000", "--symbols", "5", "--rate", "3000,1000", "--duration", "7s", "--seed", "9",
		"--policy", policy, "--only", "closed,open",
	}, io.Discard)
	require.NoError(t, err)
	assert.Equal(t, []any{2, 2, 1000, 500, 5, uint64(9), uint64(9), 7 * time.Second},
		[]any{c.Rounds, c.Through.Rounds, c.Orders, c.Through.Orders, c.Through.Symbols, c.Seed, c.Through.Seed, c.Through.Duration})
	assert.Equal(t, []float64{1000, 3000}, c.Through.Rates)
	assert.Equal(t, []string{"closed", "open"}, c.Parts)
	assert.Equal(t, 7, c.Through.Policies.For("Settlement").Retry.Attempts)
	assert.Empty(t, to.out, "a part of it is not written")
}

func TestPolicyOfTheStrategiesIsTheDefaultOfTheFile(t *testing.T) {
	t.Parallel()
	policy := filepath.Join(t.TempDir(), "policy.yaml")
	require.NoError(t, os.WriteFile(policy, []byte("default: {attempts: 2}\n"), 0o600))
	c, cells, to, err := parseStrategies([]string{"--policy", policy, "--rounds", "4"}, io.Discard)
	require.NoError(t, err)
	assert.Equal(t, 2, c.Policy.Retry.Attempts)
	assert.Equal(t, 8, c.Policy.MaxDeliveries, "what the file does not say is as it was")
	assert.Equal(t, 4, c.Rounds)
	assert.Len(t, cells, 28)
	assert.Equal(t, ".", to.out)
}

func TestQuickRedisMeasuresEveryContender(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	file := filepath.Join(folder, "samples.json")
	var out bytes.Buffer
	require.NoError(t, run(t.Context(), []string{"redis", "--quick", "--out", folder, "--json", file}, &out, io.Discard))
	for _, x := range redis.Contenders() {
		want := 1
		if x.Core {
			want = 2 // its latency, too
		}
		assert.Equal(t, want, strings.Count(out.String(), "\n  "+x.Name+" "), x.Name)
	}
	for _, made := range []string{"REDIS.md", "samples.json"} {
		_, err := os.Stat(filepath.Join(folder, made))
		assert.NoError(t, err)
	}
}

func TestFlagsOfRedisReachItsParts(t *testing.T) {
	t.Parallel()
	c, to, err := parseRedis([]string{"--rounds", "2", "--duration", "7s", "--rate", "50", "--paced", "9s"}, io.Discard)
	require.NoError(t, err)
	assert.Equal(t, []any{2, 7 * time.Second, 50.0, 9 * time.Second}, []any{c.Rounds, c.Duration, c.Rate, c.Paced})
	assert.Equal(t, server.Fsyncs, c.Fsyncs)
	assert.Equal(t, ".", to.out)
	c, to, err = parseRedis([]string{"--quick", "--fsync", "always,off", "--only", "latency"}, io.Discard)
	require.NoError(t, err)
	assert.Equal(t, []server.Fsync{server.Always, server.Off}, c.Fsyncs)
	assert.Equal(t, []string{"latency"}, c.Parts)
	assert.Equal(t, 1, c.Rounds)
	assert.Empty(t, to.out)
	_, to, err = parseRedis([]string{"--fsync", "off"}, io.Discard)
	require.NoError(t, err)
	assert.Empty(t, to.out, "a part of it is not written")
}

func TestMistakesInFlagsOfSubcommandsAreReported(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{
		{"orders", "--rate", "NaN"}, {"orders", "--rate", "0"}, {"orders", "--rate", "1,,2"}, {"orders", "--orders", "0"},
		{"orders", "--symbols", "1001"}, {"orders", "--duration", "0s"}, {"orders", "--only", "open"}, {"orders", "--only", "redis"},
		{"orders", "--policy", "/no/such/file"}, {"orders", "more"}, {"orders", "--rounds", "-1"},
		{"strategies", "--rounds", "0"}, {"strategies", "--duration", "-1s"}, {"strategies", "--rate", "NaN"}, {"strategies", "more"},
		{"strategies", "--policy", "/no/such/file"},
		{"redis", "--rounds", "0"}, {"redis", "--duration", "0s"}, {"redis", "--paced", "-1s"}, {"redis", "--rate", "NaN"},
		{"redis", "--fsync", "off,sometimes"}, {"redis", "--only", "chain"}, {"redis", "more"},
	} {
		assert.Error(t, run(t.Context(), args, io.Discard, io.Discard), "%v", args)
	}
}
