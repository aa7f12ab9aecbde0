package floor_test

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/necrostack/necrostack/bench/orders/floor"
)

func TestTradesByPriceThenTimeAtTheMakersPrice(t *testing.T) {
	t.Parallel()
	b := floor.New(0)
	b.Limit(1, false, 101, 10)
	b.Limit(2, false, 100, 10)
	b.Limit(3, false, 100, 10)
	b.Limit(4, true, 105, 25)
	assert.Equal(t, floor.Event{Order: 4, Maker: 2, Qty: 10, Price: 100, Kind: floor.Trade}, b.Last(3))
	assert.Equal(t, floor.Event{Order: 4, Maker: 3, Qty: 10, Price: 100, Kind: floor.Trade}, b.Last(2))
	assert.Equal(t, floor.Event{Order: 4, Maker: 1, Qty: 5, Left: 5, Price: 101, Kind: floor.Trade}, b.Last(1))
	assert.Equal(t, floor.Event{Order: 4, Qty: 25, Price: 105, Kind: floor.Done}, b.Last(0))
	assert.Equal(t, floor.Totals{Traded: 25, Notional: 2505, Trades: 3}, b.Totals())
	assert.Equal(t, 1, b.Resting())
}

func TestRemainderRestsAndIsMetNext(t *testing.T) {
	t.Parallel()
	b := floor.New(0)
	b.Limit(1, true, 1, 1)
	b.Limit(2, true, floor.Width-2, 3)
	b.Limit(3, false, floor.Width-2, 5)
	assert.Equal(t, floor.Event{Order: 3, Qty: 5, Left: 2, Price: floor.Width - 2, Kind: floor.Rested}, b.Last(0))
	b.Limit(4, false, 1, 1)
	assert.Equal(t, floor.Event{Order: 4, Maker: 1, Qty: 1, Price: 1, Kind: floor.Trade}, b.Last(1), "the next bid is far below")
	b.Limit(5, true, floor.Width-1, 9)
	assert.Equal(t, floor.Event{Order: 5, Maker: 3, Qty: 2, Price: floor.Width - 2, Kind: floor.Trade}, b.Last(1))
	assert.Equal(t, 1, b.Resting())
}

func TestCancelTakesOutWhatIsThere(t *testing.T) {
	t.Parallel()
	b := floor.New(0)
	for id := uint64(1); id <= 3; id++ {
		b.Limit(id, true, 50, 10)
	}
	require.True(t, b.Cancel(2))
	require.False(t, b.Cancel(2))
	require.False(t, b.Cancel(9))
	assert.Equal(t, int64(2), b.Totals().Refused)
	b.Limit(4, false, 50, 20)
	assert.Equal(t, uint64(3), b.Last(1).Maker)
	assert.Zero(t, b.Resting())
	b.Limit(5, true, 40, 1)
	require.True(t, b.Cancel(5))
	b.Limit(6, false, 1, 1)
	assert.Equal(t, floor.Rested, b.Last(0).Kind, "a cancelled bid is not met")
}

// TestIndexFindsEveryOrder takes orders out in another order than they came, past many collisions.
func TestIndexFindsEveryOrder(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(1, 2))
	b := floor.New(0)
	ids := make([]uint64, 5000)
	for i := range ids {
		ids[i] = rng.Uint64()
		b.Limit(ids[i], true, 50, 1)
	}
	rng.Shuffle(len(ids), func(i, j int) { ids[i], ids[j] = ids[j], ids[i] })
	for _, id := range ids {
		require.True(t, b.Cancel(id), "order %d", id)
	}
	assert.Zero(t, b.Resting())
}
