package cluster_test

import (
	"context"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/necrostack/necrostack/bench/cluster"
	"github.com/necrostack/necrostack/bench/redis/server"
)

// TestANodeEndsWithTheProcessThatHasStartedIt kills a process that has started a node, and sees by the server's connections that the node
// is gone, too.
func TestANodeEndsWithTheProcessThatHasStartedIt(t *testing.T) {
	t.Parallel()
	s, err := server.Start(t.Context(), server.Everysec)
	require.NoError(t, err)
	defer func() { assert.NoError(t, s.Close()) }()
	client := server.Connect(s.Addr, 1)
	defer client.Close()
	others := func() bool {
		list, err := client.ClientList(t.Context()).Result()
		return err == nil && strings.Contains(list, "name=necrostack/orphan")
	}
	program, err := os.Executable()
	require.NoError(t, err)
	parent := exec.Command(program)
	parent.Env = append(os.Environ(), cluster.OrphanVariable+"="+s.Addr)
	require.NoError(t, parent.Start())
	defer func() { _ = parent.Process.Kill() }()
	require.Eventually(t, others, time.Minute, 5*time.Millisecond)
	require.NoError(t, parent.Process.Kill())
	_ = parent.Wait() // it was killed
	assert.Eventually(t, func() bool { return !others() }, time.Minute, 5*time.Millisecond, "the node is still there")
}

// TestANodeThatCannotBeginEndsTheMeasurement: it has no server.
func TestANodeThatCannotBeginEndsTheMeasurement(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	err := cluster.RunOnNothing(ctx)
	assert.ErrorContains(t, err, "node-1")
	assert.ErrorContains(t, err, "nobody has ended it")
}

func TestRunMeasuresEveryPart(t *testing.T) {
	t.Parallel()
	c := cluster.Defaults.Quick()
	r, err := cluster.Run(t.Context(), c, func(string) {})
	require.NoError(t, err)
	assert.NotEmpty(t, r.Server)
	require.Len(t, r.Loads, 6)
	for _, row := range r.Loads {
		require.Len(t, row.Rounds, c.Rounds, row.Name)
		require.Len(t, row.Paced, c.Rounds, row.Name)
		x := row.Rounds[0]
		assert.Positive(t, x.Events, row.Name)
		assert.Positive(t, x.Server.Commits, row.Name)
		assert.GreaterOrEqual(t, x.Batch(), 1.0, "%s: no event is in two commits", row.Name)
		assert.Positive(t, x.NodeWork(), row.Name)
		assert.Positive(t, x.NetBytes(), row.Name)
		assert.EqualValues(t, 50*row.Relay.Events(), row.Paced[0].Events, row.Name)
	}
	require.Len(t, r.Idles, 4)
	assert.Zero(t, r.Idles[0].Rounds[0].Events)
	assert.Positive(t, r.Idles[0].Rounds[0].Trips())
	require.Len(t, r.Beats, 3)
	assert.Less(t, r.Beats[0].Rounds[0].NetBytes(), r.Beats[2].Rounds[0].NetBytes())
	require.Len(t, r.Changes, 4)
	for _, x := range r.Changes {
		require.NotEmpty(t, x.Pauses, x.Kind)
		assert.Positive(t, x.Pauses[0], x.Kind)
	}
	require.Len(t, r.Asks, 4)
	for _, row := range r.Asks {
		require.Len(t, row.Rounds, c.Rounds, row.Name)
		assert.Positive(t, row.Rounds[0].Asked.Count, row.Name)
		assert.Zero(t, row.Rounds[0].Asked.Errors, row.Name)
	}
	here, there := r.Asks[0].Rounds[0], r.Asks[1].Rounds[0]
	assert.Less(t, here.With.Server.Scripts, here.Asked.Count, "nobody else is asked")
	assert.GreaterOrEqual(t, there.With.Server.Scripts, 2*there.Asked.Count, "a question and an answer")
}
