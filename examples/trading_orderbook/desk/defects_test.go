package desk_test

import (
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/necrostack/necrostack/actors"
	"github.com/necrostack/necrostack/actors/actorstest"
	"github.com/necrostack/necrostack/examples/trading_orderbook/desk"
)

// What an earlier desk of this project did wrong, so that nobody does it again.

func TestDefect1NoPriceIsAFloat(t *testing.T) {
	t.Parallel()
	m := newMarket(t)
	for _, price := range []string{"NaN", "Inf", "1e2", "float 150.25", ""} {
		order := limit("b1", "t1", "BUY", 1, price, "")
		refused := actorstest.One[desk.OrderRejected](t, actorstest.Handle(t, validator(t), order))
		assert.Equal(t, "INVALID_PRICE", refused.Reason, price)
		assert.Equal(t, []string{"b1 rejected INVALID_PRICE"}, said(m.do(order)), "the book does not trust its messenger")
	}
	assert.Empty(t, m.ladder())
	m.sell("s1", 1, "100", "")
	m.sell("s2", 1, "100.00", "")
	assert.Equal(t, "SELL 100.00 2/2", m.ladder(), "one price is one level")
}

// TestDefect2RedeliveredOrderIsRecognised sends an order again while it is live, after it was filled, and after
// it was cancelled.
func TestDefect2RedeliveredOrderIsRecognised(t *testing.T) {
	t.Parallel()
	m := newMarket(t)
	m.sell("s1", 5, "100.00", "")
	m.sell("s2", 5, "101.00", "")
	m.cancel("s2", "")
	m.buy("b1", 3, "100.00", "")
	m.sell("s3", 9, "102.00", "")
	m.buy("b2", 2, "100.00", "")
	m.buy("b3", 1, "90.00", "IOC")
	before := m.book()
	for _, id := range []string{"s1", "s2", "s3"} {
		assert.Equal(t, []string{id + " rejected DUPLICATE_ID"}, m.sell(id, 5, "100.00", ""))
	}
	for _, id := range []string{"b1", "b2", "b3"} {
		assert.Equal(t, []string{id + " rejected DUPLICATE_ID"}, m.buy(id, 5, "100.00", ""))
	}
	assert.Equal(t, before, m.book())
	m.Crash()
	m.Restore(m.Snapshot())
	assert.Equal(t, []string{"s1 rejected DUPLICATE_ID"}, m.sell("s1", 5, "100.00", ""), "a restart does not forget")
	assert.Equal(t, before, m.book())
}

// TestSmallWindowsHoldWhatTheySay holds windows whose table is as full as it can be.
func TestSmallWindowsHoldWhatTheySay(t *testing.T) {
	t.Parallel()
	for limit := 1; limit <= 9; limit++ {
		c := config()
		c.RecentOrders = limit
		m := market{actorstest.NewCell(t, engine(t, c), symbol), t}
		for i := range 100 {
			id := "o" + strconv.Itoa(i)
			m.sell(id, 1, "100.00", "")
			m.cancel(id, "")
			for back := range min(i+1, limit) {
				again := "o" + strconv.Itoa(i-back)
				require.Equal(t, []string{again + " rejected DUPLICATE_ID"}, m.sell(again, 1, "100.00", ""), "window of %d", limit)
			}
		}
		last := "o" + strconv.Itoa(99-limit)
		require.Equal(t, []string{last + " queued 1 @100.00", "book"}, m.sell(last, 1, "100.00", ""), "window of %d", limit)
	}
}

func TestRecentOrdersAreForgottenOldestFirst(t *testing.T) {
	t.Parallel()
	c := config()
	c.RecentOrders = 10
	m := market{actorstest.NewCell(t, engine(t, c), symbol), t}
	id := func(i int) string { return "o" + strconv.Itoa(i) }
	for i := range 100 {
		m.sell(id(i), 1, "100.00", "")
		m.cancel(id(i), "")
		for back := range min(i, 9) {
			require.Equal(t, []string{id(i-back) + " rejected DUPLICATE_ID"}, m.sell(id(i-back), 1, "100.00", ""))
		}
		if i%7 == 0 {
			m.Restore(m.Snapshot())
		}
	}
	assert.Equal(t, []string{"o90 rejected DUPLICATE_ID"}, m.sell("o90", 1, "100.00", ""))
	assert.Equal(t, []string{"o89 queued 1 @100.00", "book"}, m.sell("o89", 1, "100.00", ""))
	m.buy("b1", 1, "100.00", "FOK")
	assert.Equal(t, []string{"b2 rejected FOK_UNFILLABLE"}, m.buy("b2", 1, "100.00", "FOK"))
	assert.Equal(t, []string{"b2 rejected FOK_UNFILLABLE"}, m.buy("b2", 1, "100.00", "FOK"), "what was refused may be tried again")
}

// TestDamagedBookIsRefused cuts a snapshot short and changes its bytes. What is refused leaves the book as it was;
// what is not (a mark of the window, a sequence) is for the checksum that every store keeps.
func TestDamagedBookIsRefused(t *testing.T) {
	t.Parallel()
	conf := config()
	conf.RecentOrders = 100
	keyed := engine(t, conf)
	m := market{actorstest.NewCell(t, keyed, symbol), t}
	for _, c := range mixed(30, 5) {
		m.do(desk.OrderSubmitted(c))
	}
	whole := m.Snapshot()
	cell, err := keyed.NewCell(symbol)
	require.NoError(t, err)
	fresh, err := cell.MarshalState()
	require.NoError(t, err)
	for n := range whole {
		require.Error(t, cell.UnmarshalState(whole[:n]), "%d bytes", n)
	}
	require.Error(t, cell.UnmarshalState(append(whole, 0)))
	still, err := cell.MarshalState()
	require.NoError(t, err)
	require.Equal(t, fresh, still)
	refused := 0
	for i := range whole {
		damaged := append([]byte(nil), whole...)
		damaged[i] ^= 0x80
		if cell, err = keyed.NewCell(symbol); cell.UnmarshalState(damaged) != nil {
			refused++
		}
		require.NoError(t, err)
	}
	assert.Greater(t, refused, len(whole)*3/4)
	other, err := keyed.NewCell("BRK.B")
	require.NoError(t, err)
	assert.ErrorContains(t, other.UnmarshalState(whole), `book "BRK.B"`)
}

// TestIDsMayBeFreeAtOnceOrNever is about the two other ways to count ids.
func TestIDsMayBeFreeAtOnceOrNever(t *testing.T) {
	t.Parallel()
	c := config()
	c.RecentOrders = -1
	free := market{actorstest.NewCell(t, engine(t, c), symbol), t}
	c.IDsEver = true
	never := market{actorstest.NewCell(t, engine(t, c), symbol), t}
	for _, m := range []market{free, never} {
		m.sell("s1", 1, "100.00", "")
		assert.Equal(t, []string{"s1 rejected DUPLICATE_ID"}, m.sell("s1", 1, "100.00", ""))
		m.cancel("s1", "")
		m.Crash()
		m.Restore(m.Snapshot())
	}
	assert.Equal(t, []string{"s1 queued 1 @100.00", "book"}, free.sell("s1", 1, "100.00", ""))
	assert.Equal(t, []string{"s1 rejected DUPLICATE_ID"}, never.sell("s1", 1, "100.00", ""))
}

func TestDefect3RemainderOfAMarketOrderIsCancelled(t *testing.T) {
	t.Parallel()
	m := newMarket(t)
	m.sell("s1", 5, "100.00", "")
	r := m.do(limit("b1", "t1", "BUY", 8, "", "MARKET"))
	assert.Equal(t, desk.OrderCancelled{
		Order: desk.Order{OrderID: "b1", TraderID: "t1", Symbol: symbol, Side: "BUY"}, Quantity: 3, Reason: "MARKET_REMAINDER",
	}, actorstest.One[desk.OrderCancelled](t, r))
	assert.Empty(t, m.ladder())
}

func TestDefect4TradesAreTheSameInEveryRun(t *testing.T) {
	t.Parallel()
	var inputs []actors.Payload
	for _, c := range mixed(24, 3) {
		inputs = append(inputs, c)
	}
	actorstest.CheckDeterministic(t, engine(t, config()), symbol, inputs)
}

func TestDefect5DesksShareNoBook(t *testing.T) {
	t.Parallel()
	keyed := engine(t, config())
	one, other := market{actorstest.NewCell(t, keyed, symbol), t}, market{actorstest.NewCell(t, keyed, symbol), t}
	one.sell("s1", 5, "100.00", "")
	assert.Empty(t, other.ladder())
	other.Restore(one.Snapshot())
	assert.Equal(t, one.ladder(), other.ladder())
	one.buy("b1", 5, "100.00", "")
	assert.Equal(t, "SELL 100.00 5/1", other.ladder())
}

// TestDefect6MakersAreTold looks at the makers; that volume is counted once is for the tests of RiskManager.
func TestDefect6MakersAreTold(t *testing.T) {
	t.Parallel()
	m := newMarket(t)
	m.buy("b1", 5, "100.00", "")
	m.buy("b2", 5, "100.00", "")
	fills := strings.Join(m.sell("s1", 7, "100.00", ""), ", ")
	assert.Equal(t, "AAPL-1 5 @100.00 s1>b1, maker b1 filled 5, AAPL-2 2 @100.00 s1>b2, maker b2 partial 2 left 3, taker s1 filled 7, book", fills)
	fills = strings.Join(m.sell("s2", 3, "100.00", ""), ", ")
	assert.Equal(t, "AAPL-3 3 @100.00 s2>b2, maker b2 filled 3, taker s2 filled 3, book", fills)
}

func TestDefect7CancelledOrdersAreGone(t *testing.T) {
	t.Parallel()
	m := newMarket(t)
	m.sell("keep", 1, "100.00", "")
	m.Snapshot()
	for i := range 200 {
		id := "o" + strconv.Itoa(i)
		m.sell(id, 1, "100.00", "")
		m.cancel(id, "")
		if i%50 == 0 {
			m.Snapshot() // so that the test need not remember all that is gone
		}
	}
	assert.Equal(t, "SELL 100.00 1/1", m.ladder())
	assert.Equal(t, 1, m.book().Live)
}
