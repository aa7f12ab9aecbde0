package clustertest_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// What the nodes of an older program say.
const (
	saysOlder   = "a member has organs that this program has not; this node gets no shards"
	saysRefused = "a shard is not taken over"
	saysMissing = "organs are missing" // and does not start
)

// Version 2 has one more organ, and another Step and state of the old one. While both versions run side by side, the
// new one takes all shards, and the old one none of them back.
func TestARollingUpgradeLosesNothingAndTheOlderProgramTakesNothingBack(t *testing.T) {
	t.Parallel()
	c := newCompany(t)
	names := []string{"a", "b", "c"}
	all := c.hireAll(one, names...)
	c.publish(drizzle)
	c.settled(names...)
	for i, name := range names {
		require.NoError(t, all[name].leave())
		all[name] = c.hire(name, two)
		c.settled(names[:i+1]...)
		for _, older := range names[i+1:] {
			c.eventually(older+" does not say that it is older", func() bool { return all[older].says(saysOlder) })
		}
	}
	since := c.watch.counts()
	late := c.hire("late", one)
	require.Error(t, late.finished())
	assert.True(t, late.says(saysMissing))
	c.ticks(2)
	assert.Empty(t, c.changed(since), "it changes nothing")
	c.fire(late)

	c.program = two
	c.check()
	c.once("chains", "chains2")
	c.once("mail")
	c.inherited()
	pause, key := c.longest("chains", "chains2")
	t.Logf("the longest pause of a key is %v, of %s", pause, key)
}

// ticks waits until the nodes have written so many records each.
func (c *company) ticks(n int) {
	c.Helper()
	beats := func() map[string]uint64 { return c.watch.beats() }
	since := beats()
	c.eventually("a member does not beat", func() bool {
		now := beats()
		for id, b := range since {
			if at, there := now[id]; there && at < b+uint64(n) {
				return false
			}
		}
		return true
	})
}

// inherited holds that version 2 has taken over the state of version 1, and that its new organ has had each event from the
// first that its version has handled, in order.
func (c *company) inherited() {
	c.Helper()
	first := make(map[string]int)
	for _, x := range c.calls() {
		if _, seen := first[x.link.Key]; x.organ == "chains2" && !seen {
			first[x.link.Key] = x.link.N
		}
	}
	states, audits := ask[heir](c.cast, "chains"), ask[audited](c.cast, "audit")
	for key, state := range states {
		assert.Equal(c, first[key], state.Since, key)
		a := audits[key]
		assert.Equal(c, chain{Last: state.Last}, a.chain, key)
		assert.Greater(c, a.First, 1, "what version 1 has acknowledged is not shown again: %s", key)
		assert.LessOrEqual(c, a.First, state.Since, "%s: version 2 has acknowledged what its new organ has not seen", key)
	}
}

// A new program that is taken back leaves its shards to nobody, until it is there again or a program that gives its organ up
// has been on each of them. Nothing is lost meanwhile.
func TestAnUpgradeThatIsTakenBackLeavesItsShardsUntilItsOrganIsGivenUp(t *testing.T) {
	t.Parallel()
	c := newCompany(t)
	names := []string{"a", "b", "c"}
	all := c.hireAll(one, names...)
	c.publish(drizzle)
	c.settled(names...)
	next := c.hire("new", two)
	c.settled("new")
	require.NoError(t, next.leave())
	for _, p := range all {
		c.eventually(p.orders.Name+" does not say that it may not", func() bool { return p.says(saysRefused) })
	}
	c.eventually("somebody serves", func() bool { return c.watch.loads()[""] == shards })

	next = c.hire("again", two)
	c.settled("again")
	next.kill()
	c.eventually("the dead node is not given up", func() bool { return len(c.watch.beats()) == len(names) })

	back := program{Version: 1, Retired: []string{"audit"}}
	c.hireAll(back, "x", "y")
	c.ticks(1)
	for _, name := range names {
		require.NoError(t, all[name].leave())
	}
	c.settled("x", "y")
	since := c.watch.counts()
	c.hire("d", one)
	c.settled("x", "y", "d")
	assert.NotEmpty(t, c.changed(since), "the old program may serve again")

	c.check()
}
