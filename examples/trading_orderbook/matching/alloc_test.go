package matching_test

import (
	"runtime"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/necrostack/necrostack/examples/trading_orderbook/matching"
)

// Orders come and go in a book of constant depth: after the tables have grown nothing is allocated.
// Not parallel: allocations of other tests would be counted.
func TestApplyDoesNotAllocateInSteadyState(t *testing.T) {
	e := engineWith(matching.Config{L2: true, L3: true})
	id := matching.OrderID(0)
	churn := func() {
		for range 100 {
			id++
			side := matching.Buy + matching.Side(id%2)
			price := 1000 + int64(id*7%50) - 60*int64(side-matching.Buy) + 60
			c := matching.Command{
				Op: matching.NewOrder, Order: id, Trader: 1 + matching.TraderID(id%3), Symbol: 1, Side: side, Price: price, Qty: 10,
				Display: int64(id % 4), Prevention: matching.Prevention(id % 5),
			}
			switch id % 5 {
			case 0:
				c.TIF, c.Time = matching.GTD, int64(id)+1000
			case 1:
				c.Type, c.Trigger, c.Display = matching.StopLimit, price+20, 0
			}
			e.Apply(&c)
			e.Apply(&matching.Command{Op: matching.AmendOrder, Order: id - 20, HasQty: true, Qty: 15})
			e.Apply(&matching.Command{Op: matching.CancelOrder, Order: id - 300})
		}
		e.Apply(&matching.Command{Op: matching.Tick, Time: int64(id)})
		e.Apply(&matching.Command{Op: matching.CancelAll, Trader: 2})
	}
	for range 300 {
		churn()
	}
	require.Positive(t, e.Live()+e.ParkedOrders())
	require.Positive(t, e.Trades())
	assert.Zero(t, testing.AllocsPerRun(100, churn))
	require.NoError(t, e.Verify())
}

// Names of a length that fits their entry cost nothing either, though orders come and go.
func TestNamesDoNotAllocateForOrdersThatComeAndGo(t *testing.T) {
	e := engineWith(matching.Config{Named: true})
	name := []byte("f47ac10b-58cc-4372-a567-000000000000")
	round := func() {
		for i := range 500 {
			for at, n := len(name)-1, i; at > 24; at, n = at-1, n/10 {
				name[at] = byte('0' + n%10)
			}
			e.Apply(&matching.Command{
				Op: matching.NewOrder, Order: e.Names().Order(name), Trader: e.Names().Trader([]byte("ann")),
				Symbol: 1, Side: matching.Buy + matching.Side(i%2), Price: 100, Qty: 1,
			})
		}
	}
	round()
	assert.Zero(t, testing.AllocsPerRun(20, round))
	require.NoError(t, e.Verify())
}

// Some hundred thousand commands against a book of some thousand orders must not need more memory than the first.
func TestMemoryStaysFlat(t *testing.T) {
	e := engineWith(matching.Config{L2: true, L3: true})
	id := matching.OrderID(0)
	run := func(n int) {
		for range n {
			id++
			e.Apply(&matching.Command{
				Op: matching.NewOrder, Order: id, Trader: 1, Symbol: 1, Side: matching.Buy,
				Price: 1 + int64(id)*7919%1_000_000, Qty: 1,
			})
			e.Apply(&matching.Command{Op: matching.CancelOrder, Order: id - 2000})
		}
	}
	run(20_000)
	before := heap()
	run(400_000)
	assert.Less(t, heap(), before+1<<18)
	assert.LessOrEqual(t, e.Live(), 2001)
}

func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
