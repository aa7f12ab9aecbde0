package redis_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/necrostack/necrostack/bench/chain"
	"github.com/necrostack/necrostack/bench/latency"
	"github.com/necrostack/necrostack/bench/measure"
	"github.com/necrostack/necrostack/bench/redis"
)

func rounds(took ...time.Duration) (all []redis.Measured) {
	for _, d := range took {
		all = append(all, redis.Measured{Sample: measure.Sample{Events: 1000, Took: d, CPU: 2 * d, Mallocs: 5000}, Server: 3 * d, Memory: 7000})
	}
	return all
}

func paced(p99 ...time.Duration) (all []redis.Paced) {
	for _, d := range p99 {
		all = append(all, redis.Paced{Starts: 10, Took: time.Second, Latency: latency.Quantiles{P50: d / 4, P99: d}, Lag: latency.Quantiles{P50: 1}})
	}
	return all
}

// suite is three rounds, the second of which was slow for all.
func suite() redis.Suite {
	return redis.Suite{Rows: []redis.Row{
		{Name: "limit 16", Kind: redis.Limit, N: 16, Rounds: rounds(400, 800, 400)},
		{Name: "limit 64", Kind: redis.Limit, N: 64, Rounds: rounds(200, 2000, 200), Paced: paced(100, 900)},
		{Name: "journals 16", Kind: redis.Journaled, N: 16, Rounds: rounds(800, 1600, 800)},
		{Name: "slower", Kind: redis.Asynq, Rounds: rounds(8000, 16000, 8000)},
		{Name: "faster", Kind: redis.Asynq, Rounds: rounds(3200, 32000, 3200), Paced: paced(400, 3600)},
		{Name: "mill", Kind: redis.Watermill, Rounds: rounds(1000, 10000, 1000)},
	}}
}

func TestFiguresArePerHop(t *testing.T) {
	t.Parallel()
	m := rounds(2 * time.Millisecond)[0]
	assert.InDelta(t, 500_000, m.Rate(), 1e-6)
	assert.InDelta(t, 6000, m.ServerWork(), 1e-9)
	assert.InDelta(t, 4000, m.ClientWork(), 1e-9)
	assert.InDelta(t, 5, m.Allocs(), 1e-9)
	assert.InDelta(t, 7, m.Growth(), 1e-9)
	m.Memory = -1
	assert.Zero(t, m.Growth())
}

func TestRowsAreComparedWithTheLimitLoopOfTheirBatch(t *testing.T) {
	t.Parallel()
	s := suite()
	assert.Equal(t, "limit 16", s.Base(s.Rows[2]).Name)
	assert.Equal(t, "limit 64", s.Base(s.Rows[4]).Name, "without a batch of its own")
	assert.Equal(t, "limit 64", s.Base(redis.Row{N: 256}).Name, "no limit loop has its batch")
	assert.Equal(t, measure.Spread{Median: 0.5, Low: 0.5, High: 0.5}, s.Rows[2].Against(s.Base(s.Rows[2])))
	assert.Equal(t, measure.Spread{Median: 0.0625, Low: 0.0625, High: 0.0625}, s.Rows[4].Against(s.Base(s.Rows[4])))
	got := s.Rows[4].QuantileAgainst(s.Base(s.Rows[4]), func(q latency.Quantiles) time.Duration { return q.P99 })
	assert.Equal(t, measure.Spread{Median: 4, Low: 4, High: 4}, got)
}

func TestFastestRowOfAKindCounts(t *testing.T) {
	t.Parallel()
	best, ok := suite().Of(redis.Asynq)
	require.True(t, ok)
	assert.Equal(t, "faster", best.Name)
	_, ok = suite().Of(redis.Ours)
	assert.False(t, ok)
}

func TestOnlyTheDefaultsAreJudged(t *testing.T) {
	t.Parallel()
	var judged, steady []string
	for _, c := range redis.Contenders() {
		if c.Kind == redis.Ours || c.Kind == redis.OursKeyed {
			judged = append(judged, c.Name)
		}
		if c.Steady {
			steady = append(steady, c.Name)
		}
	}
	assert.Equal(t, []string{"NecroStack", "NecroStack, keyed organs"}, judged)
	assert.Equal(t, judged, steady)
}

func TestTargetsAreAboutOurRows(t *testing.T) {
	t.Parallel()
	s := suite()
	assert.Empty(t, redis.Result{}.Targets())
	assert.Empty(t, redis.Result{Suites: []redis.Suite{s}}.Targets(), "nothing of ours was measured")
	s.Rows = append(s.Rows,
		redis.Row{Name: "ours", Kind: redis.Ours, Rounds: rounds(250, 2500, 250), Paced: paced(140, 1260)},
		redis.Row{Name: "ours keyed", Kind: redis.OursKeyed, Rounds: rounds(500, 5000, 500)},
		redis.Row{Name: "ours on one shard", Kind: redis.OursAlone, Rounds: rounds(100, 1000, 100)},
	)
	targets := redis.Result{Suites: []redis.Suite{s}}.Targets()
	var got []float64
	var met []chain.Verdict
	for _, x := range targets {
		got = append(got, x.Got.Median)
		met = append(met, x.Judge())
	}
	assert.InDeltaSlice(t, []float64{0.8, 4, 12.8, 1.4, 1.4, 0.4}, got, 1e-9)
	assert.Equal(t, []chain.Verdict{chain.Must, chain.Missed, chain.Goal, chain.Must, chain.Must, chain.Missed}, met)
}
