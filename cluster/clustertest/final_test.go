package clustertest_test

import (
	"context"
	"fmt"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/necrostack/necrostack/spine"
	"github.com/necrostack/necrostack/supervision"
)

// check ends everything, and looks at every cell.
func (c *cast) check() {
	c.Helper()
	c.whole(c.final())
}

// whole holds that each chain is the links that were published, in their order.
func (c *cast) whole(states map[string]heir) {
	c.Helper()
	for key, state := range states {
		assert.Equal(c, chain{Last: int(c.load.count.Load())}, state.chain, key)
	}
	c.Logf("%d events, nothing lost, doubled or reordered", c.load.count.Load()*keys)
}

// final ends everything, lets a node that has had no part in it finish what is left, and returns every cell as that node
// shows it.
func (c *cast) final() map[string]heir {
	c.Helper()
	c.load.end()
	for _, p := range c.nodes {
		require.NoError(c, p.stop(), p.name)
	}
	c.reader = c.start("reader", c.url)
	c.shared(3*lease, c.reader)
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	require.NoError(c, c.reader.Spine().WaitIdle(ctx))
	require.Positive(c, c.load.count.Load())
	states := ask[heir](c, "chains")
	c.nothingLeft(ctx)
	return states
}

// nothingLeft holds that the store is at rest: nothing pending, half done, suspect, deferred, or dead.
func (c *cast) nothingLeft(ctx context.Context) {
	c.Helper()
	letters, _, err := supervision.NewDesk(c.reader.backend, service).Count(ctx)
	require.NoError(c, err)
	assert.Zero(c, letters, "dead letters")
	client := c.server.Client()
	for s := range shards {
		pending, err := client.XPending(ctx, fmt.Sprintf("{%s:%d}:in", c.ns, s), service).Result()
		require.NoError(c, err)
		assert.Zero(c, pending.Count, "pending in shard %d", s)
		left, err := client.Exists(ctx, shardKey(c.ns, s, "prog"), shardKey(c.ns, s, "sus")).Result()
		require.NoError(c, err)
		assert.Zero(c, left, "progress or suspects in shard %d", s)
		for _, organ := range []string{"chains", "mail", "audit"} {
			deferred, err := client.ZCard(ctx, fmt.Sprintf("%s:%d:%s", shardKey(c.ns, s, "due"), len(organ), organ)).Result()
			require.NoError(c, err)
			assert.Zero(c, deferred, "deferred for %s in shard %d", organ, s)
		}
	}
	load, err := client.HMGet(ctx, c.ns+":load", "in", "a:"+service).Result()
	require.NoError(c, err)
	assert.Equal(c, load[0], load[1], "accepted and finished")
}

// ask asks every cell of an organ for its state.
func ask[S any](c *cast, organ string) map[string]S {
	c.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	states := make(map[string]S)
	for k := range keys {
		state, err := spine.Ask[S](ctx, c.reader.Spine(), organ, keyName(k), whole{})
		require.NoError(c, err)
		states[keyName(k)] = state
	}
	return states
}
