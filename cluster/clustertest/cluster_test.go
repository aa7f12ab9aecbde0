package clustertest_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/necrostack/necrostack/cluster"
	"github.com/necrostack/necrostack/spine/redisstream/redistest"
)

// soon is for what takes a few beats.
const soon = 2 * lease

// These tests measure how long a shard is without an owner, so they do not run beside each other.

func TestEachJoinTakesItsPartUnderLoad(t *testing.T) {
	c := newCast(t)
	players := []*player{c.start("a", c.url)}
	owners := c.shared(soon, players...)
	c.publish(burst)
	for _, name := range []string{"b", "c"} {
		c.mark()
		players = append(players, c.start(name, c.url))
		before := owners
		owners = c.shared(soon, players...)
		went := moved(before, owners)
		part := (shards + len(players) - 1) / len(players)
		assert.LessOrEqual(t, len(went), part+part/10)
		for _, s := range went {
			assert.Equal(t, name, owners[s].name)
		}
		pause := c.served(owners, went, func(s uint32) time.Time {
			_, last := before[s].times(s)
			return last
		})
		t.Logf("%s joins: %d of %d shards move, the longest pause of one is %v", name, len(went), shards, pause.Round(time.Millisecond))
		assert.Less(t, pause, bound(500*time.Millisecond, 3*lease/4), "no wait for a lease")
	}
	c.check()
}

func TestTheShardsOfANodeThatLeavesAreServedAtOnce(t *testing.T) {
	c := newCast(t)
	a, b, z := c.start("a", c.url), c.start("b", c.url), c.start("c", c.url)
	before := c.shared(soon, a, b, z)
	c.publish(burst)
	c.mark()
	c.served(before, keysOf(before), func(uint32) time.Time { return time.Time{} })
	c.mark()
	begun := time.Now()
	require.NoError(t, b.stop())
	took := time.Since(begun)
	owners := c.shared(soon, a, z)
	went := moved(before, owners)
	pause := c.served(owners, went, func(s uint32) time.Time {
		_, last := b.times(s)
		return last
	})
	t.Logf("b leaves within %v; %d shards move, served again %v after its last commit", took.Round(time.Millisecond), len(went), pause.Round(time.Millisecond))
	assert.Less(t, pause, bound(500*time.Millisecond, 3*lease/4), "no wait for a lease")
	for _, s := range went {
		assert.Equal(t, b, before[s])
	}
	c.check()
}

func TestTheShardsOfANodeThatIsCutOffAreServedWithinItsLeaseAndASecond(t *testing.T) {
	c := newCast(t)
	proxy := redistest.NewProxy(t, redistest.SharedServer(t).Addr())
	a, b, z := c.start("a", c.url), c.start("b", proxy.URL()), c.start("c", c.url)
	before := c.shared(soon, a, b, z)
	was := b.ID()
	c.publish(burst)
	c.served(before, keysOf(before), func(uint32) time.Time { return time.Time{} })
	c.mark()
	proxy.Partition()
	begun := time.Now()
	owners := c.shared(soon, a, z)
	went := moved(before, owners)
	pause := c.served(owners, went, func(uint32) time.Time { return begun })
	t.Logf("b is cut off: %d shards move, served again %v later", len(went), pause.Round(time.Millisecond))
	assert.Less(t, pause, bound(lease+time.Second, 3*lease))
	require.Eventually(t, func() bool { return len(a.Status().Members) == 2 }, soon, 5*time.Millisecond)
	proxy.Heal()
	c.shared(soon, a, b, z)
	assert.NotEqual(t, was, b.ID(), "it is another member now")
	assert.Equal(t, cluster.Serving, b.Phase())
	c.check()
}

func keysOf(owners map[uint32]*player) []uint32 { return moved(owners, nil) }
