package redisstream

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/necrostack/necrostack/spine"
)

// many publishes n events of one key.
func (n *node) many(count int) []string {
	n.y.Helper()
	var all []string
	for i := range count {
		all = append(all, fmt.Sprint(i))
	}
	n.publish("k", all...)
	return all
}

// settleMany pulls and finishes so many events in commits of many.
func (n *node) settleMany(count int) {
	n.y.Helper()
	for count > 0 {
		ds, err := n.attempt(spine.Want{Events: min(count, 256)})
		require.NoError(n.y, err)
		require.NotEmpty(n.y, ds)
		var ss []spine.Settlement
		for _, d := range ds {
			ss = append(ss, n.done(d, 0))
		}
		for _, code := range n.settle(ss...) {
			require.Equal(n.y, spine.Settled, code)
		}
		count -= len(ds)
	}
}

func (y *yard) length() int {
	y.Helper()
	n, err := y.server.Client().XLen(y.soon(), y.keys.shard(0).in).Result()
	require.NoError(y, err)
	return int(n)
}

// enough is so much that the stream is trimmed, some of it in pieces of the server's own size.
const enough = 4 * trimEvery

func TestAStreamIsTrimmedToWhatIsNeeded(t *testing.T) {
	t.Parallel()
	y := newYard(t)
	a := y.node("a", loose("mail"))
	a.many(enough)
	a.settleMany(enough)
	assert.Less(t, y.length(), trimEvery)
	a.nothing()
	y.finished([]string{"mail"})
}

func TestEachCommitOfASettlementIsCountedForTheNextTrim(t *testing.T) {
	t.Parallel()
	y := newYard(t)
	a := y.node("a", loose("mail"))
	a.many(enough)
	var ss []spine.Settlement
	for len(ss) < enough {
		ds, err := a.attempt(spine.Want{Events: enough})
		require.NoError(t, err)
		for _, d := range ds {
			ss = append(ss, a.done(d, 0))
		}
	}
	for _, code := range a.settle(ss...) {
		require.Equal(t, spine.Settled, code)
	}
	assert.Less(t, y.length(), trimEvery)
}

func TestAStreamIsTrimmedThoughNobodyHoldsItForLong(t *testing.T) {
	t.Parallel()
	y := newYard(t)
	for i := range 6 {
		n := y.node(fmt.Sprint(i), loose("mail"))
		if i > 0 {
			n.takeOver()
		}
		n.many(100)
		n.settleMany(100)
	}
	assert.Less(t, y.length(), trimEvery)
}

func TestTrimmingLeavesWhatASecondServiceHasNotRead(t *testing.T) {
	t.Parallel()
	y := newYard(t)
	a := y.node("a", loose("mail"))
	slow := y.nodeOf("slow", "slow", loose("report"))
	want := a.many(enough)
	slow.pull(10, want[:10]...)
	a.settleMany(enough)
	assert.Equal(t, enough, y.length())
	late := y.nodeOf("late", "late", loose("audit"))      // begins with the oldest event that is kept
	require.NoError(t, slow.Open(y.soon(), slow.service)) // what it had in hand comes again
	for _, n := range []*node{slow, late} {
		var got []string
		for len(got) < enough {
			ds, err := n.attempt(spine.Want{Events: 100})
			require.NoError(t, err)
			require.NotEmpty(t, ds)
			got = append(got, texts(ds)...)
			var ss []spine.Settlement
			for _, d := range ds {
				ss = append(ss, n.done(d, 0))
			}
			n.settle(ss...)
		}
		assert.Equal(t, want, got)
		n.nothing()
	}
	assert.Less(t, y.length(), trimEvery, "now all have")
}

func TestTrimmingLeavesWhatIsDeferred(t *testing.T) {
	t.Parallel()
	y := newYard(t)
	a := y.node("a", loose("mail"))
	a.defers("first")
	a.many(enough)
	a.settleMany(enough)
	assert.GreaterOrEqual(t, y.length(), enough)
	y.advance(time.Minute)
	a.finish(a.pull(1, "first")...)
	assert.Empty(t, y.pending("svc"))
	a.many(enough)
	a.settleMany(enough)
	assert.Less(t, y.length(), trimEvery)
}

// Nobody has heard of it yet, so no owner could count it among what is needed.
func TestTrimmingLeavesWhatAPullWithoutAnAnswerHasTaken(t *testing.T) {
	t.Parallel()
	y := newYard(t)
	a, b := y.node("a", loose("mail")), y.node("b", loose("mail"))
	a.publish("k", "first")
	zombie := a.tap.next(1, guardScript, stray)
	a.unanswered(1)
	b.takeOver()
	require.Equal(t, "FENCED", zombie.arrive(y)[0])
	require.Len(t, y.pending("svc"), 1)
	b.many(enough)
	held := b.pull(1, "first")[0]
	b.settleMany(enough)
	assert.Equal(t, enough+1, y.length())
	b.finish(held)
	y.finished([]string{"mail"}, "first")
}
