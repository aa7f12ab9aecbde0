package clustertest_test

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// What is kept by records can be stepped through by the version alone that has made them. So a node that leaves, or gives
// shards to a newer one, must leave snapshots behind.
func TestARollingUpgradeOfLargeCells(t *testing.T) {
	t.Parallel()
	c := newCompany(t)
	older, newer := program{Version: 1, Records: true}, program{Version: 2, Records: true}
	all := c.hireAll(older, "a", "b")
	c.publish(drizzle)
	c.settled("a", "b")
	c.hire("c", newer)
	c.settled("c")
	require.NoError(t, all["a"].leave())
	require.NoError(t, all["b"].leave())
	c.program = newer
	c.check()
	c.inherited()
}
