package desk_test

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"reflect"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/necrostack/necrostack/actors"
	"github.com/necrostack/necrostack/actors/actorstest"
	"github.com/necrostack/necrostack/examples/trading_orderbook/desk"
)

// auditedPayloads has one of every payload that is audited.
func auditedPayloads() []actors.Payload {
	order := desk.Order{OrderID: "o1", TraderID: "t1", Symbol: symbol, Side: "BUY"}
	trade := desk.Trade{TradeID: "AAPL-1", Symbol: symbol, Price: "100.00", Quantity: 5, BuyerID: "t1", SellerID: "t2"}
	fill := desk.Fill{Order: order, Role: desk.Taker, TradeID: "AAPL-1", Price: "100.00", Filled: 5, Remaining: 6}
	return []actors.Payload{
		limit("o1", "t1", "BUY", 5, "100.00", ""),
		validated(limit("o1", "t1", "BUY", 5, "100.00", "")),
		desk.OrderRejected{Order: order, Action: "NEW", Reason: "A", Reasons: []string{"A", "B"}, RejectedBy: desk.MatchingEngine},
		desk.OrderQueued{Order: order, Price: "100.00", Remaining: 5},
		desk.OrderTriggered{Order: order, Trigger: "100.00"},
		desk.OrderPartialFill{Fill: fill},
		desk.OrderFilled{Fill: fill},
		desk.OrderCancelled{Order: order, Price: "100.00", Quantity: 5, Reason: "USER"},
		desk.OrderAmended{Order: order, Price: "100.00", Remaining: 5, Priority: desk.PriorityKept},
		desk.OrdersCancelled{Order: order, Count: 3},
		desk.PhaseChanged{Symbol: symbol, Phase: "HALTED"},
		desk.TradeExecuted{TradeID: "AAPL-1", Symbol: symbol, Price: "100.00", Quantity: 5, BuyerID: "t1", SellerID: "t2"},
		desk.SettlementComplete{Trade: trade},
		desk.SettlementFailed{Trade: trade, Reason: "INSUFFICIENT_FUNDS", Detail: "no", Attempts: 1},
		desk.RiskAlert{TraderID: "t1", Symbol: symbol, Reason: desk.PositionLimit, Value: "2", Limit: "1", TradeID: "AAPL-1"},
	}
}

func newTrail(t testing.TB) *actorstest.Cell {
	t.Helper()
	return actorstest.NewCell(t, organ[actors.KeyedOrgan](t, config(), desk.AuditTrail), symbol)
}

func audit(t testing.TB, c *actorstest.Cell) desk.Audit {
	t.Helper()
	a, err := actorstest.Ask[desk.Audit](c, desk.AuditOf{})
	require.NoError(t, err)
	return a
}

func TestTrailChainsEveryEventAndCanBeVerified(t *testing.T) {
	t.Parallel()
	c := newTrail(t)
	for i, p := range auditedPayloads() {
		require.NoError(t, c.Send(p).Err, p.EventType())
		if i == 7 {
			c.Crash()
			c.Restore(c.Snapshot())
		}
	}
	var chain desk.Chain
	var events []actors.Event
	again := newTrail(t)
	for _, p := range auditedPayloads() {
		events = append(events, again.Send(p).Event)
	}
	for _, ev := range events {
		counted, err := chain.Add(fromJSON(t, ev))
		require.NoError(t, err)
		require.True(t, counted)
	}
	got := audit(t, c)
	assert.Equal(t, chain.All, got.All)
	assert.Equal(t, chain.Matching, got.Matching)
	assert.Equal(t, symbol, got.Symbol)
	assert.Equal(t, uint64(len(events)), got.All.Events)
	assert.Equal(t, uint64(10), got.Matching.Events, "neither what came in, nor settlements and alerts")
	for _, p := range auditedPayloads() {
		assert.Equal(t, uint64(1), got.Types[p.EventType()], p.EventType())
	}
	assert.Len(t, got.Types, len(events))
	brokenChains(t, events, chain)
}

// brokenChains leaves out, swaps and repeats events.
func brokenChains(t *testing.T, events []actors.Event, whole desk.Chain) {
	t.Helper()
	n := len(events)
	for name, order := range map[string]func(i int) int{
		"swapped":  func(i int) int { return i + btoi(i == 3) - btoi(i == 4) },
		"missing":  func(i int) int { return i + btoi(i >= 5) },
		"repeated": func(i int) int { return i - btoi(i > 5) },
	} {
		var chain desk.Chain
		for i := range n {
			_, err := chain.Add(events[order(i)%n])
			require.NoError(t, err)
		}
		assert.NotEqual(t, whole.All.Head, chain.All.Head, name)
		assert.NotEqual(t, whole.Matching.Head, chain.Matching.Head, name)
	}
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

// fromJSON is the event as somebody reads it from a file.
func fromJSON(t *testing.T, ev actors.Event) actors.Event {
	t.Helper()
	data, err := json.Marshal(ev)
	require.NoError(t, err)
	var read actors.Event
	require.NoError(t, json.Unmarshal(data, &read))
	return read
}

// TestEveryFieldIsInTheChain changes one field after the other, of every payload there is.
func TestEveryFieldIsInTheChain(t *testing.T) {
	t.Parallel()
	for _, p := range auditedPayloads() {
		heads := map[desk.Head]string{headOf(t, p): "unchanged"}
		value := reflect.New(reflect.TypeOf(p)).Elem()
		eachField(value, p.EventType(), func(name string, change func()) {
			value.Set(reflect.ValueOf(p))
			change()
			head := headOf(t, value.Interface().(actors.Payload))
			require.Empty(t, heads[head], "%s makes no difference", name)
			heads[head] = name
		})
		assert.Greater(t, len(heads), 2, p.EventType())
	}
}

// eachField calls f with every field below v and how to change it.
func eachField(v reflect.Value, name string, f func(name string, change func())) {
	switch v.Interface().(type) {
	case desk.Money:
		f(name, func() {
			m, _ := desk.ParseMoney("123.45")
			v.Set(reflect.ValueOf(m))
		})
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			eachField(v.Field(i), name+"."+v.Type().Field(i).Name, f)
		}
	case reflect.String:
		f(name, func() { v.SetString(v.String() + "x") })
	case reflect.Slice:
		f(name, func() { v.Set(reflect.ValueOf([]string{"A"})) })
		f(name, func() { v.Set(reflect.ValueOf([]string{"AB", ""})) })
	default:
		f(name, func() { v.SetInt(v.Int() + 77) })
	}
}

// headOf is the head of a chain of one event, always with the same id.
func headOf(t *testing.T, p actors.Payload) desk.Head {
	t.Helper()
	ev, err := actors.NewStamper(actors.StamperOptions{}).Root(actors.With(p, actors.ID{1}, actors.Key("k")), actorstest.Start)
	require.NoError(t, err)
	var chain desk.Chain
	counted, err := chain.Add(ev)
	require.NoError(t, err)
	require.True(t, counted)
	return chain.All.Head
}

func TestChainTakesIDAndTypeAndLeavesTheRest(t *testing.T) {
	t.Parallel()
	queued := desk.OrderQueued{Order: desk.Order{OrderID: "o1", Symbol: symbol}, Price: "1.00", Remaining: 1}
	head := func(p actors.Payload, id byte) desk.Head {
		ev, err := actors.NewStamper(actors.StamperOptions{}).Root(actors.With(p, actors.ID{id}), actorstest.Start)
		require.NoError(t, err)
		var chain desk.Chain
		_, err = chain.Add(ev)
		require.NoError(t, err)
		return chain.All.Head
	}
	assert.NotEqual(t, head(queued, 1), head(queued, 2))
	fill := desk.Fill{Order: queued.Order, Filled: 1}
	assert.NotEqual(t, head(desk.OrderFilled{Fill: fill}, 1), head(desk.OrderPartialFill{Fill: fill}, 1))
	var chain desk.Chain
	for _, p := range []actors.Payload{desk.BookChanged{Symbol: symbol}, desk.PositionChanged{TraderID: "t"}} {
		ev, err := actors.NewStamper(actors.StamperOptions{}).Root(p, actorstest.Start)
		require.NoError(t, err)
		counted, err := chain.Add(ev)
		require.NoError(t, err)
		assert.False(t, counted, p.EventType())
	}
	_, err := chain.Add(rawEvent(t, "ORDER_QUEUED", `{"remaining_quantity":"many"}`))
	require.Error(t, err)
	assert.Zero(t, chain.All)
}

func rawEvent(t *testing.T, typ, data string) actors.Event {
	t.Helper()
	ev, err := actors.NewStamper(actors.StamperOptions{}).Root(actors.Raw{Type: typ, Data: json.RawMessage(data)}, actorstest.Start)
	require.NoError(t, err)
	return ev
}

// TestRejectionsBelongToWhoeverMadeThem keeps the validator's out of the matching chain.
func TestRejectionsBelongToWhoeverMadeThem(t *testing.T) {
	t.Parallel()
	c := newTrail(t)
	order := desk.Order{OrderID: "o1", Symbol: symbol}
	c.Send(desk.OrderRejected{Order: order, Reason: "A", RejectedBy: desk.ValidateOrder})
	assert.Zero(t, audit(t, c).Matching)
	c.Send(desk.OrderRejected{Order: order, Reason: "A", RejectedBy: desk.MatchingEngine})
	assert.Equal(t, uint64(1), audit(t, c).Matching.Events)
	assert.Equal(t, uint64(2), audit(t, c).All.Events)
}

// TestChainIsWhatItsDocumentationSays computes two links by hand, as a verifier in another language would.
func TestChainIsWhatItsDocumentationSays(t *testing.T) {
	t.Parallel()
	var chain desk.Chain
	var want desk.Head
	for id := byte(1); id <= 2; id++ {
		p := desk.OrderCancelled{Order: desk.Order{OrderID: "o1", TraderID: "t1", Symbol: "AAPL", Side: "BUY"}, Price: "1.50", Quantity: 300, Reason: "USER"}
		ev, err := actors.NewStamper(actors.StamperOptions{}).Root(actors.With(p, actors.ID{id}), actorstest.Start)
		require.NoError(t, err)
		_, err = chain.Add(ev)
		require.NoError(t, err)
		input := append(want[:], id)
		input = append(input, make([]byte, 15)...)
		input = append(input, "\x0fORDER_CANCELLED\x02o1\x02t1\x04AAPL\x03BUY\x041.50\xd8\x04\x00\x04USER"...)
		want = sha256.Sum256(input)
	}
	assert.Equal(t, desk.Link{Events: 2, Head: want}, chain.All)
	assert.Equal(t, chain.All, chain.Matching)
}

func TestHeadIsHexadecimal(t *testing.T) {
	t.Parallel()
	head := headOf(t, auditedPayloads()[0])
	text, err := head.MarshalText()
	require.NoError(t, err)
	assert.Equal(t, fmt.Sprintf("%x", head[:]), string(text))
	assert.Equal(t, string(text), head.String())
	var read desk.Head
	require.NoError(t, read.UnmarshalText(text))
	assert.Equal(t, head, read)
	for _, bad := range []string{"", "00", string(text) + "00", "zz"} {
		assert.Error(t, read.UnmarshalText([]byte(bad)), bad)
	}
}
