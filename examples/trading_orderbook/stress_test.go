package main

import (
	"bytes"
	"context"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/necrostack/necrostack/actors"
	"github.com/necrostack/necrostack/examples/console"
	"github.com/necrostack/necrostack/examples/trading_orderbook/desk"
)

func TestStressLosesNothingAndRepeatsNothing(t *testing.T) {
	t.Parallel()
	patient := writePolicy(t, "organs: {Settlement: {backoff: {base: 1ms, max: 2ms}, breaker: {failures: 3, open: 5ms}}}\n")
	for name, args := range map[string][]string{
		"quiet":        nil,
		"one symbol":   {"--symbols", "1"},
		"many symbols": {"--symbols", "40", "--seed", "7"},
		"bad house":    {"--failures", "0.3", "--seed", "9", "--policy", patient},
		"outage":       {"--outage", "300ms"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := play(t, "", append([]string{"--stress", "--orders", "1500"}, args...)...)
			require.NoError(t, p.failure, p.out)
			assert.Contains(t, p.out, "The books agree: bought = sold = traded")
			assert.Contains(t, p.out, "100 %  1,500 of 1,500")
			assert.Regexp(t, `Matched in .*, [\d,]+ orders/s`, p.out)
			assertFits(t, p.out)
		})
	}
}

// A trade that the clearing house does not settle is a dead letter, and the books say so.
func TestStressCountsWhatIsNotSettled(t *testing.T) {
	t.Parallel()
	path := writePolicy(t, "organs: {Settlement: {attempts: 1, exhausted: store, breaker: {failures: 0}}}\n")
	p := play(t, "", "--stress", "--orders", "500", "--symbols", "1", "--failures", "0.5", "--policy", path)
	require.NoError(t, p.failure, p.out)
	assert.Contains(t, p.out, "The books agree")
	assert.Contains(t, p.out, "clearing house is unavailable: 503")
}

// Books that do not agree have to be noticed: every claim is broken once.
func TestBooksThatDoNotAgreeAreTold(t *testing.T) {
	t.Parallel()
	order := desk.Order{OrderID: "x", TraderID: "t", Symbol: "AAPL", Side: "BUY"}
	fill := desk.Fill{Order: order, Role: desk.Maker, Filled: 5}
	trade := desk.Trade{TradeID: "AAPL-1", Symbol: "AAPL", Price: "1.00", Quantity: 5}
	for name, c := range map[string]struct {
		stray actors.Payload
		want  []string
	}{
		"order":           {desk.OrderSubmitted{OrderID: "x", Symbol: "AAPL"}, []string{"orders submitted: 301, want 300", "rejected, filled, cancelled and resting"}},
		"command":         {desk.OrderValidated{OrderID: "x", Symbol: "AAPL"}, []string{"orders that the desk is through with: 301"}},
		"rejection":       {desk.OrderRejected{Order: order, Reason: "X", RejectedBy: desk.MatchingEngine}, []string{"rejected, filled, cancelled and resting"}},
		"cancel":          {desk.OrderCancelled{Order: order, Quantity: 5}, []string{"rejected, filled, cancelled and resting"}},
		"fill":            {desk.OrderFilled{Fill: fill}, []string{"rejected, filled, cancelled and resting", "bought: "}},
		"part of a fill":  {desk.OrderPartialFill{Fill: fill}, []string{"bought: "}},
		"trade":           {desk.TradeExecuted{TradeID: "AAPL-1", Symbol: "AAPL", Quantity: 5}, []string{"bought: ", "sold: ", "settled and failed: ", "trades without a last word: 1", "AAPL: trades of the book"}},
		"settlement":      {desk.SettlementComplete{Trade: trade}, []string{"settled and failed: ", "trades with more than one: 1", "settled by the clearing house"}},
		"failed":          {desk.SettlementFailed{Trade: trade, Reason: "X"}, []string{"settled and failed: ", "trades with more than one: 1", "dead letters: 0, want 1"}},
		"nothing of that": {desk.OrderQueued{Order: order}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a, err := newApp(t.Context(), options{stress: true, orders: 300, symbols: 1, seed: 4, levels: console.LevelOff, store: console.Store{Service: service}}, console.Console{In: strings.NewReader(""), Out: &bytes.Buffer{}, Err: &bytes.Buffer{}})
			require.NoError(t, err)
			t.Cleanup(func() { require.NoError(t, a.close()) })
			w := a.floor.open(t.Context())
			require.NoError(t, a.publishRandom(t.Context()))
			require.NoError(t, w.idle(t.Context()))
			a.floor.record.settled(newEvent(t, c.stray))
			seen, err := a.look(t.Context())
			require.NoError(t, err)
			require.NoError(t, w.close())
			err = a.balance(seen)
			if c.want == nil {
				require.NoError(t, err)
				return
			}
			require.ErrorIs(t, err, errBalance)
			for _, text := range c.want {
				assert.ErrorContains(t, err, text)
			}
		})
	}
}

func TestInterruptedStressSaysWhatIsLeft(t *testing.T) {
	t.Parallel()
	ctx, interrupt := context.WithCancel(t.Context())
	defer interrupt()
	p := begin(ctx, strings.NewReader(""), "--stress", "--orders", "60000")
	p.until(t, `\d+ %`)
	interrupt()
	out, err := p.rest()
	require.ErrorContains(t, err, "interrupted: ")
	require.ErrorContains(t, err, "left unfinished")
	require.NotErrorIs(t, err, errBalance)
	assert.Contains(t, out, "Symbols", "the report is printed all the same")
}

func TestGeneratorRepeatsItselfForASeed(t *testing.T) {
	t.Parallel()
	make := func(seed uint64) (all []desk.OrderSubmitted) {
		g := newGenerator(seed, []string{"A", "B"})
		for range 2000 {
			all = append(all, g.next())
		}
		return all
	}
	assert.Equal(t, make(1), make(1))
	assert.NotEqual(t, make(1), make(2))
	kinds := map[string]int{}
	for _, c := range make(1) {
		kinds[c.Action+c.OrderType]++
	}
	for _, kind := range []string{"", "CANCEL", "AMEND", "MARKET", "IOC", "FOK", "POST_ONLY", "STOP_LIMIT"} {
		assert.Positive(t, kinds[kind], kind)
	}
}
