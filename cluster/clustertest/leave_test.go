package clustertest_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/necrostack/necrostack/spine/redisstream/redistest"
)

// A program closes its backend as soon as Run has returned. What the node gives back is on its way then, and must arrive: else
// whoever comes next waits for a lease.
func TestANodeThatLeavesOverASlowNetworkLeavesNoLeaseBehind(t *testing.T) {
	t.Parallel()
	server := redistest.SharedServer(t)
	c := newCast(t)
	proxy := redistest.NewProxy(t, server.Addr())
	a := c.start("a", proxy.URL())
	c.shared(patience, a)
	proxy.SetLatency(80*time.Millisecond, 100*time.Millisecond)
	require.NoError(t, a.stop())
	require.NoError(t, a.backend.Close(context.Background()))
	for s := range shards {
		token, err := server.Client().HGet(t.Context(), shardKey(c.ns, s, "own"), "tok").Result()
		require.NoError(t, err)
		assert.Empty(t, token, "shard %d", s)
	}
}
