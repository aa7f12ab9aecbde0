package cluster_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/necrostack/necrostack/cluster"
)

// history draws a cluster of equal members in which some have joined and left, with its plan.
func history(t *rapid.T) ([]cluster.Member, cluster.Plan) {
	plan := cluster.NewPlan(rapid.IntRange(1, 300).Draw(t, "shards"))
	members := nodes(0, rapid.IntRange(1, 30).Draw(t, "members"))
	plan = assign(t, members, nil, plan)
	for i := range rapid.IntRange(0, 6).Draw(t, "changes") {
		if len(members) > 1 && rapid.Bool().Draw(t, "leave") {
			members = without(members, rapid.IntRange(0, len(members)-1).Draw(t, "leaver"))
		} else {
			members = append(members, nodes(1000+i, 1)...)
		}
		plan = assign(t, members, nil, plan)
	}
	return members, plan
}

func TestManyJoinsAndLeavesAtOnceKeepTheBalance(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		members, before := history(t)
		leavers := rapid.IntRange(0, len(members)-1).Draw(t, "leavers")
		after := append(members[leavers:], nodes(5000, rapid.IntRange(0, 20).Draw(t, "joiners"))...)
		plan := assign(t, after, nil, before)
		least, most := extremes(after, plan)
		require.GreaterOrEqual(t, least, len(plan)/len(after))
		require.LessOrEqual(t, most, ceil(len(plan), len(after)))
		stayed := before.Loads()
		for _, m := range before.Moves(plan) {
			_, from := stayed[m.From]
			_, to := stayed[m.To]
			gone := indexOf(members[:leavers], m.From) >= 0
			require.True(t, gone || !from || !to, "shard %d moves between two that stay", m.Shard)
		}
	})
}

func indexOf(members []cluster.Member, id string) int {
	return slices.IndexFunc(members, func(m cluster.Member) bool { return m.ID == id })
}

func TestLoadsOfEqualMembersDifferByOneAtMost(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		members, plan := history(t)
		least, most := extremes(members, plan)
		require.GreaterOrEqual(t, least, len(plan)/len(members))
		require.LessOrEqual(t, most, ceil(len(plan), len(members)))
		require.NotContains(t, plan, "")
	})
}

func TestAJoinMovesItsShareToTheOneThatJoinsAndNothingElse(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		members, before := history(t)
		joined := append(members, nodes(5000, 1)...)
		moves := before.Moves(assign(t, joined, nil, before))
		require.LessOrEqual(t, len(moves), ceil(len(before), len(joined)))
		for _, m := range moves {
			require.Equal(t, nodeID(5000), m.To)
		}
	})
}

func TestALeaveMovesTheShardsOfTheOneThatLeavesAndNothingElse(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		members, before := history(t)
		i := rapid.IntRange(0, len(members)-1).Draw(t, "leaver")
		moves := before.Moves(assign(t, without(members, i), nil, before))
		require.Len(t, moves, before.Loads()[members[i].ID])
		for _, m := range moves {
			require.Equal(t, members[i].ID, m.From)
		}
	})
}

// anything draws members of any weights, pins, and a plan that knows some of them.
func anything(t *rapid.T) ([]cluster.Member, cluster.Pins, cluster.Plan) {
	weights := rapid.SliceOfN(rapid.OneOf(rapid.Just(1.0), rapid.Just(0.0), rapid.Float64Range(0, 10), rapid.Float64Range(0, cluster.MaxWeight)), 0, 20).Draw(t, "weights")
	members := nodes(0, len(weights))
	for i, w := range weights {
		members[i].Weight = w
	}
	owner := rapid.Custom(func(t *rapid.T) string {
		i := rapid.IntRange(-1, len(members)+2).Draw(t, "owner")
		if i < 0 {
			return ""
		}
		return nodeID(i)
	})
	plan := cluster.Plan(rapid.SliceOfN(owner, 1, 100).Draw(t, "current"))
	pins := cluster.Pins(rapid.MapOfN(rapid.Uint32Range(0, uint32(len(plan)-1)), owner, 0, len(plan)).Draw(t, "pins"))
	return members, pins, plan
}

func TestAnyAssignmentIsCompleteStableAndIndependentOfOrder(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		members, pins, current := anything(t)
		plan := assign(t, members, pins, current)
		r := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "order"), 0))
		r.Shuffle(len(members), func(i, j int) { members[i], members[j] = members[j], members[i] })
		require.Equal(t, plan, assign(t, members, pins, current))
		require.Equal(t, plan, assign(t, members, pins, plan), "the plan it has made")

		weights, there := 0.0, make(map[string]bool)
		for _, m := range members {
			weights += m.Weight
			there[m.ID] = true
		}
		for s, owner := range plan {
			pin := pins[uint32(s)]
			require.True(t, owner == "" || there[owner])
			require.True(t, !there[pin] || owner == pin)
			require.True(t, owner != "" || weights == 0)
		}
	})
}

func TestTheOrderOfMembersDoesNotMatterWhereSeveralAreEqual(t *testing.T) {
	// Who gives and who gets is a tie between equals, in every join.
	t.Parallel()
	for n := 2; n < 12; n++ {
		members := nodes(0, n)
		before := assign(t, members, nil, cluster.NewPlan(10*n))
		joined := append(members, nodes(5000, 3)...)
		want := assign(t, joined, nil, before)
		slices.Reverse(joined)
		require.Equal(t, want, assign(t, joined, nil, before), "%d members", n)
	}
}

func TestLoadsFollowWeights(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		members, _, current := anything(t)
		loads := assign(t, members, nil, current).Loads()
		weights := 0.0
		for _, m := range members {
			weights += m.Weight
		}
		for _, m := range members {
			if weights == 0 {
				break
			}
			share := m.Weight / weights * float64(len(current))
			require.GreaterOrEqual(t, loads[m.ID], int(math.Floor(share+1e-6)))
			require.Less(t, float64(loads[m.ID]), max(math.Ceil(share)+1e-6, share+cluster.Slack))
		}
	})
}

func TestAJoinOfAnyWeightMovesNothingBetweenOthersWithinSlack(t *testing.T) {
	// Members of other weights may be over their share by rounding; taking from these first keeps a join
	// to what the one that joins gets, up to the slack that the others have.
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		members := nodes(0, rapid.IntRange(1, 20).Draw(t, "members"))
		weights := 0.0
		for i := range members {
			members[i].Weight = float64(rapid.IntRange(1, 3).Draw(t, "weight"))
			weights += members[i].Weight
		}
		before := assign(t, members, nil, cluster.NewPlan(20*len(members)))
		joined := append(members, nodes(5000, 1)...)
		after := assign(t, joined, nil, before)
		for _, m := range before.Moves(after) {
			require.Equal(t, nodeID(5000), m.To)
		}
		share := float64(len(before)) / (weights + 1)
		require.LessOrEqual(t, after.Loads()[nodeID(5000)], int(math.Ceil(share)))
	})
}

func TestFirstChoicesFollowWeights(t *testing.T) {
	// A pin to a name that two members have is decided by hashing alone, without bounds.
	t.Parallel()
	members := []cluster.Member{{Weight: 1}, {Weight: 3}}
	pins, first := cluster.Pins{}, 0
	for s := range uint32(20_000) {
		pins[s] = "desk"
	}
	for i := range members {
		members[i].ID = cluster.MemberID("desk", [8]byte{byte(i)})
	}
	for _, owner := range assign(t, members, pins, cluster.NewPlan(20_000)) {
		if owner == members[1].ID {
			first++
		}
	}
	require.InDelta(t, 15_000, first, 306) // five deviations
}
