package clustertest_test

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// One node after the other, of five, joins, is killed, or leaves. It measures how long shards are without an owner, so it
// does not run beside others.
func TestProcessesAreTakenOverFromWhetherTheyAreKilledOrLeave(t *testing.T) {
	c := newCompany(t)
	names := []string{"a", "b", "c", "d"}
	all := c.hireAll(one, names...)
	c.publish(burst)
	c.settled(names...)

	since := c.watch.counts()
	all["e"] = c.hire("e", one)
	names = append(names, "e")
	c.settled(names...)
	went := c.changed(since)
	assert.LessOrEqual(t, len(went), most(len(names)))
	c.Logf("e joins: %d of %d shards move, the longest pause of one is %v", len(went), shards, c.between(went))
	assert.Less(t, c.between(went), bound(500*time.Millisecond, 3*lease/4))

	for _, name := range []string{"b", "d"} {
		since = c.watch.counts()
		had := c.of(name)
		begun := time.Now()
		all[name].kill()
		names = slices.DeleteFunc(names, func(x string) bool { return x == name })
		c.settled(names...)
		went = c.changed(since)
		assert.Equal(t, had, went, "nothing else moves")
		pauses := c.pauses(went, func(int) time.Time { return begun })
		c.Logf("%s is killed: %d shards, each served again after %v", name, len(went), pauses)
		assert.Less(t, slices.Max(pauses), bound(lease+time.Second, 4*lease))
	}

	since = c.watch.counts()
	had := c.of("c")
	require.NoError(t, all["c"].leave())
	names = slices.DeleteFunc(names, func(x string) bool { return x == "c" })
	c.settled(names...)
	went = c.changed(since)
	assert.Equal(t, had, went, "nothing else moves")
	c.Logf("c leaves: %d shards, served again %v after its last commit of one, at the latest", len(went), c.between(went))
	assert.Less(t, c.between(went), bound(500*time.Millisecond, 3*lease/4), "no wait for a lease")
	c.check()
}

// most is how many shards one of so many nodes may bring into movement.
func most(nodes int) int {
	part := (shards + nodes - 1) / nodes
	return part + part/10
}

// of returns the shards of a process.
func (c *company) of(name string) []int {
	var of []int
	for s, owner := range c.watch.holders() {
		if (tenure{token: owner + "/"}).name() == name {
			of = append(of, s)
		}
	}
	return of
}

// pauses returns how long after a time each shard was first served by its latest owner.
func (c *company) pauses(went []int, from func(shard int) time.Time) []time.Duration {
	c.Helper()
	var pauses []time.Duration
	for _, s := range went {
		ts := c.watch.tenures(s)
		pauses = append(pauses, ts[len(ts)-1].first.Sub(from(s)).Round(time.Millisecond))
	}
	require.NotEmpty(c, pauses, "no shard has moved")
	return pauses
}

// between returns the longest time from the last commit of one owner to the first of the next.
func (c *company) between(went []int) time.Duration {
	c.Helper()
	return slices.Max(c.pauses(went, func(s int) time.Time {
		ts := c.watch.tenures(s)
		return ts[len(ts)-2].last
	}))
}

// All nodes of a cluster under load are restarted, one after the other, and no handler is called with an event that was
// settled before.
func TestARollingRestartLosesNothingAndDoesNothingTwice(t *testing.T) {
	c := newCompany(t)
	names := []string{"a", "b", "c", "d", "e"}
	all := c.hireAll(one, names...)
	c.publish(drizzle)
	c.settled(names...)
	for _, name := range names {
		since := c.watch.counts()
		require.NoError(t, all[name].leave())
		all[name] = c.hire(name, one)
		c.settled(names...)
		for s, n := range c.watch.counts() {
			assert.LessOrEqual(t, n-since[s], 2, "shard %d: away from one that leaves, and to one that joins", s)
		}
	}
	c.check()
	c.once("chains")
	c.once("mail")
	pause, key := c.longest("chains")
	c.Logf("%d events; the longest pause of a key is %v, of %s", c.load.count.Load()*keys, pause.Round(time.Millisecond), key)
	assert.Less(t, pause, bound(2*drizzle+500*time.Millisecond, 3*lease))
}
