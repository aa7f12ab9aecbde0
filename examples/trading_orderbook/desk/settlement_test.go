package desk_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/necrostack/necrostack/actors"
	"github.com/necrostack/necrostack/actors/actorstest"
	"github.com/necrostack/necrostack/examples/trading_orderbook/clearing"
	"github.com/necrostack/necrostack/examples/trading_orderbook/desk"
	"github.com/necrostack/necrostack/spine"
	"github.com/necrostack/necrostack/supervision"
)

// withHouse is a desk that settles with a house of its own.
func withHouse(t *testing.T, h clearing.HouseConfig) (*clearing.House, desk.Config) {
	t.Helper()
	house, err := clearing.Open(h)
	require.NoError(t, err)
	t.Cleanup(house.Close)
	client, err := clearing.NewClient(house.URL(), 4)
	require.NoError(t, err)
	t.Cleanup(client.Close)
	c := config()
	c.Clearing = client
	return house, c
}

// crossing are n pairs of orders, each of which makes a trade of 100 at 100.00 for buyer.
func crossing(from, n int, buyer string) []actors.Payload {
	var all []actors.Payload
	for i := from; i < from+n; i++ {
		all = append(all,
			limit(fmt.Sprintf("s%d", i), "seller", "SELL", 100, "100.00", ""),
			limit(fmt.Sprintf("b%d", i), buyer, "BUY", 100, "100.00", ""))
	}
	return all
}

func TestTradesAreSettledInBatchesWithAmountAndFee(t *testing.T) {
	t.Parallel()
	house, c := withHouse(t, clearing.HouseConfig{Latency: 5 * time.Millisecond})
	r := start(t, c)
	r.Publish(crossing(0, 300, "bob")...)
	r.await(desk.Positions, 300)
	r.Idle()
	tally := house.Tally()
	assert.Equal(t, 300, tally.Settled)
	assert.Zero(t, tally.Repeated)
	assert.Less(t, tally.Requests, 150, "trades travel together")
	complete := emitted[desk.SettlementComplete](r, desk.Settlement)
	require.Len(t, complete, 300)
	ids := map[string]bool{}
	for _, s := range complete {
		ids[s.TradeID] = true
		require.Equal(t, desk.SettlementComplete{
			Trade:  desk.Trade{TradeID: s.TradeID, Symbol: symbol, Price: "100.00", Quantity: 100, BuyerID: "bob", SellerID: "seller"},
			Amount: money(t, "10000"), Fee: money(t, "1"),
		}, s)
	}
	assert.Len(t, ids, 300)
	bob := ask[desk.Statement](r, desk.RiskManager, "bob", desk.StatementOf{})
	seller := ask[desk.Statement](r, desk.RiskManager, "seller", desk.StatementOf{})
	assert.Equal(t, int64(30000), bob.Positions[0].Quantity)
	assert.Equal(t, int64(-30000), seller.Positions[0].Quantity)
	assert.Equal(t, money(t, "3000000"), bob.Volume, "counted once")
	assert.Equal(t, bob.Volume, seller.Volume)
	r.verifyAudit()
}

// TestOutageStopsSettlementAndNothingElse takes the house away, in each way in which a house can be away.
func TestOutageStopsSettlementAndNothingElse(t *testing.T) {
	t.Parallel()
	for name, outage := range map[string]clearing.Outage{
		"Refusing": clearing.Refusing, "Dropping": clearing.Dropping, "Silent": clearing.Silent,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			house, c := withHouse(t, clearing.HouseConfig{})
			policies := hasty()
			settlement := policies.Organs[desk.Settlement]
			settlement.Timeout = 50 * time.Millisecond
			policies.Organs[desk.Settlement] = settlement
			r := start(t, c, spine.WithPolicies(policies))
			r.Publish(crossing(0, 50, "bob")...)
			r.await(desk.Positions, 50)
			house.SetOutage(outage)
			r.Publish(crossing(50, 100, "bob")...)
			r.await(desk.MatchingEngine, 300)
			assert.Equal(t, uint64(150), ask[desk.BookState](r, desk.MatchingEngine, symbol, desk.BookStateOf{}).Trades, "the book goes on")
			require.Eventually(t, func() bool {
				return r.Stats().Organs[desk.Settlement].Breaker != supervision.Closed.String()
			}, patience, time.Millisecond, "the breaker opens")
			assert.Equal(t, 50, house.Tally().Settled)
			house.SetOutage(clearing.InService)
			r.await(desk.Positions, 150)
			r.await(desk.AuditTrail, 300+300+150*3+150+150)
			assert.Equal(t, 150, house.Tally().Settled, "each trade once")
			assert.Empty(t, r.Dead())
			assert.Len(t, emitted[desk.SettlementComplete](r, desk.Settlement), 150)
			r.verifyAudit()
		})
	}
}

// TestLostAnswersSettleNothingTwice loses every other answer of the house, after it has settled.
func TestLostAnswersSettleNothingTwice(t *testing.T) {
	t.Parallel()
	house, c := withHouse(t, clearing.HouseConfig{Lost: 0.5, Flaky: 0.2, Seed: 7})
	r := start(t, c, spine.WithPolicies(hasty()))
	r.Publish(crossing(0, 200, "bob")...)
	r.await(desk.Positions, 200)
	tally := house.Tally()
	assert.Equal(t, 200, tally.Settled)
	assert.NotZero(t, tally.Repeated)
	assert.Len(t, emitted[desk.SettlementComplete](r, desk.Settlement), 200)
	assert.Empty(t, r.Dead())
}

// TestRefusedTradesFailAlone has paupers among the buyers.
func TestRefusedTradesFailAlone(t *testing.T) {
	t.Parallel()
	house, c := withHouse(t, clearing.HouseConfig{Refuse: clearing.Poor("pauper")})
	r := start(t, c)
	var orders []actors.Payload
	for i := range 30 {
		orders = append(orders, crossing(i, 1, []string{"bob", "pauper", "bob"}[i%3])...)
	}
	r.Publish(orders...)
	r.Idle()
	assert.Equal(t, 20, house.Tally().Settled)
	assert.Len(t, r.Dead(), 10)
	failed := emitted[desk.SettlementFailed](r, desk.Settlement)
	require.Len(t, failed, 10)
	for _, f := range failed {
		assert.Equal(t, clearing.InsufficientFunds, f.Reason)
		assert.Equal(t, "pauper", f.BuyerID)
		assert.Equal(t, 1, f.Attempts)
		assert.Contains(t, f.Detail, f.TradeID)
	}
	assert.Len(t, emitted[desk.SettlementComplete](r, desk.Settlement), 20)
	_, err := spine.Ask[desk.Statement](t.Context(), r.Spine, desk.RiskManager, "pauper", desk.StatementOf{})
	require.ErrorIs(t, err, spine.ErrNoCell, "what is not settled is no position")
	types := ask[desk.Audit](r, desk.AuditTrail, symbol, desk.AuditOf{}).Types
	assert.Equal(t, []uint64{20, 10, 30}, []uint64{types["SETTLEMENT_COMPLETE"], types["SETTLEMENT_FAILED"], types["TRADE_EXECUTED"]})
}

// broken is a clearing house that fails as it is told.
type broken func(context.Context, []clearing.Instruction) ([]clearing.Result, error)

func (b broken) Settle(ctx context.Context, in []clearing.Instruction) ([]clearing.Result, error) {
	return b(ctx, in)
}

// TestFailedSettlementIsOneDeadLetterWhateverTheCause goes through the causes.
func TestFailedSettlementIsOneDeadLetterWhateverTheCause(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		house    broken
		reason   string
		attempts int
	}{
		"refused": {func(_ context.Context, in []clearing.Instruction) ([]clearing.Result, error) {
			return []clearing.Result{{Err: &clearing.Refusal{TradeID: in[0].TradeID, Reason: "NO"}}}, nil
		}, "NO", 1},
		"request refused": {func(context.Context, []clearing.Instruction) ([]clearing.Result, error) {
			return nil, &clearing.Refusal{Reason: clearing.RequestRefused}
		}, clearing.RequestRefused, 1},
		"unavailable": {func(context.Context, []clearing.Instruction) ([]clearing.Result, error) {
			return nil, &clearing.Unavailable{Err: errors.New("busy"), After: time.Second}
		}, "ERROR", 5},
		"too few answers": {func(context.Context, []clearing.Instruction) ([]clearing.Result, error) {
			return nil, nil
		}, "ERROR", 5},
		"panic": {func(context.Context, []clearing.Instruction) ([]clearing.Result, error) { panic("broken") }, "PANIC", 5},
		"timeout": {func(ctx context.Context, _ []clearing.Instruction) ([]clearing.Result, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		}, "TIMEOUT", 5},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				policies := desk.Policies()
				p := policies.Organs[desk.Settlement]
				p.MaxDeliveries = 5
				policies.Organs[desk.Settlement] = p
				conf := config()
				conf.Clearing = c.house
				r := start(t, conf, spine.WithPolicies(policies))
				r.Publish(crossing(0, 1, "bob")...)
				r.await(desk.Settlement, 1)
				r.await(desk.AuditTrail, 8)
				synctest.Wait() // the letter is told after the result
				assert.Len(t, r.Dead(), 1)
				failed := emitted[desk.SettlementFailed](r, desk.Settlement)
				require.Len(t, failed, 1)
				assert.Equal(t, c.reason, failed[0].Reason)
				assert.Equal(t, c.attempts, failed[0].Attempts)
				assert.NotEmpty(t, failed[0].Detail)
				assert.Empty(t, emitted[desk.SettlementComplete](r, desk.Settlement))
			})
		})
	}
}

// TestEachTradeHasItsOwnEffectKey looks at what the house is told in one batch.
func TestEachTradeHasItsOwnEffectKey(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	asked := map[string]clearing.Instruction{}
	c := config()
	c.Clearing = broken(func(_ context.Context, in []clearing.Instruction) ([]clearing.Result, error) {
		mu.Lock()
		defer mu.Unlock()
		for _, one := range in {
			asked[one.Key] = one
		}
		return make([]clearing.Result, len(in)), nil
	})
	r := start(t, c)
	r.Publish(crossing(0, 20, "bob")...)
	r.Idle()
	require.Len(t, asked, 20)
	for _, x := range r.settled(desk.Settlement) {
		ctx := actors.WithAttempt(t.Context(), actors.AttemptInfo{Event: x.Event.ID(), Organ: desk.Settlement})
		trade, err := actors.Decode[desk.TradeExecuted](x.Event)
		require.NoError(t, err)
		key := actors.EffectKey(ctx)
		assert.Equal(t, clearing.Instruction{
			Key: key, TradeID: trade.TradeID, Symbol: symbol, BuyerID: "bob", SellerID: "seller", Quantity: 100, Price: "100.00", Amount: "10000.00",
		}, asked[key])
	}
}

func TestTradeThatCannotBeSettledIsRefusedBeforeTheHouseIsAsked(t *testing.T) {
	t.Parallel()
	c := config()
	c.Clearing = broken(func(context.Context, []clearing.Instruction) ([]clearing.Result, error) {
		t.Error("the house was asked")
		return nil, nil
	})
	settlement := organ[actors.Organ](t, c, desk.Settlement)
	for _, trade := range []desk.TradeExecuted{
		{TradeID: "AAPL-1", Symbol: symbol, Price: "NaN", Quantity: 1},
		{TradeID: "AAPL-1", Symbol: symbol, Price: "1.00"},
		{TradeID: "AAPL-1", Symbol: symbol, Price: "99999999999999999999", Quantity: 1 << 60},
	} {
		r := actorstest.Handle(t, settlement, trade)
		require.ErrorIs(t, r.Err, desk.ErrMoney)
		assert.Equal(t, actors.KindPermanent, r.Kind())
	}
}

// TestHouseThatSpeaksAnotherLanguage is why a 404 is no reason to try for ever.
func TestHouseThatSpeaksAnotherLanguage(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(server.Close)
	client, err := clearing.NewClient(server.URL, 1)
	require.NoError(t, err)
	t.Cleanup(client.Close)
	c := config()
	c.Clearing = client
	r := start(t, c)
	r.Publish(crossing(0, 3, "bob")...)
	r.Idle()
	assert.Len(t, r.Dead(), 3)
	for _, f := range emitted[desk.SettlementFailed](r, desk.Settlement) {
		assert.Equal(t, clearing.RequestRefused, f.Reason)
	}
}
