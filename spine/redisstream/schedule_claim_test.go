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
	a.yield()   // as the keeper does, sooner or later
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

// A claim that is withdrawn while the lease is on its way to this node: nobody would give the shard back otherwise, as long as
// the claims do not change again.
func TestAShardThatComesWhenItIsNotClaimedAnyMoreIsGivenBack(t *testing.T) {
	t.Parallel()
	y := newYard(t)
	a, b := y.claimant("a"), y.claimant("b")
	got := a.tap.next(1, acquireScript, linger)
	a.Claim([]uint32{0})
	<-got.met
	a.Claim(nil)
	b.Claim([]uint32{0})
	close(got.leave)
	b.has(0)
	assert.Empty(t, a.Owned())
}

// A program that knows fewer organs has seen a shard free, and asks for it; meanwhile a newer program has had it. What that has
// deferred for the new organ would be in nobody's line, and events would be finished without it.
func TestAShardThatANewerProgramHasHadMeanwhileIsNotKept(t *testing.T) {
	t.Parallel()
	y := newYard(t)
	claimant := func(name string, organs ...spine.OrganSpec) *node {
		b, err := New(y.server.URL(), append(append([]Option{}, y.opts...), WithNode(name))...)
		require.NoError(t, err)
		b.Claim(nil)
		return y.open(b, "svc", organs...)
	}
	older := claimant("older", loose("a"))
	newer := claimant("newer", loose("a"), loose("b"))
	late := older.tap.next(1, acquireScript, stall)
	older.Claim([]uint32{0})
	<-late.met
	newer.Claim([]uint32{0})
	newer.has(0)
	newer.Claim(nil)
	require.EventuallyWithT(t, func(c *assert.CollectT) { assert.Empty(c, newer.Owned()) }, 10*time.Second, time.Millisecond)
	require.EventuallyWithT(t, func(c *assert.CollectT) {
		assert.Empty(c, y.server.Client().HGet(y.soon(), newer.shards[0].own, "tok").Val())
	}, 10*time.Second, time.Millisecond)
	close(late.leave)
	require.EventuallyWithT(t, func(c *assert.CollectT) {
		assert.Len(c, older.tap.of(acquireScript), 1)
		assert.Equal(c, "2", y.server.Client().HGet(y.soon(), newer.shards[0].own, "epoch").Val())
	}, 10*time.Second, time.Millisecond)
	newer.Claim([]uint32{0})
	newer.has(0)
	assert.Empty(t, older.Owned())
	assert.Equal(t, "a b", y.server.Client().HGet(y.soon(), newer.shards[0].own, "organs").Val())
}

func TestAClockThatIsSetTakesNoShard(t *testing.T) {
	t.Parallel()
	y := newYard(t)
	a, b := y.claimant("a", 0), y.claimant("b", 0)
	a.has(0)
	for range leastReadings {
		b.contend(y.soon())
	}
	y.advance(2 * time.Hour)
	b.contend(y.soon())
	assert.Empty(t, b.Owned())
}

// A Spine that has ended saves no more; the one that runs after it is asked anew.
func TestTheCellsOfALeavingShardAreSavedByTheSpineThatRuns(t *testing.T) {
	t.Parallel()
	y := newYard(t)
	a, b := y.claimant("a", 0), y.claimant("b")
	a.has(0)
	asked := make(chan struct{}, 1)
	a.Leave(func(func(string) bool, func()) { asked <- struct{}{} })
	a.Claim(nil)
	b.Claim([]uint32{0})
	<-asked
	a.yield()
	assert.Equal(t, []uint32{0}, a.Owned(), "its cells are not saved")
	a.Leave(func(_ func(string) bool, saved func()) { go saved() })
	b.has(0)
	assert.Empty(t, a.Owned())
}

// Without its leases a node could wait for ever, and say that it waits for another one.
func TestAKeyOfAnotherTypeInPlaceOfALeaseIsNotWaitedFor(t *testing.T) {
	t.Parallel()
	for name, key := range map[string]func(*shard) string{
		"the lease":          func(s *shard) string { return s.own },
		"an organ's waiting": func(s *shard) string { return s.serviceKeys.due[0] },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			y := newYard(t, WithShards(2))
			b := y.claimant("b", 0)
			b.has(0)
			require.NoError(t, y.server.Client().Set(y.soon(), key(b.shards[1]), "foreign", 0).Err())
			b.Claim([]uint32{0, 1})
			b.contend(y.soon())
			_, err := b.attempt(spine.Want{Events: 1})
			require.ErrorIs(t, err, spine.ErrStoreLost)
			assert.ErrorContains(t, err, "WRONGTYPE")
		})
	}
}
