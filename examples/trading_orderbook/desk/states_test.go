package desk_test

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/necrostack/necrostack/actors"
	"github.com/necrostack/necrostack/actors/actorstest"
	"github.com/necrostack/necrostack/examples/trading_orderbook/desk"
)

// TestDamagedStatesAreRefused cuts states short and makes them longer, and gives them another version.
func TestDamagedStatesAreRefused(t *testing.T) {
	t.Parallel()
	c := config()
	c.Limits = desk.Limits{Position: 1, Exposure: money(t, "1.00")}
	for name, events := range map[string][]actors.Payload{
		desk.AuditTrail: auditedPayloads(),
		desk.RiskManager: {
			desk.PositionChanged{TraderID: "t1", Symbol: "AAPL", Quantity: -300, Price: "150.25", TradeID: "AAPL-1"},
			desk.PositionChanged{TraderID: "t1", Symbol: "MSFT", Quantity: 7, Price: "0.000000001", TradeID: "MSFT-1"},
		},
	} {
		keyed := organ[actors.KeyedOrgan](t, c, name)
		cell, err := keyed.NewCell("k")
		require.NoError(t, err)
		stamper := actors.NewStamper(actors.StamperOptions{})
		for _, p := range events {
			ev, err := stamper.Root(actors.With(p, actors.Key("k")), actorstest.Start)
			require.NoError(t, err)
			_, err = cell.Step(ev)
			require.NoError(t, err)
		}
		whole, err := cell.MarshalState()
		require.NoError(t, err)
		fresh, err := keyed.NewCell("k")
		require.NoError(t, err)
		untouched, err := fresh.MarshalState()
		require.NoError(t, err)
		for n := range whole {
			require.Error(t, fresh.UnmarshalState(whole[:n]), "%s: %d bytes", name, n)
		}
		require.Error(t, fresh.UnmarshalState(append(bytes.Clone(whole), 0)), name)
		require.Error(t, fresh.UnmarshalState(append([]byte{whole[0] + 1}, whole[1:]...)), name)
		same, err := fresh.MarshalState()
		require.NoError(t, err)
		assert.Equal(t, untouched, same, "%s: a state that is refused changes nothing", name)
		require.NoError(t, fresh.UnmarshalState(whole), name)
		again, err := fresh.MarshalState()
		require.NoError(t, err)
		assert.Equal(t, whole, again, name)
	}
}
