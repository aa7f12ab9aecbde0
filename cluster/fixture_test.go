package cluster_test

import (
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/stretchr/testify/require"

	"github.com/necrostack/necrostack/cluster"
)

// nodes makes members of weight 1, named from first on.
func nodes(first, count int) []cluster.Member {
	members := make([]cluster.Member, count)
	for i := range members {
		members[i] = cluster.Member{ID: nodeID(first + i), Weight: cluster.DefaultWeight}
	}
	return members
}

func nodeID(i int) string {
	var nonce [8]byte
	binary.BigEndian.PutUint64(nonce[:], uint64(i)*0x9e3779b97f4a7c15)
	return cluster.MemberID(fmt.Sprintf("node-%d", i), nonce)
}

func assign(t require.TestingT, members []cluster.Member, pins cluster.Pins, current cluster.Plan) cluster.Plan {
	plan, err := cluster.Assign(members, pins, current)
	require.NoError(t, err)
	return plan
}

func without(members []cluster.Member, i int) []cluster.Member {
	return slices.Delete(slices.Clone(members), i, i+1)
}

// extremes returns the smallest and the largest load of these members.
func extremes(members []cluster.Member, plan cluster.Plan) (least, most int) {
	loads := plan.Loads()
	least = len(plan)
	for _, m := range members {
		least, most = min(least, loads[m.ID]), max(most, loads[m.ID])
	}
	return least, most
}

func ceil(a, b int) int { return (a + b - 1) / b }
