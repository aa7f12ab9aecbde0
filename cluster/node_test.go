package cluster_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/necrostack/necrostack/cluster"
	"github.com/necrostack/necrostack/spine"
)

func TestEachJoinMovesItsPartAndNoShardWaits(t *testing.T) {
	inParty(t, func(p *party) {
		var guests []*guest
		for _, name := range []string{"a", "b", "c", "d"} {
			guests = append(guests, p.start(name))
			p.shared(5*testBeat, guests...)
			moves := p.moved()
			assert.LessOrEqual(p, len(moves), ceil(testShards, len(guests)))
			for _, m := range moves {
				assert.Equal(p, name, m.to, "all moves are to who joins")
				assert.Zero(p, m.without, "its successor stands at the door")
			}
			assert.Len(p, p.agreed(), 1, "one proposal, no race")
		}
		assert.Equal(p, 1, guests[0].lines.with("INFO", "joined"))
		assert.Equal(p, 4, guests[0].lines.with("INFO", "plan in force"))
		assert.Positive(p, guests[0].lines.with("INFO", "shards gained"))
		assert.Positive(p, guests[0].lines.with("INFO", "shards lost"))
	})
}

func TestNodesThatStartTogetherMakeFewPlans(t *testing.T) {
	inParty(t, func(p *party) {
		var guests []*guest
		for i := range 8 {
			guests = append(guests, p.start(fmt.Sprintf("n%d", i)))
		}
		p.shared(5*testBeat, guests...)
		assert.LessOrEqual(p, len(p.agreed()), 2)
		assert.LessOrEqual(p, len(p.moved()), testShards*3/2)
	})
}

func TestALeavingNodeIsFollowedAtOnce(t *testing.T) {
	inParty(t, func(p *party) {
		a, b, c := p.start("a"), p.start("b"), p.start("c")
		p.shared(5*testBeat, a, b, c)
		p.moved()
		mine := b.handle.Owned()
		begun := time.Now()
		require.NoError(p, b.stop())
		assert.Less(p, time.Since(begun), testBeat*3/2, "successors tell at once that they are ready")
		assert.Empty(p, b.handle.Owned())
		assert.NotContains(p, p.records(), b.ID())
		assert.Equal(p, cluster.Gone, b.Phase())
		p.shared(testBeat, a, c)
		moves := p.moved()
		assert.Len(p, moves, len(mine))
		for _, m := range moves {
			assert.Contains(p, mine, m.shard)
			assert.Zero(p, m.without)
		}
		assert.Equal(p, 1, b.lines.with("INFO", "leaving"))
		assert.Equal(p, 1, b.lines.with("INFO", "left"))
	})
}

func TestTheLastNodeDoesNotWaitForSuccessors(t *testing.T) {
	inParty(t, func(p *party) {
		a := p.start("a")
		p.shared(5*testBeat, a)
		begun := time.Now()
		require.NoError(p, a.stop())
		assert.Less(p, time.Since(begun), testBeat/2)
		assert.Empty(p, p.records())
	})
}

func TestAShardWithWorkInHandIsReleasedWhenThatIsDone(t *testing.T) {
	inParty(t, func(p *party) {
		a := p.start("a")
		p.shared(5*testBeat, a)
		b := p.make("b", organs("one"))
		p.do(func() {
			for s := range uint32(testShards) {
				a.handle.busy[s] = true
			}
		})
		b.run()
		p.within(5*testBeat, func(c *assert.CollectT) { assert.Len(c, b.Status().Plan.Of(b.ID()), testShards/2) })
		time.Sleep(5 * testBeat)
		assert.Empty(p, b.handle.Owned())
		p.do(func() { clear(a.handle.busy) })
		p.shared(testBeat, a, b)
		for _, m := range p.moved() {
			assert.Zero(p, m.without)
		}
	})
}

func TestANodeThatLeavesWaitsForItsReleasesButNotForEver(t *testing.T) {
	inParty(t, func(p *party) {
		for _, ends := range []bool{true, false} {
			a := p.start("a")
			p.shared(5*testBeat, a)
			p.do(func() {
				for s := range uint32(testShards) {
					a.handle.busy[s] = true
				}
			})
			if ends {
				time.AfterFunc(testBeat/2, func() {
					p.do(func() { clear(a.handle.busy); p.store.settle() })
				})
			}
			begun := time.Now()
			require.NoError(p, a.stop())
			assert.Less(p, time.Since(begun), 2*testBeat)
			assert.Equal(p, ends, len(a.handle.Owned()) == 0)
		}
	})
}

func TestAPinMovesAShardAndUnpinLetsItGo(t *testing.T) {
	inParty(t, func(p *party) {
		a, b := p.start("a"), p.start("b")
		p.shared(5*testBeat, a, b)
		shard := a.handle.Owned()[0]
		p.moved()
		require.NoError(p, b.Pin(p.Context(), shard, "b"))
		require.NoError(p, a.Pin(p.Context(), shard, "b"), "once more")
		p.within(4*testBeat, func(c *assert.CollectT) { assert.Contains(c, b.handle.Owned(), shard) })
		p.within(testBeat, func(c *assert.CollectT) { assert.Equal(c, cluster.Pins{shard: "b"}, a.Status().Pins) })
		require.NoError(p, a.Unpin(p.Context(), shard))
		p.within(4*testBeat, func(c *assert.CollectT) { assert.Empty(c, b.Status().Pins) })
		p.shared(4*testBeat, a, b)

		none := p.make("c", organs("one"))
		require.NoError(p, none.Pin(p.Context(), 1, a.ID()), "a node need not run")
		p.within(4*testBeat, func(c *assert.CollectT) { assert.Contains(c, a.handle.Owned(), uint32(1)) })
		require.ErrorIs(p, a.Pin(p.Context(), testShards, "a"), cluster.ErrMember)
		require.ErrorContains(p, a.Pin(p.Context(), 1, ""), "pin shard 1")
	})
}

func TestANodeTakesItsWeightOfShards(t *testing.T) {
	inParty(t, func(p *party) {
		a, b := p.start("a", cluster.WithWeight(3)), p.start("b")
		none := p.start("none", cluster.WithWeight(0))
		p.within(5*testBeat, func(c *assert.CollectT) {
			assert.Len(c, a.handle.Owned(), 12)
			assert.Len(c, b.handle.Owned(), 4)
			assert.Equal(c, cluster.Serving, none.Phase())
		})
		assert.Empty(p, none.handle.Owned())
	})
}

func TestAnOlderProgramGetsNoShardsBesideANewerOne(t *testing.T) {
	inParty(t, func(p *party) {
		a, b := p.start("a"), p.start("b")
		p.shared(5*testBeat, a, b)
		newer := p.make("c", organs("two", "one")).run()
		p.shared(6*testBeat, newer)
		assert.Empty(p, a.handle.Owned())
		assert.Equal(p, 1, a.lines.with("WARN", "organs"))
		for _, m := range newer.Status().Members {
			assert.Equal(p, m.ID != newer.ID(), m.Outdated, m.ID)
		}
		require.NoError(p, a.stop())
		again := p.make("a", organs("one", "two")).run()
		p.shared(6*testBeat, again, newer)
		require.NoError(p, errors.Join(again.stop(), newer.stop()))
		p.within(6*testBeat, func(c *assert.CollectT) { assert.Len(c, b.handle.Owned(), testShards) })
	})
}

func TestAProgramThatHasRetiredAnOrganIsNotOlder(t *testing.T) {
	inParty(t, func(p *party) {
		a := p.make("a", organs("one", "two")).run()
		b := p.make("b", append(organs("one"), spine.WithRetired("two"))).run()
		p.shared(6*testBeat, a, b)
	})
}

func TestOfProgramsWithDifferentOrgansNeitherIsOlder(t *testing.T) {
	inParty(t, func(p *party) {
		p.shared(6*testBeat, p.make("a", organs("one", "two")).run(), p.make("b", organs("one", "three")).run())
	})
}

func TestAStatusTellsWhatTheNodeKnows(t *testing.T) {
	inParty(t, func(p *party) {
		a, b := p.start("a"), p.start("b", cluster.WithWeight(2))
		assert.Zero(p, p.make("c", organs("one")).Status().Age)
		p.within(5*testBeat, func(c *assert.CollectT) { assert.NotEmpty(c, b.handle.Owned()) })
		time.Sleep(3 * testBeat)
		b.cut()
		time.Sleep(2 * testBeat)
		s := a.Status()
		assert.Equal(p, a.ID(), s.ID)
		assert.Equal(p, cluster.Serving, s.Phase)
		assert.Equal(p, a.handle.Owned(), s.Owned)
		assert.LessOrEqual(p, s.Age, testBeat)
		assert.Positive(p, s.Version)
		require.Len(p, s.Members, 2)
		assert.Equal(p, []string{a.ID(), b.ID()}, []string{s.Members[0].ID, s.Members[1].ID})
		assert.InDelta(p, 2, s.Members[1].Weight, 0)
		assert.GreaterOrEqual(p, s.Members[1].Age, testBeat)
		assert.LessOrEqual(p, s.Members[0].Age, testBeat)
		assert.Equal(p, []string{"one"}, s.Members[1].Organs)
		assert.Equal(p, s.Version, s.Members[1].Version)
		time.Sleep(testLease)
		assert.Len(p, a.Status().Members, 1)
	})
}

func TestANodeRunsOnceAtATimeAndAgainAsAnotherMember(t *testing.T) {
	inParty(t, func(p *party) {
		a := p.start("a")
		p.shared(5*testBeat, a)
		require.ErrorIs(p, a.Run(p.Context()), spine.ErrRunning)
		require.NoError(p, a.stop())
		first := a.ID()
		a.run()
		p.shared(5*testBeat, a)
		assert.NotEqual(p, first, a.ID())
		assert.Equal(p, "a", cluster.NameOf(a.ID()))
	})
}

func TestANodeWhoseSpineDoesNotOpenIsNoMember(t *testing.T) {
	inParty(t, func(p *party) {
		a := p.make("a", organs("one"))
		a.handle.opening = spine.ErrOrgans
		require.ErrorIs(p, a.Run(p.Context()), spine.ErrOrgans)
		assert.Empty(p, p.records())
		a.handle.opening = nil
		ctx, cancel := context.WithCancel(p.Context())
		cancel()
		_ = a.Run(ctx)
		assert.Empty(p, p.records(), "told to stop before it began")
	})
}

func TestJoinReportsAllMistakes(t *testing.T) {
	t.Parallel()
	h := newFakeStore(1, 0).handle("x")
	_, err := cluster.Join(h, []spine.Option{spine.WithService("")}, cluster.WithName("a b"), cluster.WithLogger(nil))
	for _, piece := range []string{"lease", "service", "WithName", "WithLogger"} {
		require.ErrorContains(t, err, piece)
	}
	for _, weight := range []float64{-1, math.NaN(), math.Inf(1)} {
		_, err = cluster.Join(h, nil, cluster.WithWeight(weight))
		require.ErrorContains(t, err, "WithWeight")
	}
	_, err = cluster.Join(nil, nil)
	require.EqualError(t, err, "cluster: the store is nil (<nil>)")
	_, err = cluster.Join((*nowhere)(nil), nil)
	require.EqualError(t, err, "cluster: the store is nil (*cluster_test.nowhere)")
}

type nowhere struct{ cluster.Store }

func TestThePlanOfALargeClusterIsSmall(t *testing.T) {
	inParty(t, func(p *party) {
		p.store.shards = 4096
		p.store.owner, p.store.free = make([]*fakeHandle, 4096), make([]time.Time, 4096)
		for _, m := range nodes(1, 199) {
			p.store.members[m.ID] = `{"beat":1,"weight":1,"organs":["one"]}`
		}
		a := p.start("a")
		p.within(5*testBeat, func(c *assert.CollectT) { assert.Contains(c, []int{20, 21}, len(a.Status().Plan.Of(a.ID()))) })
		p.do(func() {
			p.Logf("the plan of 200 members and 4,096 shards takes %d bytes", len(p.store.agreed["plan"]))
			assert.Less(p, len(p.store.agreed["plan"]), 24<<10)
		})
		owners := a.Status().Plan
		assert.NotContains(p, owners, "")
		assert.True(p, slices.IsSorted(owners.Of(a.ID())))
	})
}
