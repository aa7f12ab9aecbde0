package orders_test

import (
	"context"
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/necrostack/necrostack/bench/chain"
	"github.com/necrostack/necrostack/bench/latency"
	"github.com/necrostack/necrostack/bench/measure"
	"github.com/necrostack/necrostack/bench/orders"
	"github.com/necrostack/necrostack/bench/orders/bare"
	"github.com/necrostack/necrostack/bench/orders/through"
)

func TestOnlyThePartsThatWereAskedForAreMeasured(t *testing.T) {
	t.Parallel()
	c := orders.Defaults().Quick()
	c.Parts, c.Yardstick, c.Orders, c.Fill = []string{orders.Books, orders.Memory}, t.TempDir(), 2000, 100
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	r, err := orders.Run(ctx, c, func(string) {})
	require.NoError(t, err)
	require.NotNil(t, r.Books)
	assert.Equal(t, 2000, r.Books.Ops)
	assert.NotNil(t, r.Memory)
	assert.Nil(t, r.Stick)
	assert.Contains(t, r.NoStick, "no yardstick")
	assert.Empty(t, r.Closed)
	assert.Empty(t, r.Open)
	assert.NoError(t, r.Err(), "a short run says nothing about memory")
}

func TestMistakesAreReportedAtOnce(t *testing.T) {
	t.Parallel()
	require.NoError(t, orders.Defaults().Err())
	require.NoError(t, orders.Defaults().Quick().Err())
	c := orders.Defaults().With(0, 1, 0)
	c.Through.Symbols, c.Through.Duration, c.Parts = 1001, 0, []string{"redis"}
	err := c.Err()
	for _, text := range []string{"-orders is 0", "-rounds is 0", "-symbols is 1001", "-duration is 0", `"redis"`} {
		assert.ErrorContains(t, err, text)
	}
	c = orders.Defaults()
	c.Parts = []string{orders.Open}
	require.ErrorContains(t, c.Err(), "-rate")
	c.Through.Rates = []float64{100}
	assert.NoError(t, c.Err())
}

func TestTargetsAreJudged(t *testing.T) {
	t.Parallel()
	samples := func(took time.Duration) []measure.Sample { return []measure.Sample{{Events: 100, Took: took}} }
	book := func(k bare.Kind, took, p999 time.Duration) bare.Row {
		return bare.Row{Kind: k, Samples: samples(took), Singles: []latency.Quantiles{{P999: p999}}}
	}
	r := orders.Result{
		Books: &bare.Result{Rows: []bare.Row{book(bare.Engine, 200, 900), book(bare.Floor, 100, 200)}},
		Stick: &bare.Result{Rows: []bare.Row{book(bare.Engine, 200, 0), book(bare.Yardstick, 150, 0)}},
		Closed: []through.Row{
			{Kind: through.Direct, Samples: samples(10)}, {Kind: through.Organ, Samples: samples(40)},
			{Kind: through.Desk, Samples: samples(1000), Matched: samples(400)},
		},
	}
	type verdict struct {
		got  float64
		want chain.Verdict
	}
	var got []verdict
	for _, x := range r.Targets() {
		got = append(got, verdict{math.Round(1e6*x.Got.Median) / 1e6, x.Judge()})
	}
	assert.Equal(t, []verdict{
		{0.75, chain.Must}, {4.5, chain.Missed}, {0, chain.Goal}, {0.25, chain.Goal}, {0.01, chain.Missed}, {0.025, chain.Must},
	}, got)
	assert.Empty(t, orders.Result{}.Targets())
}
