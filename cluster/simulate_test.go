package cluster_test

import (
	"errors"
	"flag"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var (
	simSeeds = flag.Int("cluster.seeds", 1, "how many seeds TestSimulatedCluster runs with 200 nodes; with few nodes five times as many")
	simSeed  = flag.Uint64("cluster.seed", 1, "the first seed")
)

var simShapes = []simShape{
	{nodes: 200, shards: 4096, lease: 2 * time.Second, beat: 400 * time.Millisecond},
	{nodes: 200, shards: 4096, lease: 5 * time.Second, beat: time.Second},
	{nodes: 12, shards: 64, lease: 2 * time.Second, beat: 400 * time.Millisecond},
	{nodes: 3, shards: 16, lease: 2 * time.Second, beat: 400 * time.Millisecond},
	{nodes: 3, shards: 16, lease: 5 * time.Second, beat: time.Second},
}

// simulate runs every fault once or more on one cluster, in an order of the seed, and returns what was
// violated.
func simulate(shape simShape, seed uint64, wrong flaws, stat *simStat) error {
	w := newSimWorld(shape, seed, wrong, stat)
	stat.seeds++
	w.form()
	join := simFaults[slices.IndexFunc(simFaults, func(f simFault) bool { return f.name == "join" })]
	for _, i := range w.rng.Perm(len(simFaults)) {
		for len(w.running) < min(shape.nodes, 4) {
			w.strike(join)
		}
		w.strike(simFaults[i])
	}
	return errors.Join(w.errs...)
}

func TestSimulatedCluster(t *testing.T) {
	t.Parallel()
	shapes := simShapes
	if underRace {
		shapes = shapes[2:] // the large ones take ten times as long, on one goroutine; make sim has them all
	}
	var stats []*simStat
	for _, shape := range shapes {
		stat := newSimStat()
		stats = append(stats, stat)
		seeds := *simSeeds
		if shape.nodes < 100 {
			seeds *= 5
		}
		for seed := *simSeed; seed < *simSeed+uint64(seeds); seed++ {
			require.NoError(t, simulate(shape, seed, flaws{}, stat), fmt.Sprintf("%+v -cluster.seed=%d", shape, seed))
		}
		assert.Positive(t, stat.refused, "no zombie has tried to commit")
	}
	t.Log("\n" + report(shapes, stats))
}

func TestTheSimulationOfASeedIsAlwaysTheSame(t *testing.T) {
	t.Parallel()
	one, two := newSimStat(), newSimStat()
	require.NoError(t, simulate(simShapes[3], 7, flaws{}, one))
	require.NoError(t, simulate(simShapes[3], 7, flaws{}, two))
	assert.Equal(t, one, two)
}

func TestTheSimulationFindsFlaws(t *testing.T) {
	t.Parallel()
	for name, wrong := range map[string]flaws{
		"commits are not fenced":      {unfenced: true},
		"a held shard is taken":       {takeTheHeld: true},
		"owners are forgotten":        {forgetOwners: true},
		"who leaves releases nothing": {releaseLate: true},
	} {
		found := false
		for seed := uint64(1); seed <= 5 && !found; seed++ {
			found = simulate(simShapes[2], seed, wrong, newSimStat()) != nil
		}
		assert.True(t, found, name)
	}
}
