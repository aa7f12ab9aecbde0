package clustertest_test

import (
	"fmt"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/necrostack/necrostack/spine/redisstream/redistest"
)

// A node that is stopped for longer than its lease does not know it when it goes on.
func TestAStoppedNodeIsTakenOverFromAndComesBackAsAnotherMember(t *testing.T) {
	t.Parallel()
	c := newCompany(t)
	all := c.hireAll(one, "a", "b", "c")
	c.publish(drizzle)
	c.settled("a", "b", "c")
	since, had := c.watch.counts(), c.of("b")
	begun := time.Now()
	all["b"].signal(syscall.SIGSTOP)
	c.settled("a", "c")
	assert.Equal(t, had, c.changed(since), "nothing else moves")
	c.eventually("the stopped node is not struck off", func() bool { return len(c.watch.beats()) == 2 })
	time.Sleep(time.Until(begun.Add(lease * 2))) // which is the fault
	all["b"].signal(syscall.SIGCONT)
	c.settled("a", "b", "c")
	assert.True(t, all["b"].says("the others have given this node up; it begins anew"))
	c.check()
}

// While the server stands still no lease runs out, however long that is. A node that has no answer longer than others may be
// late with its next beat.
func TestAServerThatStandsStillCausesNoStormOfTakeovers(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	c := newCompanyOn(t, server, server.URL())
	c.hireAll(one, "a", "b", "c")
	c.publish(drizzle)
	c.settled("a", "b", "c")
	since, members := c.watch.counts(), c.watch.beats()
	server.Pause()
	time.Sleep(2 * lease) // which is the fault
	server.Resume()
	c.ticks(8)
	c.settled("a", "b", "c")
	t.Logf("%d shards were taken anew", len(c.changed(since)))
	assert.Len(t, c.watch.beats(), len(members))
	c.check()
}

// Two processes of one name are two members.
func TestTwoProcessesOfOneNameShareTheWork(t *testing.T) {
	t.Parallel()
	c := newCompany(t)
	c.hire("twin", one)
	c.hire("twin", one)
	c.publish(drizzle)
	c.eventually("they do not share", func() bool {
		parts := make(map[string]int)
		for _, owner := range c.watch.holders() {
			parts[owner]++
		}
		for _, n := range parts {
			if n != shards/2 {
				return false
			}
		}
		return c.watch.shared([]string{"twin", "twin"})
	})
	c.check()
}

// A guest comes or goes every second. What moves is bounded by what changes.
func TestNodesThatComeAndGoEverySecondMoveNoMoreThanTheirPart(t *testing.T) {
	t.Parallel()
	const seconds = 10
	c := newCompany(t)
	c.hireAll(one, "a", "b", "c")
	c.publish(drizzle)
	c.settled("a", "b", "c")
	second := time.NewTicker(time.Second)
	defer second.Stop()
	var guests []*process
	for i := range seconds {
		if i%3 == 2 {
			guests[0].signal(syscall.SIGTERM)
			guests = guests[1:]
		} else {
			guests = append(guests, c.hire(fmt.Sprint("guest-", i), one))
		}
		<-second.C // which is the fault
	}
	c.check()
	c.once("chains")
	c.once("mail")
	c.bounded()
}

// bounded holds that no plan moves more than the parts of those who have come or gone with it.
func (c *company) bounded() {
	c.Helper()
	plans, total, longest := c.watch.agreements(), 0, 0
	for i := 1; i < len(plans); i++ {
		before, after := plans[i-1], plans[i]
		if after.version != before.version+1 || len(before.members) == 0 || len(after.members) == 0 {
			continue // one between them was not seen, or all shards come or go
		}
		moves, changes := 0, 0
		for s := range after.owners {
			if after.owners[s] != before.owners[s] {
				moves++
			}
		}
		for _, id := range slices.Concat(before.members, after.members) {
			if slices.Contains(before.members, id) != slices.Contains(after.members, id) {
				changes++
			}
		}
		assert.LessOrEqual(c, moves, changes*most(min(len(before.members), len(after.members))), "%s to %s",
			strings.Join(before.members, " "), strings.Join(after.members, " "))
		total, longest = total+moves, max(longest, moves)
	}
	require.Greater(c, total, 0)
	c.Logf("%d plans, %d moves, at most %d with one", len(plans), total, longest)
}
