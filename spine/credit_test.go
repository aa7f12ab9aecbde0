package spine

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/necrostack/necrostack/supervision"
)

func TestCreditShare(t *testing.T) {
	t.Parallel()
	for _, x := range []struct {
		events, organs, want int
	}{
		{8192, 1, 8192}, {8192, 4, 2048}, {8192, 100, leastShare}, {100, 100, 50}, {1, 5, 1}, {64, 0, 64},
	} {
		assert.Equal(t, x.want, newCredit(x.events, x.organs).share, "%d events, %d organs", x.events, x.organs)
	}
}

// twoOrgans is a core of organs a and b, 64 events in flight: a share of 32.
func twoOrgans() (c *core, a, b *organ) {
	p := supervision.Policy{Exhausted: supervision.Store, Breaker: supervision.BreakerPolicy{Failures: 1, Open: time.Minute}}
	a, b = organWith("a", p, false, false), organWith("b", p, false, false)
	c = coreWith(Service{Name: "s", Organs: []OrganSpec{{Name: "a"}, {Name: "b"}}}, 64, a, b)
	c.begin(time.Now())
	return c, a, b
}

func TestPullStaysWithinTheSharesWhileItCan(t *testing.T) {
	t.Parallel()
	c, a, b := twoOrgans()
	assert.Equal(t, 32, c.pullSize(), "nothing is in hand")
	a.inHand = 12
	assert.Equal(t, 20, c.pullSize(), "what the fullest organ has left")
	b.inHand, a.inHand = 3, 28
	assert.Zero(t, c.pullSize(), "too little to be worth a pull, and nobody is idle")
	b.inHand, c.ledger.events = 0, 28
	assert.Equal(t, 36, c.pullSize(), "b is idle, and what it has may be behind what a has")
	assert.True(t, c.credit.skimming)
}

func TestPullStaysWithinWhatIsFree(t *testing.T) {
	t.Parallel()
	c, _, _ := twoOrgans()
	c.ledger.events = 50
	assert.Equal(t, 14, c.pullSize())
	c.ledger.events = 62
	assert.Zero(t, c.pullSize())
	c.ledger.events, c.ledger.bytes = 0, c.config.maxBytes
	assert.Zero(t, c.pullSize())
}

func TestSkimThatFindsNothingComesLaterEachTime(t *testing.T) {
	t.Parallel()
	c, a, _ := twoOrgans()
	a.inHand = 32
	var waits []time.Duration
	for range 6 {
		require.Positive(t, c.pullSize())
		assert.Zero(t, c.pullSize(), "not again before its time")
		c.credit.skimmed()
		waits = append(waits, c.credit.skimAt.Sub(c.now))
		c.begin(c.credit.skimAt)
	}
	const ms = time.Millisecond
	assert.Equal(t, []time.Duration{10 * ms, 20 * ms, 40 * ms, 80 * ms, 160 * ms, 160 * ms}, waits)
	require.Positive(t, c.pullSize())
	c.credit.found = true
	c.credit.skimmed()
	assert.Equal(t, skimTime, c.credit.skimEvery, "one that finds something begins anew")
}

// With a thousand organs a pull of what one may have more brought half an event for each.
func TestPullIsSizedByTheOrganThatGetsTheMost(t *testing.T) {
	t.Parallel()
	k := credit{}
	assert.Equal(t, 100, k.fitting(100), "nothing is known yet")
	k.last, k.most = 1000, 10
	assert.Equal(t, 10_000, k.fitting(100))
	k.last, k.most = 10, 20
	assert.Equal(t, 50, k.fitting(100), "two works for one organ per event cannot be, but one event may be for many")
}

func TestRooms(t *testing.T) {
	t.Parallel()
	c, a, b := twoOrgans()
	a.inHand = 10
	rooms := func() []int {
		rooms, none := c.rooms(nil)
		zeros := 0
		for _, room := range rooms {
			if room == 0 {
				zeros++
			}
		}
		assert.Equal(t, zeros, none)
		return rooms
	}
	assert.Equal(t, []int{22, 32}, rooms())
	a.inHand, b.paused = 40, true
	assert.Equal(t, []int{0, 0}, rooms(), "beyond its share, and paused")
	b.paused, a.inHand = false, 0
	a.breaker.Trip()
	c.begin(c.now)
	assert.Equal(t, []int{0, 32}, rooms(), "open")
}

func TestRelieveTakesFromThoseWhoHaveMoreThanAnEqualPart(t *testing.T) {
	t.Parallel()
	// Many organs of which each may have half of all: three slow ones hold everything.
	var organs []*organ
	s := Service{Name: "s"}
	for _, name := range []string{"a", "b", "c", "d", "e", "f", "g", "h"} {
		organs = append(organs, organWith(name, supervision.Policy{Exhausted: supervision.Store}, false, false))
		s.Organs = append(s.Organs, OrganSpec{Name: name})
	}
	c := coreWith(s, 64, organs...)
	c.begin(time.Now())
	a := organs[0]
	p := c.ledger.take(1, 30)
	for range 30 {
		i, _ := c.ledger.add(p)
		a.lanes[0].queue.push(i)
		a.inHand++
	}
	c.ledger.events = 64
	assert.Zero(t, c.pullSize())
	require.NotNil(t, c.out.chunk)
	assert.Len(t, c.out.chunk.ss, 26, "all but a half of an eighth")
	assert.Equal(t, 4, a.lanes[0].queue.len())
	for _, x := range c.out.chunk.ss {
		assert.True(t, x.Kind == Defer && x.Later.Waits)
	}
	c.out.reset()
	assert.Zero(t, c.pullSize())
	assert.Nil(t, c.out.chunk, "not again before the answers can have come")
}

func TestPullsThatFailComeLaterAndEndTheRunWhereItIsAsked(t *testing.T) {
	t.Parallel()
	c, _, _ := twoOrgans()
	c.config.maxFailures = 3
	now := time.Now()
	for _, wait := range []time.Duration{10 * time.Millisecond, 20 * time.Millisecond} {
		c.flush()
		require.True(t, c.out.pull)
		c.out.reset()
		c.arrived(now, nil, errTalk)
		assert.Equal(t, wait, c.credit.retryAt.Sub(now))
		c.flush()
		require.False(t, c.out.pull)
		require.Equal(t, c.credit.retryAt, c.out.wake)
		c.out.reset()
		now = c.credit.retryAt
		c.begin(now)
	}
	c.flush()
	c.arrived(now, nil, errTalk)
	c.flush()
	assert.True(t, c.out.ended)
	assert.True(t, errors.Is(c.result(), ErrBackendUnavailable) && errors.Is(c.result(), errTalk), "%v", c.result())
}
