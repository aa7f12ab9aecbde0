package clearing_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/necrostack/necrostack/examples/trading_orderbook/clearing"
)

func TestMain(m *testing.M) {
	// A server that refuses a body half read lingers for half a second, so that its word gets through.
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("net/http.(*conn).closeWriteAndWait"))
}

// patience ends a test that hangs; nothing here takes long.
const patience = 30 * time.Second

func open(t *testing.T, c clearing.HouseConfig) (*clearing.House, *clearing.Client) {
	t.Helper()
	house, err := clearing.Open(c)
	require.NoError(t, err)
	t.Cleanup(house.Close)
	return house, clientOf(t, house.URL())
}

func clientOf(t *testing.T, url string) *clearing.Client {
	t.Helper()
	client, err := clearing.NewClient(url, 4)
	require.NoError(t, err)
	t.Cleanup(client.Close)
	return client
}

// trades are n trades with keys k0, k1 ..
func trades(n int) []clearing.Instruction {
	var all []clearing.Instruction
	for i := range n {
		all = append(all, clearing.Instruction{
			Key: fmt.Sprintf("k%d", i), TradeID: fmt.Sprintf("AAPL-%d", i), Symbol: "AAPL", BuyerID: "bob", SellerID: "sue",
			Quantity: 5, Price: "100.00", Amount: "500.00",
		})
	}
	return all
}

func TestHouseSettlesEachTradeOnce(t *testing.T) {
	t.Parallel()
	house, client := open(t, clearing.HouseConfig{})
	first, err := client.Settle(t.Context(), trades(clearing.MaxTrades))
	require.NoError(t, err)
	assert.Equal(t, make([]clearing.Result, clearing.MaxTrades), first)
	again, err := client.Settle(t.Context(), trades(3))
	require.NoError(t, err)
	assert.Equal(t, []clearing.Result{{Repeated: true}, {Repeated: true}, {Repeated: true}}, again)
	assert.Equal(t, clearing.Tally{Requests: 2, Settled: clearing.MaxTrades, Repeated: 3}, house.Tally())
}

// TestHouseSettlesOnceWhoeverAsksAtTheSameTime sends the same trades from many sides.
func TestHouseSettlesOnceWhoeverAsksAtTheSameTime(t *testing.T) {
	t.Parallel()
	house, client := open(t, clearing.HouseConfig{})
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			for range 10 {
				_, err := client.Settle(context.Background(), trades(20))
				assert.NoError(t, err)
			}
		})
	}
	group.Wait()
	assert.Equal(t, clearing.Tally{Requests: 80, Settled: 20, Repeated: 1580}, house.Tally())
}

func TestHouseAnswersTradeByTrade(t *testing.T) {
	t.Parallel()
	house, client := open(t, clearing.HouseConfig{Refuse: clearing.Poor("tom")})
	asked := trades(5)
	asked[1].BuyerID = "tom"
	asked[2].Quantity = 0
	asked[4].Key = asked[0].Key
	got, err := client.Settle(t.Context(), asked)
	require.NoError(t, err)
	assert.Equal(t, []clearing.Result{
		{},
		{Err: &clearing.Refusal{TradeID: "AAPL-1", Reason: clearing.InsufficientFunds}},
		{Err: &clearing.Refusal{TradeID: "AAPL-2", Reason: clearing.InvalidTrade, Detail: "want key, trade, buyer, seller and a quantity above 0"}},
		{},
		{Err: &clearing.Refusal{TradeID: "AAPL-4", Reason: clearing.KeyReused, Detail: "another trade was settled under this key"}},
	}, got)
	assert.EqualError(t, got[1].Err, `clearing house refuses trade "AAPL-1": INSUFFICIENT_FUNDS`)
	again, err := client.Settle(t.Context(), asked[1:2])
	require.NoError(t, err)
	assert.Error(t, again[0].Err, "a refusal is asked about afresh")
	assert.Equal(t, clearing.Tally{Requests: 2, Settled: 2, Refused: 4}, house.Tally())
}

func TestHouseForgetsTheOldestKeysFirst(t *testing.T) {
	t.Parallel()
	_, client := open(t, clearing.HouseConfig{Remember: 3})
	settle := func(i int) bool {
		got, err := client.Settle(t.Context(), trades(10)[i:i+1])
		require.NoError(t, err)
		require.NoError(t, got[0].Err)
		return got[0].Repeated
	}
	for i := range 5 {
		assert.False(t, settle(i), i)
	}
	assert.True(t, settle(2))
	assert.True(t, settle(4))
	assert.False(t, settle(1))
	assert.False(t, settle(2), "1 has taken its place")
	assert.True(t, settle(4))
}

func TestFlakyHouseSettlesNothingWhereItFails(t *testing.T) {
	t.Parallel()
	house, client := open(t, clearing.HouseConfig{Flaky: 0.3, Seed: 1})
	failed := 0
	for i := range 100 {
		_, err := client.Settle(t.Context(), trades(100)[i:i+1])
		var busy *clearing.Unavailable
		if errors.As(err, &busy) {
			failed++
			continue
		}
		require.NoError(t, err)
	}
	assert.InDelta(t, 30, failed, 20)
	assert.Equal(t, clearing.Tally{Requests: 100 - failed, TurnedAway: failed, Settled: 100 - failed}, house.Tally())
}

func TestLostAnswerIsSettledAndRecognised(t *testing.T) {
	t.Parallel()
	house, client := open(t, clearing.HouseConfig{Lost: 1})
	for range 2 {
		_, err := client.Settle(t.Context(), trades(2))
		var busy *clearing.Unavailable
		require.ErrorAs(t, err, &busy)
	}
	tally := house.Tally()
	assert.Equal(t, 2, tally.Settled)
	assert.GreaterOrEqual(t, tally.Repeated, 2)
}

func TestOutagesAreSwitchedOnAndOff(t *testing.T) {
	t.Parallel()
	house, client := open(t, clearing.HouseConfig{})
	for _, outage := range []clearing.Outage{clearing.Refusing, clearing.Dropping} {
		house.SetOutage(outage)
		_, err := client.Settle(t.Context(), trades(1))
		var busy *clearing.Unavailable
		require.ErrorAs(t, err, &busy, "%d", outage)
	}
	house.SetOutage(clearing.InService)
	_, err := client.Settle(t.Context(), trades(1))
	require.NoError(t, err)
	assert.Equal(t, 1, house.Tally().Settled)
}

// TestSilentHouseAnswersWhenItIsBack waits for it, and once does not.
func TestSilentHouseAnswersWhenItIsBack(t *testing.T) {
	t.Parallel()
	house, client := open(t, clearing.HouseConfig{})
	house.SetOutage(clearing.Silent)
	ctx, stop := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer stop()
	_, err := client.Settle(ctx, trades(1))
	require.ErrorIs(t, err, context.DeadlineExceeded)
	answered := make(chan error, 1)
	patient, leave := context.WithTimeout(t.Context(), 5*time.Second)
	defer leave()
	go func() { // ends with its answer, or patient
		_, err := client.Settle(patient, trades(1))
		answered <- err
	}()
	select {
	case <-answered:
		t.Fatal("a silent house has answered")
	case <-time.After(20 * time.Millisecond):
	}
	house.SetOutage(clearing.InService)
	require.NoError(t, <-answered)
	assert.Equal(t, 1, house.Tally().Settled)
}

func TestAwaitTellsWhenEnoughIsSettled(t *testing.T) {
	t.Parallel()
	house, client := open(t, clearing.HouseConfig{Latency: time.Millisecond})
	var group sync.WaitGroup
	group.Go(func() {
		for i := range 20 {
			_, err := client.Settle(context.Background(), trades(20)[i:i+1])
			assert.NoError(t, err)
		}
	})
	tally, ok := house.Await(patience, func(t clearing.Tally) bool { return t.Settled >= 20 })
	group.Wait()
	assert.True(t, ok)
	assert.Equal(t, 20, tally.Settled)
	_, ok = house.Await(time.Millisecond, func(t clearing.Tally) bool { return t.Settled > 20 })
	assert.False(t, ok)
}

func TestCloseEndsWhatWaits(t *testing.T) {
	t.Parallel()
	house, client := open(t, clearing.HouseConfig{Latency: time.Hour})
	answered := make(chan error, 1)
	go func() { // ends with its answer
		_, err := client.Settle(context.Background(), trades(1))
		answered <- err
	}()
	house.Close()
	house.Close()
	require.Error(t, <-answered)
}

func TestOpenReportsEveryMistakeAtOnce(t *testing.T) {
	t.Parallel()
	_, err := clearing.Open(clearing.HouseConfig{Latency: -1, Flaky: 1.5, Lost: math.NaN(), Remember: -1})
	for _, part := range []string{"latency is -1ns", "flaky is 1.5", "lost is NaN", "remember is -1"} {
		assert.ErrorContains(t, err, part)
	}
}

func TestHouseRefusesWhatIsNoRequest(t *testing.T) {
	t.Parallel()
	house, _ := open(t, clearing.HouseConfig{})
	for body, want := range map[string]int{
		"":                                     http.StatusBadRequest,
		"{":                                    http.StatusBadRequest,
		`{"trades":[]}`:                        http.StatusRequestEntityTooLarge,
		`{"trades":[{"quantity":1.5}]}`:        http.StatusBadRequest,
		strings.Repeat(" ", 2<<20) + `{}`:      http.StatusBadRequest,
		`{"trades":[` + many("{}", 257) + `]}`: http.StatusRequestEntityTooLarge,
	} {
		resp, err := http.Post(house.URL(), "application/json", strings.NewReader(body))
		require.NoError(t, err)
		require.NoError(t, resp.Body.Close())
		assert.Equal(t, want, resp.StatusCode, "%.60s", body)
	}
	http.DefaultClient.CloseIdleConnections()
	assert.Zero(t, house.Tally())
}

func many(text string, n int) string { return strings.TrimSuffix(strings.Repeat(text+",", n), ",") }
