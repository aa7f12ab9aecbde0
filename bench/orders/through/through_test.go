package through_test

import (
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/necrostack/necrostack/bench/latency"
	"github.com/necrostack/necrostack/bench/measure"
	"github.com/necrostack/necrostack/bench/orders/through"
	"github.com/necrostack/necrostack/examples/trading_orderbook/desk"
)

// TestMain looks for goroutines that are left: every system is closed with its clearing house.
func TestMain(m *testing.M) {
	code := m.Run()
	if err := goleak.Find(); err != nil && code == 0 {
		println(err.Error())
		code = 1
	}
	os.Exit(code)
}

func quiet(string) {}

func small() through.Config {
	return through.Config{
		Seed: 1, Symbols: 3, Rounds: 1, Orders: 3000, DeskOrders: 1000, Hops: 4000,
		Shares: []float64{0.1, 0.5}, Duration: 100 * time.Millisecond, Policies: desk.Policies(),
	}
}

// TestClosedLoopComesToWhatTheOrdersSay: a round whose books are not what they should be is an error.
func TestClosedLoopComesToWhatTheOrdersSay(t *testing.T) {
	t.Parallel()
	rows, err := through.Closed(t.Context(), small(), quiet)
	require.NoError(t, err)
	for kind, events := range map[through.Kind]int{through.Direct: 4000, through.Organ: 3000, through.Desk: 1000} {
		row, ok := through.Of(rows, kind)
		require.True(t, ok, kind)
		require.Len(t, row.Samples, 1)
		assert.Equal(t, events, row.Samples[0].Events)
		assert.Positive(t, row.Rate().Median)
		assert.LessOrEqual(t, row.Matched[0].Took, row.Samples[0].Took)
	}
}

func TestOpenLoopMeasuresEveryOrderAtEveryRate(t *testing.T) {
	t.Parallel()
	c := small()
	c.Rates = []float64{500, 2000}
	sweeps, err := through.Open(t.Context(), c, nil, quiet)
	require.NoError(t, err)
	require.Len(t, sweeps, 2)
	for _, s := range sweeps {
		require.Len(t, s.Points, 2)
		for i, want := range []int{50, 200} {
			p := s.Points[i]
			assert.Equal(t, want, p.Orders)
			assert.EqualValues(t, want, p.Latency.Count, "every order has a latency, and only the orders do")
			assert.EqualValues(t, want, p.Lag.Count)
			assert.LessOrEqual(t, p.Lag.P50, p.Latency.P50, "the lag is a part of the latency")
			assert.Positive(t, p.Achieved)
			assert.NotEmpty(t, p.Curve)
			assert.NotEmpty(t, p.Depths)
		}
	}
}

func TestRatesAreSharesOfTheClosedLoop(t *testing.T) {
	t.Parallel()
	row := func(k through.Kind) through.Row {
		return through.Row{Kind: k, Samples: []measure.Sample{{Events: 1000, Took: time.Second}}}
	}
	sweeps, err := through.Open(t.Context(), small(), []through.Row{row(through.Organ), row(through.Desk)}, quiet)
	require.NoError(t, err)
	for _, s := range sweeps {
		assert.InDelta(t, 1000, s.Closed, 1e-9)
		require.Len(t, s.Points, 2)
		assert.InDelta(t, 100, s.Points[0].Rate, 1e-9)
		assert.InDelta(t, 500, s.Points[1].Rate, 1e-9)
	}
}

func TestKneeIsTheHighestRateWithoutAQueue(t *testing.T) {
	t.Parallel()
	point := func(rate, achieved float64, p99 time.Duration) through.Point {
		return through.Point{Rate: rate, Achieved: achieved, Latency: latency.Quantiles{P99: p99}}
	}
	for name, x := range map[string]struct {
		points []through.Point
		want   float64
	}{
		"LatencyLeavesItsPlateau": {[]through.Point{point(1, 1, 10), point(2, 2, 12), point(3, 3, 51), point(4, 4, 900)}, 2},
		"ThroughputFallsBehind":   {[]through.Point{point(1, 1, 10), point(2, 2, 12), point(3, 2.5, 20)}, 2},
		"AHiccupIsNoKnee":         {[]through.Point{point(1, 1, 10), point(2, 2, 80), point(3, 3, 20), point(4, 3, 90)}, 3},
		"NoneIsKeptUpWith":        {[]through.Point{point(1, 0.5, 10)}, 0},
	} {
		knee, ok := through.Sweep{Points: x.points}.Knee()
		assert.Equal(t, x.want > 0, ok, name)
		assert.InDelta(t, x.want, knee.Rate, 1e-9, name)
	}
}

func TestRatiosAreThoseOfTheSameRound(t *testing.T) {
	t.Parallel()
	samples := func(took ...time.Duration) (all []measure.Sample) {
		for _, d := range took {
			all = append(all, measure.Sample{Events: 100, Took: d})
		}
		return all
	}
	rows := []through.Row{
		{Kind: through.Direct, Samples: samples(10, 200, 10)},
		{Kind: through.Desk, Samples: samples(100, 2000, 100), Matched: samples(50, 1000, 50)},
	}
	assert.InDelta(t, 0.1, through.Ratio(rows, rows[1]).High, 1e-9)
	assert.InDelta(t, 0.2, through.MatchedRatio(rows, rows[1]).Low, 1e-9)
}
