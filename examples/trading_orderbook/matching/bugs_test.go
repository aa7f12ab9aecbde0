package matching_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/necrostack/necrostack/examples/trading_orderbook/matching"
)

// Mistakes that other order books make or have made. Each is a test by name, so
// that whoever changes the engine reads what he is about to repeat.

// desk is an engine with one symbol, and orders in few words.
type desk struct {
	*testing.T
	engine *matching.Engine
}

func newDesk(t *testing.T) desk {
	t.Parallel()
	return desk{t, newEngine(t, matching.Config{L2: true, L3: true})}
}

// do applies a command to symbol 1 and returns what it led to, as short words.
func (d desk) do(c matching.Command) []string {
	d.Helper()
	if c.Op == 0 {
		c.Op = matching.NewOrder
	}
	if c.Trader == 0 && c.Op == matching.NewOrder {
		c.Trader = 100 + matching.TraderID(c.Order)
	}
	c.Symbol = 1
	d.engine.Apply(&c)
	require.NoError(d, d.engine.Verify())
	var said []string
	for _, e := range d.engine.Events() {
		if word := short(e); word != "" {
			said = append(said, word)
		}
	}
	return said
}

func short(e matching.Event) string {
	switch e.Kind {
	case matching.Trade:
		return fmt.Sprintf("%d@%d with %d", e.Qty, e.Price, e.Maker)
	case matching.Rejected:
		return e.Reason.String()
	case matching.Cancelled:
		return fmt.Sprintf("%d loses %d: %v", e.Order, e.Qty, e.Reason)
	case matching.Filled, matching.Partial, matching.Queued, matching.Triggered:
		return fmt.Sprintf("%d %v", e.Order, e.Kind)
	default:
		return ""
	}
}

func (d desk) buy(id matching.OrderID, qty, price int64) []string {
	d.Helper()
	return d.do(matching.Command{Order: id, Side: matching.Buy, Qty: qty, Price: price})
}

func (d desk) sell(id matching.OrderID, qty, price int64) []string {
	d.Helper()
	return d.do(matching.Command{Order: id, Side: matching.Sell, Qty: qty, Price: price})
}

// book are the resting orders, sells then buys, each best first.
func (d desk) book() string {
	text := ""
	for _, side := range []matching.Side{matching.Sell, matching.Buy} {
		for o := range d.engine.Orders(1, side) {
			text += fmt.Sprintf("%v %d: %d@%d\n", side, o.Order, o.Left, o.Price)
		}
	}
	return text
}

// A walk over the levels that eats the quantity it compares with fills five and
// calls the order complete.
func TestFOKIsFilledAcrossTwoLevels(t *testing.T) {
	d := newDesk(t)
	d.sell(1, 10, 110)
	d.sell(2, 10, 120)
	got := d.do(matching.Command{Order: 3, Side: matching.Buy, TIF: matching.FOK, Qty: 15, Price: 120})
	assert.Equal(t, []string{"10@110 with 1", "5@120 with 2", "3 FILLED"}, got)
	assert.Equal(t, "SELL 2: 5@120\n", d.book())
}

// Skipping one's own orders and resting behind them leaves bid 101 over ask 100.
func TestSelfTradeNeverCrossesTheBook(t *testing.T) {
	for mode := matching.Allow; mode <= matching.Decrement; mode++ {
		t.Run(mode.String(), func(t *testing.T) {
			d := newDesk(t)
			d.do(matching.Command{Order: 1, Trader: 7, Side: matching.Sell, Qty: 5, Price: 100})
			d.do(matching.Command{Order: 2, Trader: 7, Side: matching.Buy, Qty: 8, Price: 101, Prevention: mode})
			bids := slices.Collect(d.engine.Levels(1, matching.Buy))
			asks := slices.Collect(d.engine.Levels(1, matching.Sell))
			assert.False(t, len(bids) > 0 && len(asks) > 0, "bids %v, asks %v", bids, asks)
		})
	}
}

// The taker was ready to pay more; the price is the maker's, not his and not the
// middle.
func TestTradeIsAtTheMakersPrice(t *testing.T) {
	d := newDesk(t)
	d.sell(1, 1, 100)
	d.buy(2, 1, 50)
	assert.Equal(t, []string{"1@100 with 1", "3 FILLED"}, d.buy(3, 1, 104))
	assert.Equal(t, []string{"1@50 with 2", "4 FILLED"}, d.sell(4, 1, 10))
}

func TestFOKIsObeyedOnMarketOrders(t *testing.T) {
	d := newDesk(t)
	d.sell(1, 10, 110)
	got := d.do(matching.Command{Order: 2, Side: matching.Buy, Type: matching.Market, TIF: matching.FOK, Qty: 11})
	assert.Equal(t, []string{"FOK_UNFILLABLE"}, got)
	assert.Equal(t, "SELL 1: 10@110\n", d.book())
}

// A FOK that trades first and takes it back later has moved the last price, used
// up trade numbers, fired stops and sent its makers to the tail.
func TestUnfillableFOKLeavesNoTrace(t *testing.T) {
	d := newDesk(t)
	d.sell(1, 10, 110)
	d.sell(2, 10, 110)
	d.do(matching.Command{Order: 3, Side: matching.Buy, Type: matching.Stop, Qty: 1, Trigger: 105})
	before := d.engine.Hash()
	got := d.do(matching.Command{Order: 4, Side: matching.Buy, TIF: matching.FOK, Qty: 21, Price: 110})
	require.Equal(t, []string{"FOK_UNFILLABLE"}, got)
	assert.Len(t, d.engine.Events(), 1)
	assert.Empty(t, d.engine.Changes(), "not even a change of depth is told")
	assert.Equal(t, before, d.engine.Hash())
	assert.Zero(t, d.engine.Trades())
	assert.Zero(t, d.engine.LastPrice(1))
	assert.Equal(t, 1, d.engine.ParkedOrders())
	assert.Equal(t, []string{"1@110 with 1", "5 FILLED", "3 TRIGGERED", "1@110 with 1", "3 FILLED"}, d.buy(5, 1, 110))
}

// An order that lost its place by growing has the older arrival and stands
// behind. A snapshot that sorts by arrival gives the place back.
func TestDemotedOrderStaysDemotedAfterRestore(t *testing.T) {
	d := newDesk(t)
	d.buy(1, 10, 100)
	d.buy(2, 10, 100)
	d.do(matching.Command{Op: matching.AmendOrder, Order: 1, Qty: 11, HasQty: true})
	snapshot := d.engine.Snapshot()
	d.engine = newEngine(t, matching.Config{L2: true, L3: true})
	require.NoError(t, d.engine.Restore(snapshot))
	assert.Equal(t, []string{"10@100 with 2", "2@100 with 1", "3 FILLED"}, d.sell(3, 12, 100))
}

// Books with a fixed window of prices lose what is outside of it, or look for
// the next level tick by tick.
func TestFarPricesAreReached(t *testing.T) {
	d := newDesk(t)
	d.sell(1, 1, matching.MaxPrice)
	d.sell(2, 1, matching.MaxPrice-1)
	d.buy(3, 1, 1)
	d.buy(4, 1, 2)
	d.sell(5, 1, 500_000)
	d.buy(6, 1, 499_999)
	d.sell(7, 1, 1_000_000)
	got := d.do(matching.Command{Order: 8, Side: matching.Buy, Type: matching.Market, Qty: 5})
	assert.Equal(t, []string{
		"1@500000 with 5", "1@1000000 with 7", "1@999999999 with 2", "1@1000000000 with 1",
		"8 PARTIAL", "8 loses 1: MARKET_REMAINDER",
	}, got)
	got = d.do(matching.Command{Order: 9, Side: matching.Sell, Type: matching.Market, Qty: 3})
	assert.Equal(t, []string{"1@499999 with 6", "1@2 with 4", "1@1 with 3", "9 FILLED"}, got)
	assert.Empty(t, d.book())
}

// The market runs from one end of the prices to the other and back, and leaves
// orders behind everywhere. All of them are found again.
func TestWideSwingsKeepTheBookWhole(t *testing.T) {
	d := newDesk(t)
	const steps = 200
	const width = matching.MaxPrice / steps
	for step := range int64(steps) {
		id, middle := matching.OrderID(4*step), step*width+width/2
		d.do(matching.Command{Order: id + 1, Side: matching.Sell, Qty: 2, Price: middle})
		assert.Equal(t, []string{fmt.Sprintf("1@%d with %d", middle, id+1), fmt.Sprintf("%d FILLED", id+2)}, d.buy(id+2, 1, middle))
		d.do(matching.Command{Op: matching.CancelOrder, Order: id + 1})
		d.buy(id+3, 1, middle-1)
		d.buy(id+4, 1, middle-width/4)
	}
	for step := int64(steps - 1); step >= 0; step-- {
		id, middle := matching.OrderID(4*step), step*width+width/2
		got := d.do(matching.Command{Order: 9999, Side: matching.Sell, Type: matching.Market, Qty: 2})
		want := []string{fmt.Sprintf("1@%d with %d", middle-1, id+3), fmt.Sprintf("1@%d with %d", middle-width/4, id+4), "9999 FILLED"}
		require.Equal(t, want, got)
	}
	assert.Empty(t, d.book())
}

// With 100 and 100.00 as two levels half of the liquidity cannot be reached.
func TestSamePriceInOtherWordsIsOneLevel(t *testing.T) {
	d := newDesk(t)
	for i, text := range []string{"100", "100.0", "100.00", "0100", "100.000000000000000000000000"} {
		ticks, why := d.engine.Spec(1).ParsePrice([]byte(text))
		require.Equal(t, matching.NoReason, why, text)
		d.sell(matching.OrderID(i+1), 1, ticks)
	}
	assert.Equal(t, []matching.Depth{{Price: 10_000, Qty: 5, Count: 5}}, slices.Collect(d.engine.Levels(1, matching.Sell)))
}

// A NaN that passes as a price compares with nothing and sits in the book for ever.
func TestNaNAndExponentsAreNoPrices(t *testing.T) {
	t.Parallel()
	spec := matching.DefaultSpec("AAPL")
	for _, text := range []string{
		"NaN", "nan", "Inf", "-Inf", "Infinity", "1e5", "1E5", "1e-2", "0x1p4", "1_000", "1,000", "-1", "+1", "", ".", ".5", "5.",
		" 1", "1 ", "1\n", "1.2.3", "--1", "١٠٠", "1\x00", "null", "10000000.01", "10000000.001", "99999999999999999999999999",
	} {
		_, why := spec.ParsePrice([]byte(text))
		assert.Equal(t, matching.InvalidPrice, why, "%q", text)
	}
	for _, text := range []string{"0", "0.00", "0.000"} {
		_, why := spec.ParsePrice([]byte(text))
		assert.Equal(t, matching.InvalidPrice, why, "%q", text)
	}
}

// A MARKET order that finds too little must not rest, and must say what became
// of the remainder.
func TestMarketRemainderIsToldAndDoesNotRest(t *testing.T) {
	d := newDesk(t)
	d.sell(1, 3, 100)
	got := d.do(matching.Command{Order: 2, Side: matching.Buy, Type: matching.Market, Qty: 5})
	assert.Equal(t, []string{"3@100 with 1", "2 PARTIAL", "2 loses 2: MARKET_REMAINDER"}, got)
	assert.Empty(t, d.book())
}

// An order entered twice would be in the book twice, and a fill of one takes the
// other's id away.
func TestOrderEnteredTwiceStandsOnce(t *testing.T) {
	d := newDesk(t)
	d.buy(1, 10, 100)
	assert.Equal(t, []string{"DUPLICATE_ID"}, d.buy(1, 10, 100))
	assert.Equal(t, "BUY 1: 10@100\n", d.book())
}
