package flow_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/necrostack/necrostack/bench/orders/flow"
)

func TestSameSeedMakesTheSameOperations(t *testing.T) {
	t.Parallel()
	a := flow.Record(flow.Config{Seed: 1}, 100, 5000)
	assert.Equal(t, a, flow.Record(flow.Config{Seed: 1}, 100, 5000))
	assert.NotEqual(t, a, flow.Record(flow.Config{Seed: 2}, 100, 5000))
}

func TestOperationsAreMixedAsPromised(t *testing.T) {
	t.Parallel()
	const n = 100_000
	r := flow.Record(flow.Config{Seed: 3}, 1000, n)
	share := map[string]float64{}
	for _, op := range r.Ops {
		switch {
		case op.Kind == flow.Cancel:
			share["cancel"] += 1.0 / n
		case op.Qty > 100:
			share["aggressor"] += 1.0 / n
		default:
			share["order"] += 1.0 / n
		}
	}
	assert.InDelta(t, 0.30, share["cancel"], 0.01)
	// Of 500 units, four fifths of the aggressors are told by their size.
	assert.InDelta(t, 0.08, share["aggressor"], 0.01)
	assert.InDelta(t, 0.62, share["order"], 0.01)
	assert.InDelta(t, 0.009*n, float64(r.Want.Refused), 0.002*n)
	assert.Greater(t, r.Want.Trades, int64(n/5))
	assert.Greater(t, r.Want.Resting, 1000)
}

func TestEveryOperationIsInBounds(t *testing.T) {
	t.Parallel()
	r := flow.Record(flow.Config{Seed: 4}, 0, 200_000)
	next := uint32(1)
	for _, op := range r.Ops {
		if op.Kind == flow.Cancel {
			require.Less(t, op.ID, next, "only what was there can be cancelled")
			continue
		}
		require.Equal(t, next, op.ID)
		next++
		require.Positive(t, op.Qty)
		require.Positive(t, op.Price)
		require.Less(t, op.Price, int32(flow.Width))
		require.NotZero(t, op.Trader)
		require.LessOrEqual(t, op.Trader, uint16(flow.Traders))
	}
}

func TestLiveOrdersStayWithinTheirBound(t *testing.T) {
	t.Parallel()
	s := flow.New(flow.Config{Seed: 5, Live: 500})
	most := 0
	for range 50_000 {
		s.Next()
		most = max(most, s.Totals().Resting)
	}
	// What remains of an aggressor may come on top.
	assert.InDelta(t, 505, most, 20)
}

func TestTotalsThatAreNotKnownAgree(t *testing.T) {
	t.Parallel()
	want := flow.Totals{Traded: 1, Refused: flow.NotKnown}
	assert.True(t, want.Agrees(flow.Totals{Traded: 1, Refused: 7}))
	assert.False(t, want.Agrees(flow.Totals{Traded: 2, Refused: 7}))
	want.Refused = 3
	assert.False(t, want.Agrees(flow.Totals{Traded: 1, Refused: 7}))
}
