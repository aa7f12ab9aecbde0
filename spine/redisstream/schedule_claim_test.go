package redisstream

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/necrostack/necrostack/spine"
)

// claimant is a node that claims shards before it opens.
func (y *yard) claimant(name string, shards ...uint32) *node {
	y.Helper()
	b, err := New(y.server.URL(), append(append([]Option{}, y.opts...), WithNode(name))...)
	require.NoError(y, err)
	b.Claim(shards)
	return y.open(b, "svc", strict("sum"))
}

// has waits until a node owns just these shards.
func (n *node) has(shards ...uint32) {
	n.y.Helper()
	require.EventuallyWithT(n.y, func(c *assert.CollectT) { assert.Equal(c, shards, n.Owned()) }, 10*time.Second, time.Millisecond)
}

// keyIn returns a key of a shard.
func (n *node) keyIn(shard uint32) string {
	for i := 0; ; i++ {
		if key := textOf(int64(i)); n.shardOf(key).index == shard {
			return key
		}
	}
}

func TestAShardGoesFromNodeToNodeWhenItsWorkIsDone(t *testing.T) {
	t.Parallel()
	y := newYard(t, WithShards(2))
	a, b := y.claimant("a", 0, 1), y.claimant("b")
	a.has(0, 1)
	assert.Empty(t, b.Owned())
	key := a.keyIn(1)
	a.publish(key, "1", "2")
	ds := a.pull(1, "1")

	a.Claim([]uint32{0})
	b.Claim([]uint32{1})
	a.nothing() // the second event is not handed out any more
	assert.Equal(t, []uint32{0, 1}, a.Owned(), "there is work in hand")
	require.Equal(t, []spine.AnswerCode{spine.Settled}, a.settle(a.changed(ds[0], 0, 0)))
	b.has(1)
	a.has(0)
	lost, err := a.attempt(spine.Want{Events: 10})
	require.NoError(t, err)
	require.Len(t, lost, 1)
	assert.True(t, lost[0].Lost && lost[0].Shard == 1, "the Spine is told")
	b.pull(1, "2")

	a.publish(a.keyIn(0), "3")
	a.pull(1, "3")
}

func TestAShardThatIsClaimedAgainStays(t *testing.T) {
	t.Parallel()
	y := newYard(t, WithShards(2))
	a := y.claimant("a", 0, 1)
	a.has(0, 1)
	a.publish(a.keyIn(1), "1", "2")
	ds := a.pull(1, "1")
	a.Claim([]uint32{0})
	a.nothing()
	a.Claim([]uint32{0, 1})
	token := a.shards[1].token
	require.Equal(t, []spine.AnswerCode{spine.Settled}, a.settle(a.changed(ds[0], 0, 0)))
	a.pull(1, "2")
	assert.Equal(t, token, a.shards[1].token)
}

func TestAShardWhoseHandlersTakeTooLongIsHandledAgainByTheNext(t *testing.T) {
	t.Parallel()
	y := newYard(t, WithShards(2), WithHandover(10*time.Millisecond))
	a, b := y.claimant("a", 0, 1), y.claimant("b")
	a.has(0, 1)
	a.publish(a.keyIn(1), "1")
	ds := a.pull(1, "1")
	a.Claim([]uint32{0})
	b.Claim([]uint32{1})
	b.has(1)
	again := b.pull(1, "1")
	require.Equal(t, []spine.AnswerCode{spine.Lost}, a.settle(a.changed(ds[0], 0, 0)))
	require.Equal(t, []spine.AnswerCode{spine.Settled}, b.settle(b.changed(again[0], 0, 0)))
	b.nothing()
}

func TestAShardThatNobodyClaimsIsKeptForLater(t *testing.T) {
	t.Parallel()
	y := newYard(t, WithShards(2))
	a := y.claimant("a", 0)
	a.has(0)
	a.publish(a.keyIn(1), "1")
	a.nothing()
	a.Claim([]uint32{0, 1})
	a.has(0, 1)
	a.pull(1, "1")
}
