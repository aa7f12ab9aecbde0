package desk_test

import (
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/necrostack/necrostack/actors"
	"github.com/necrostack/necrostack/actors/actorstest"
	"github.com/necrostack/necrostack/examples/trading_orderbook/desk"
)

// trader is an account under test.
type trader struct {
	*actorstest.Cell
	t *testing.T
}

func newTrader(t *testing.T, l desk.Limits) trader {
	t.Helper()
	c := config()
	c.Limits = l
	return trader{actorstest.NewCell(t, organ[actors.KeyedOrgan](t, c, desk.RiskManager), "ann"), t}
}

// trade books a trade and returns the reasons of the alerts.
func (x trader) trade(symbol string, quantity int64, price string, opts ...actorstest.Option) []string {
	x.t.Helper()
	r := x.Send(desk.PositionChanged{TraderID: "ann", Symbol: symbol, Quantity: quantity, Price: price, TradeID: symbol + "-1"}, opts...)
	require.NoError(x.t, r.Err)
	var reasons []string
	for _, a := range actorstest.Of[desk.RiskAlert](r) {
		reasons = append(reasons, a.Reason+" "+a.Value)
	}
	return reasons
}

func (x trader) statement() desk.Statement {
	x.t.Helper()
	s, err := actorstest.Ask[desk.Statement](x.Cell, desk.StatementOf{})
	require.NoError(x.t, err)
	return s
}

func money(t *testing.T, text string) desk.Money {
	t.Helper()
	m, err := desk.ParseMoney(text)
	require.NoError(t, err)
	return m
}

func TestStatementKeepsPositionsExposureAndVolume(t *testing.T) {
	t.Parallel()
	x := newTrader(t, desk.Limits{})
	x.trade("AAPL", 10, "100.00")
	x.trade("TSLA", -5, "20.50")
	x.trade("AAPL", -4, "110.00")
	assert.Equal(t, desk.Statement{
		TraderID: "ann", Exposure: money(t, "762.50"), Day: "2026-01-01", Volume: money(t, "1542.50"), Above: nil,
		Positions: []desk.PositionOf{
			{Symbol: "AAPL", Quantity: 6, Last: "110.00", Value: money(t, "660")},
			{Symbol: "TSLA", Quantity: -5, Last: "20.50", Value: money(t, "102.50")},
		},
	}, x.statement())
	before := x.statement()
	x.Crash()
	x.Restore(x.Snapshot())
	assert.Equal(t, before, x.statement())
}

// TestAlertComesOnceUntilTheValueWasBelow goes over each limit, stays there, comes back and goes over again.
func TestAlertComesOnceUntilTheValueWasBelow(t *testing.T) {
	t.Parallel()
	x := newTrader(t, desk.Limits{Position: 10, Exposure: money(t, "1500")})
	assert.Empty(t, x.trade("AAPL", 10, "100.00"), "at the limit is not above it")
	assert.Equal(t, []string{"POSITION_LIMIT 11"}, x.trade("AAPL", 1, "100.00"))
	assert.Empty(t, x.trade("AAPL", 1, "100.00"))
	assert.Equal(t, []string{"EXPOSURE_LIMIT 1950.00"}, x.trade("AAPL", 1, "150.00"), "the last price counts")
	assert.Equal(t, []string{"EXPOSURE_LIMIT", "POSITION_LIMIT/AAPL"}, x.statement().Above)
	x.Restore(x.Snapshot())
	assert.Empty(t, x.trade("AAPL", 1, "150.00"), "a restart is no reason to tell again")
	assert.Equal(t, []string{"POSITION_LIMIT -11"}, x.trade("TSLA", -11, "1.00"), "another symbol has a limit of its own, and a sale counts")
	assert.Empty(t, x.trade("AAPL", -4, "100.00"))
	assert.Equal(t, []string{"POSITION_LIMIT/TSLA"}, x.statement().Above)
	assert.Equal(t, []string{"POSITION_LIMIT 40", "EXPOSURE_LIMIT 4011.00"}, x.trade("AAPL", 30, "100.00"))
}

func TestAlertSaysWhoWhatAndWhere(t *testing.T) {
	t.Parallel()
	x := newTrader(t, desk.Limits{Exposure: money(t, "99.99")})
	r := x.Send(desk.PositionChanged{TraderID: "ann", Symbol: "AAPL", Quantity: 1, Price: "100.00", TradeID: "AAPL-7"})
	assert.Equal(t, desk.RiskAlert{
		TraderID: "ann", Symbol: "AAPL", Reason: desk.ExposureLimit, Value: "100.00", Limit: "99.99", TradeID: "AAPL-7",
	}, actorstest.One[desk.RiskAlert](t, r))
	assert.Equal(t, "AAPL", r.Events[0].Key())
}

func TestTradersMayHaveLimitsOfTheirOwn(t *testing.T) {
	t.Parallel()
	c := config()
	c.Limits = desk.Limits{Position: 1}
	c.Traders = map[string]desk.Limits{"ann": {Position: 100}}
	x := trader{actorstest.NewCell(t, organ[actors.KeyedOrgan](t, c, desk.RiskManager), "ann"), t}
	assert.Empty(t, x.trade("AAPL", 50, "1.00"))
	assert.Equal(t, []string{"POSITION_LIMIT 101"}, x.trade("AAPL", 51, "1.00"))
}

func TestDailyVolumeBeginsAnewAtMidnightUTC(t *testing.T) {
	t.Parallel()
	x := newTrader(t, desk.Limits{DailyVolume: money(t, "1000")})
	at := func(text string) actorstest.Option {
		moment, err := time.Parse(time.RFC3339Nano, text)
		require.NoError(t, err)
		return actorstest.At(moment)
	}
	assert.Empty(t, x.trade("AAPL", 10, "100.00", at("2026-03-01T10:00:00Z")))
	assert.Equal(t, []string{"DAILY_VOLUME_LIMIT 1100.00"}, x.trade("AAPL", -1, "100.00", at("2026-03-01T23:59:59.999999Z")))
	assert.Empty(t, x.trade("AAPL", 1, "100.00", at("2026-03-02T01:00:00+02:00")), "still the first of March in UTC, and above already")
	assert.Equal(t, money(t, "1200"), x.statement().Volume)
	assert.Empty(t, x.trade("AAPL", 1, "100.00", at("2026-03-02T00:00:00Z")))
	assert.Equal(t, "2026-03-02", x.statement().Day)
	assert.Equal(t, money(t, "100"), x.statement().Volume)
	assert.Empty(t, x.statement().Above)
	assert.Empty(t, x.trade("AAPL", 1, "100.00", at("2026-03-01T23:00:00Z")), "late, from a day that is over")
	assert.Equal(t, money(t, "100"), x.statement().Volume)
	assert.Equal(t, int64(12), x.statement().Positions[0].Quantity, "but it was traded")
	assert.Equal(t, []string{"DAILY_VOLUME_LIMIT 1000.01"}, x.trade("TSLA", 90001, "0.01", at("2026-03-02T10:00:00Z"))[:1])
}

// TestSumsThatDoNotFitFailInsteadOfLying is about numbers that no symbol of a desk can make.
func TestSumsThatDoNotFitFailInsteadOfLying(t *testing.T) {
	t.Parallel()
	x := newTrader(t, desk.Limits{})
	send := func(quantity int64, price string) error {
		return x.Send(desk.PositionChanged{TraderID: "ann", Symbol: "AAPL", Quantity: quantity, Price: price, TradeID: "AAPL-1"}).Err
	}
	require.NoError(t, send(math.MaxInt64, "1"))
	before := x.statement()
	require.ErrorIs(t, send(1, "1"), desk.ErrPosition)
	require.ErrorIs(t, send(-1, "99999999"), desk.ErrMoney, "worth more than Money holds")
	require.ErrorIs(t, send(1, "NaN"), desk.ErrPosition)
	require.ErrorIs(t, send(-1, "NaN"), desk.ErrMoney)
	assert.Equal(t, before, x.statement(), "a failure changes nothing")
	require.NoError(t, send(-math.MaxInt64, "1"))
	assert.Equal(t, money(t, "18446744073709551614"), x.statement().Volume)
	assert.True(t, x.statement().Exposure.IsZero())
}

func TestPositionsBooksBothSidesOfASettledTrade(t *testing.T) {
	t.Parallel()
	positions := organ[actors.Organ](t, config(), desk.Positions)
	r := actorstest.Handle(t, positions, desk.SettlementComplete{Trade: desk.Trade{
		TradeID: "AAPL-1", Symbol: "AAPL", Price: "100.00", Quantity: 7, BuyerID: "bob", SellerID: "sue",
	}})
	assert.Equal(t, []desk.PositionChanged{
		{TraderID: "bob", Symbol: "AAPL", Quantity: 7, Price: "100.00", TradeID: "AAPL-1"},
		{TraderID: "sue", Symbol: "AAPL", Quantity: -7, Price: "100.00", TradeID: "AAPL-1"},
	}, actorstest.Of[desk.PositionChanged](r))
	assert.Equal(t, "bob", r.Events[0].Key())
	assert.Equal(t, "sue", r.Events[1].Key())
}
