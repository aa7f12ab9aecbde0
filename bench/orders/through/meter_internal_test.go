package through

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/necrostack/necrostack/actors"
	"github.com/necrostack/necrostack/bench/latency"
	"github.com/necrostack/necrostack/bench/load"
	"github.com/necrostack/necrostack/bench/pace"
	"github.com/necrostack/necrostack/examples/trading_orderbook/desk"
	"github.com/necrostack/necrostack/spine"
	"github.com/necrostack/necrostack/supervision"
)

// These tests are white: which order a result is taken for shows in no figure that a test could foretell.

func resultOf(t *testing.T, symbol string) spine.Result {
	ev, err := actors.NewStamper(actors.StamperOptions{}).Root(desk.OrderValidated{Symbol: symbol}, time.Now())
	require.NoError(t, err)
	return spine.Result{Event: ev, Organ: desk.MatchingEngine}
}

func TestResultsAreTakenForTheOrdersTheyAreOf(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := &meter{window: load.NewWindow(100, 100), symbol: newTexts(2).symbol, seen: make([]int, 2), latency: latency.New()}
		for _, filler := range []string{"S000", "S000", "S001", "S001"} {
			m.settled(resultOf(t, filler))
		}
		// Start 0 was due 100 s ago, start 1 a second later, and so on.
		m.open.Store(&openLoop{pace.Plan{Begin: time.Now().Add(-100 * time.Second), Rate: 1, N: 4}, 4})
		for _, symbol := range []string{"S001", "S001", "S000"} {
			m.settled(resultOf(t, symbol))
		}
		m.settled(spine.Result{Organ: desk.ValidateOrder})
		q := m.latency.Quantiles()
		assert.EqualValues(t, 3, q.Count)
		assert.EqualValues(t, 3, m.done.Load())
		assert.InEpsilon(t, 100*time.Second, q.Max, 0.002)
		assert.InEpsilon(t, 99*time.Second, q.P50, 0.002)
		assert.InEpsilon(t, (100+99+97)*time.Second/3, q.Mean, 0.002)
		assert.Zero(t, m.failed.Load())
	})
}

func TestResultsTooManyAndDeadLettersAreMistakes(t *testing.T) {
	t.Parallel()
	m := &meter{symbol: newTexts(1).symbol, seen: make([]int, 1), latency: latency.New()}
	m.open.Store(&openLoop{pace.Plan{Begin: time.Now(), Rate: 1, N: 1}, 1})
	m.settled(resultOf(t, "S000")) // of a filler, and these are done
	r := resultOf(t, "S000")
	r.Letter = &supervision.DeadLetter{}
	m.settled(r)
	m.settled(resultOf(t, "S000"))
	assert.EqualValues(t, 3, m.failed.Load())
}

func TestSymbolsComeInTurnAndOrdersHaveIdsOfTheirOwn(t *testing.T) {
	t.Parallel()
	tr := newTraffic(newTexts(3), 7)
	seen := map[string]bool{}
	for i := range 20_000 {
		c := tr.next()
		require.Equal(t, tr.symbols[i%3], c.Symbol)
		require.Equal(t, i%3, tr.symbol(c.Symbol))
		if c.Action == desk.ActionCancel {
			require.True(t, seen[c.OrderID], "order %d", i)
			continue
		}
		require.False(t, seen[c.OrderID], "order %d", i)
		seen[c.OrderID] = true
	}
}
