package cluster_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/necrostack/necrostack/bench/cluster"
	"github.com/necrostack/necrostack/bench/load"
)

const info = "# Persistence\r\naof_enabled:1\r\naof_current_size:900\r\n\r\n# Stats\r\ntotal_reads_processed:70\r\ntotal_net_input_bytes:1000\r\n" +
	"total_net_output_bytes:2000\r\n# CPU\r\nused_cpu_sys:1.500000\r\nused_cpu_user:2.250000\r\nused_cpu_sys_main_thread:1.000000\r\nused_cpu_user_main_thread:2.000000\r\n" +
	"# Commandstats\r\ncmdstat_evalsha:calls=12,usec=340,usec_per_call=28.33,rejected_calls=0,failed_calls=0\r\ncmdstat_xack:calls=5,usec=4\r\n"

func TestWorkOfAServerIsReadFromWhatItSays(t *testing.T) {
	t.Parallel()
	w, err := cluster.ParseWork(info)
	require.NoError(t, err)
	assert.Equal(t, cluster.Work{
		CPU: 3750 * time.Millisecond, Main: 3 * time.Second, Trips: 70, Scripts: 12, Commits: 5, In: 1000, Out: 2000, File: 900,
	}, w)
}

func TestAServerThatDoesNotSayWhatIsNeededIsNamed(t *testing.T) {
	t.Parallel()
	_, err := cluster.ParseWork("used_cpu_sys:1\r\nused_cpu_user:1\r\n")
	assert.ErrorContains(t, err, "used_cpu_user_main_thread")
}

func TestCostIsWhatComesBetweenTwoMoments(t *testing.T) {
	t.Parallel()
	began := time.Unix(1000, 0)
	before := cluster.Moment(began, cluster.Work{Main: time.Second, Commits: 10, Trips: 100, In: 5}, time.Second, 100, 0)
	after := cluster.Moment(began.Add(2*time.Second), cluster.Work{Main: 2 * time.Second, CPU: time.Second, Commits: 60, Trips: 300, In: 1005, Out: 1000, File: 800}, 3*time.Second, 200, 300)
	c := after.Since(before)
	assert.EqualValues(t, 400, c.Events)
	got := []float64{c.Rate(), c.Commits(), c.Batch(), c.NodeWork(), c.MainWork(), c.ServerWork(), c.PublisherWork(), c.Busy(), c.Trips(), c.NetBytes(), c.FileBytes(), c.Busiest}
	assert.InDeltaSlice(t, []float64{200, 25, 8, 1e7, 2.5e6, 2.5e6, 5e6, 0.5, 100, 5, 2, 1.5}, got, 1e-6)
	nothing := before.Since(before)
	assert.Zero(t, nothing.Rate()+nothing.Batch()+nothing.NodeWork()+nothing.Busy()+nothing.Busiest, "and no division by nothing")
}

func TestAQuestionCostsWhatIsMoreThanWithout(t *testing.T) {
	t.Parallel()
	base := cluster.Cost{Took: time.Second, Server: cluster.Work{Main: 10 * time.Millisecond, Trips: 100, Scripts: 50}, Nodes: time.Millisecond}
	with := cluster.Cost{Took: 2 * time.Second, Server: cluster.Work{Main: 70 * time.Millisecond, Trips: 800, Scripts: 300}, Nodes: 102 * time.Millisecond}
	x := cluster.Asks(100, with, base)
	assert.InDeltaSlice(t, []float64{500_000, 6, 2, 1e6, 50}, []float64{x.ServerWork(), x.Trips(), x.Scripts(), x.NodeWork(), x.Rate()}, 1e-6)
	assert.Zero(t, cluster.Asks(0, with, base).ServerWork())
}

func TestTallyTellsEachStartThatIsExpectedOnce(t *testing.T) {
	t.Parallel()
	var x cluster.Tally
	x.Done(5) // nobody waits for these
	heard := 0
	x.Expect(10, func() { heard++ })
	x.Done(4)
	assert.Equal(t, 4, heard)
	x.Done(100)
	assert.Equal(t, 10, heard, "more than are expected are ignored")
	x.Expect(2, func() { heard++ })
	x.Done(1)
	assert.Equal(t, 11, heard)
}

func TestEveryShardHasItsKeys(t *testing.T) {
	t.Parallel()
	const shards, each = 64, 3
	keys := cluster.KeysOfEach(shards, each)
	require.Len(t, keys, shards*each)
	seen := map[string]bool{}
	for i, key := range keys {
		assert.Equal(t, i%shards, cluster.ShardOf(key, shards), key)
		assert.False(t, seen[key], key)
		seen[key] = true
	}
}

func TestEveryRowHasItsTurnInEachRoundAndAnotherOneBegins(t *testing.T) {
	t.Parallel()
	var order []int
	require.NoError(t, cluster.Turns(3, 3, func(int, int) {}, func(row int) error { order = append(order, row); return nil }))
	assert.Equal(t, []int{0, 1, 2, 1, 2, 0, 2, 0, 1}, order)
}

func TestPromisesAreJudgedByTheWorstShard(t *testing.T) {
	t.Parallel()
	ms := time.Millisecond
	r := cluster.Result{Config: cluster.Defaults, Changes: []cluster.Change{
		{Kind: cluster.Killed, Pauses: []time.Duration{2100 * ms, 2400 * ms}}, {Kind: cluster.Joined, Pauses: []time.Duration{9000 * ms}},
		{Kind: cluster.Killed, Pauses: []time.Duration{2500 * ms, 3000 * ms}}, {Kind: cluster.Left, Pauses: []time.Duration{10 * ms, 20 * ms, 501 * ms}},
	}}
	promises := r.Promises()
	require.Len(t, promises, 2)
	assert.Equal(t, 3*time.Second, promises[0].Most)
	assert.Equal(t, []time.Duration{2400 * ms, 3000 * ms}, promises[0].Worst)
	assert.True(t, promises[0].Met())
	assert.Equal(t, 500*ms, promises[1].Most)
	assert.False(t, promises[1].Met(), "one shard of three was late")
	assert.Empty(t, cluster.Result{Config: cluster.Defaults}.Promises())
}

// reckoned is a run of round figures: each node at rest costs 2 ms a second, each shard 0.1.
func reckoned() cluster.Result {
	row := func(kind cluster.Kind, nodes int, main, node time.Duration) cluster.Row {
		return cluster.Row{
			Setting: cluster.Setting{Nodes: nodes, Relay: load.Relay{Places: 4}}, Kind: kind,
			Cold:   []cluster.Cost{{Events: 1, Server: cluster.Work{Main: 3 * main}}},
			Rounds: []cluster.Cost{{Events: 1, Server: cluster.Work{Main: main, File: 600}, Nodes: node}},
			Paced:  []cluster.Cost{{Events: 1, Server: cluster.Work{Main: 5 * main}}},
		}
	}
	rest := func(nodes, shards int) cluster.Row {
		main := time.Duration(nodes)*2*time.Millisecond + time.Duration(shards)*100*time.Microsecond
		return cluster.Row{Setting: cluster.Setting{Nodes: nodes, Shards: shards}, Rounds: []cluster.Cost{{Took: time.Second, Server: cluster.Work{Main: main}}}}
	}
	beat := func(members int, main time.Duration, bytes int64) cluster.Beat {
		return cluster.Beat{Members: members, Rounds: []cluster.Cost{{Events: 1, Server: cluster.Work{Main: main, Out: bytes}}}}
	}
	us := time.Microsecond
	return cluster.Result{
		Config: cluster.Defaults,
		Loads: []cluster.Row{
			row(cluster.Stateless, 1, 99*us, 0), row(cluster.Stateless, 2, 12*us, 0), row(cluster.Stateless, 4, 10*us, 20*us), row(cluster.Keyed, 4, 20*us, 30*us),
			row(cluster.Fanned, 2, 18*us, 0),
		},
		Idles: []cluster.Row{rest(1, 64), rest(4, 64), rest(4, 1024)},
		Beats: []cluster.Beat{beat(4, 20*us, 1000), beat(50, 66*us, 10_000), beat(200, 216*us, 40_000)},
	}
}

func TestCostsAreThoseOfTheMostNodes(t *testing.T) {
	t.Parallel()
	c := reckoned().Costs()
	got := []float64{c.Event, c.KeyedEvent, c.Organ, c.Sparse, c.Cell, c.NodeEvent, c.File, c.IdleNode, c.IdleShard}
	assert.InDeltaSlice(t, []float64{10e3, 20e3, 2e3, 50e3, 30e3, 20e3, 600, 2e6, 1e5}, got, 1)
}

func TestBeatsBetweenTheMeasuredSizesAreReckoned(t *testing.T) {
	t.Parallel()
	c := reckoned().Costs()
	for nodes, want := range map[int][2]float64{
		1: {20e3, 1000}, 4: {20e3, 1000}, 27: {43e3, 5500}, 50: {66e3, 10_000}, 200: {216e3, 40_000}, 500: {216e3, 40_000},
	} {
		work, bytes := c.Beat(nodes)
		assert.InDeltaSlice(t, want[:], []float64{work, bytes}, 1, "%d nodes", nodes)
	}
}

func TestWhatIsLeftForEventsIsWhatRestLeaves(t *testing.T) {
	t.Parallel()
	c := reckoned().Costs()
	rest := c.Rest(50, 1000, c.Lease)
	assert.InDelta(t, 0.1+0.1+50*1.2*46e-6, rest, 1e-9)
	assert.InDelta(t, 2*(0.1+0.1)+2*50*1.2*46e-6, c.Rest(50, 1000, c.Lease/2), 1e-9, "twice as often")
	assert.InDelta(t, (0.8-rest)/10e-6, c.Most(rest, c.Event), 1e-3)
	assert.Zero(t, c.Most(0.9, c.Event), "nothing is left")
	assert.Zero(t, cluster.Costs{}.Most(0, 0), "nothing was measured")
}

// TestAPlanIsAsLongAsThatOfACluster compares with 4,096 shards of 200 nodes: the plan's owners alone are 11 KB by the cluster's own word.
func TestAPlanIsAsLongAsThatOfACluster(t *testing.T) {
	t.Parallel()
	owners := len(cluster.PlanText(200, 4096)) - len(cluster.PlanText(200, 0))
	assert.InDelta(t, 7500, owners, 500)
}
