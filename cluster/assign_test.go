package cluster_test

import (
	"flag"
	"fmt"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/necrostack/necrostack/cluster"
)

var update = flag.Bool("update", false, "rewrite testdata")

func TestOneMemberGetsEverything(t *testing.T) {
	t.Parallel()
	plan := assign(t, nodes(1, 1), nil, cluster.NewPlan(16))
	assert.Equal(t, map[string]int{nodeID(1): 16}, plan.Loads())
}

func TestWithoutMembersNobodyOwnsAnything(t *testing.T) {
	t.Parallel()
	before := assign(t, nodes(1, 2), nil, cluster.NewPlan(16))
	assert.Equal(t, cluster.NewPlan(16), assign(t, nil, nil, before))
	idle := []cluster.Member{{ID: "a"}, {ID: "b"}}
	assert.Equal(t, cluster.NewPlan(16), assign(t, idle, nil, before))
	pinned := assign(t, idle, cluster.Pins{3: "b"}, before)
	assert.Equal(t, map[string]int{"b": 1}, pinned.Loads())
}

func TestMoreMembersThanShardsGetOneOrNone(t *testing.T) {
	t.Parallel()
	members := nodes(1, 40)
	least, most := extremes(members, assign(t, members, nil, cluster.NewPlan(16)))
	assert.Equal(t, []int{0, 1}, []int{least, most})
}

func TestWeightsShareTheShards(t *testing.T) {
	t.Parallel()
	members := []cluster.Member{{ID: "big", Weight: 4}, {ID: "small", Weight: 1}, {ID: "mid", Weight: 3}, {ID: "none", Weight: 0}}
	plan := assign(t, members, nil, cluster.NewPlan(4096))
	assert.Equal(t, map[string]int{"big": 2048, "small": 512, "mid": 1536}, plan.Loads())
}

func TestALoweredWeightTakesEffect(t *testing.T) {
	t.Parallel()
	members := nodes(1, 4)
	before := assign(t, members, nil, cluster.NewPlan(400))
	members[0].Weight = 0.5
	after := assign(t, members, nil, before)
	assert.LessOrEqual(t, after.Loads()[members[0].ID], 58) // its share is 57.1, that of the others 114.3
	for _, m := range before.Moves(after) {
		assert.Equal(t, members[0].ID, m.From)
	}
	members[0].Weight = 0
	assert.Zero(t, assign(t, members, nil, after).Loads()[members[0].ID])
}

func TestPinsHoldWhileTheirMemberLives(t *testing.T) {
	t.Parallel()
	members := nodes(1, 4)
	pins := cluster.Pins{7: members[2].ID, 8: "node-4", 9: "node-99"}
	before := assign(t, members, pins, cluster.NewPlan(64))
	assert.Equal(t, members[2].ID, before[7])
	assert.Equal(t, members[3].ID, before[8])
	assert.NotEmpty(t, before[9], "pinned to nobody who is there")

	after := assign(t, without(members, 2), pins, before)
	assert.NotEqual(t, members[2].ID, after[7])
	assert.NotEmpty(t, after[7])
	assert.Equal(t, members[2].ID, assign(t, members, pins, after)[7], "the member is back")
}

func TestAPinByNameStaysWhereItIs(t *testing.T) {
	// Two processes with one name: either will do, and the pin is no reason to move.
	t.Parallel()
	twins := []cluster.Member{
		{ID: cluster.MemberID("desk", [8]byte{1}), Weight: 1}, {ID: cluster.MemberID("desk", [8]byte{2}), Weight: 1}, {ID: "x", Weight: 1},
	}
	pins := cluster.Pins{}
	for s := range uint32(12) {
		pins[s] = "desk"
	}
	for _, twin := range twins[:2] {
		current := cluster.NewPlan(12)
		for s := range current {
			current[s] = twin.ID
		}
		assert.Equal(t, current, assign(t, twins, pins, current))
	}
}

func TestMorePinsThanAShareLeaveTheRestToTheOthers(t *testing.T) {
	t.Parallel()
	members := nodes(1, 4)
	pins := cluster.Pins{}
	for s := range uint32(34) {
		pins[s] = members[0].ID
	}
	for _, current := range []cluster.Plan{cluster.NewPlan(64), assign(t, members, nil, cluster.NewPlan(64)), assign(t, members[:1], nil, cluster.NewPlan(64))} {
		plan := assign(t, members, pins, current)
		assert.Equal(t, 34, plan.Loads()[members[0].ID])
		least, most := extremes(members[1:], plan)
		assert.Equal(t, []int{10, 10}, []int{least, most})
	}
}

func TestAFullMemberPassesOnWhatPinsDisplace(t *testing.T) {
	t.Parallel()
	members := nodes(1, 3)
	before := assign(t, members, nil, cluster.NewPlan(30))
	pins := cluster.Pins{}
	for _, s := range before.Of(members[1].ID)[:4] {
		pins[s] = members[0].ID
	}
	after := assign(t, members, pins, before)
	assert.Equal(t, map[string]int{members[0].ID: 10, members[1].ID: 10, members[2].ID: 10}, after.Loads())
	assert.Len(t, before.Moves(after), 8)
}

func TestMistakesAreReportedAllAtOnce(t *testing.T) {
	t.Parallel()
	members := []cluster.Member{
		{ID: "twice", Weight: 1}, {ID: "twice", Weight: 1}, {ID: "", Weight: 1}, {ID: "a b", Weight: 1},
		{ID: "negative", Weight: -1}, {ID: "endless", Weight: math.Inf(1)}, {ID: "nan", Weight: math.NaN()},
	}
	_, err := cluster.Assign(members, cluster.Pins{16: "twice"}, cluster.NewPlan(16))
	require.ErrorIs(t, err, cluster.ErrMember)
	for _, part := range []string{`"twice" twice`, "member 2", `"a b"`, `"negative" is -1`, `"endless" is +Inf`, `"nan" is NaN`, "shard 16, there are 16"} {
		assert.ErrorContains(t, err, part)
	}
	assert.NotContains(t, err.Error(), "member 0")
}

func TestAMemberIsNamedByConfigurationAndNonce(t *testing.T) {
	t.Parallel()
	one, two := cluster.MemberID("rack/desk", [8]byte{1}), cluster.MemberID("rack/desk", [8]byte{2})
	assert.NotEqual(t, one, two)
	assert.Equal(t, "rack/desk/0100000000000000", one)
	assert.Equal(t, "rack/desk", cluster.NameOf(one))
	for _, id := range []string{"desk", "rack/desk", "rack/0123", "rack/zzzzzzzzzzzzzzzz"} {
		assert.Equal(t, id, cluster.NameOf(id))
	}
}

// TestAssignmentsAreTheSameInAllVersions compares with what earlier versions have assigned: nodes of two versions
// work in one cluster during an upgrade, on different architectures too.
func TestAssignmentsAreTheSameInAllVersions(t *testing.T) {
	t.Parallel()
	weighted := []cluster.Member{{ID: "a", Weight: 1}, {ID: "b", Weight: 2.5}, {ID: "c", Weight: 0.1}, {ID: "d", Weight: 0}}
	three := assign(t, nodes(1, 3), nil, cluster.NewPlan(16))
	var b strings.Builder
	show := func(what string, plan cluster.Plan) {
		fmt.Fprintf(&b, "%s\n", what)
		loads := plan.Loads()
		for _, id := range slices.Sorted(maps.Keys(loads)) {
			fmt.Fprintf(&b, "  %s: %v\n", cluster.NameOf(id), plan.Of(id))
		}
	}
	show("three nodes, 16 shards", three)
	show("a fourth joins", assign(t, nodes(1, 4), nil, three))
	show("the second leaves", assign(t, without(nodes(1, 3), 1), nil, three))
	show("weights 1, 2.5, 0.1 and 0, 64 shards", assign(t, weighted, nil, cluster.NewPlan(64)))
	show("with shards 0 to 3 pinned to c and 4 to d", assign(t, weighted, cluster.Pins{0: "c", 1: "c", 2: "c", 3: "c", 4: "d"}, cluster.NewPlan(64)))

	path := filepath.Join("testdata", "assignments.golden")
	if *update {
		require.NoError(t, os.WriteFile(path, []byte(b.String()), 0o644))
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.Equal(t, string(want), b.String())
}
