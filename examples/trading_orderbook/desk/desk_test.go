package desk_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/necrostack/necrostack/actors"
	"github.com/necrostack/necrostack/examples/trading_orderbook/desk"
	"github.com/necrostack/necrostack/examples/trading_orderbook/matching"
	"github.com/necrostack/necrostack/spine"
)

func TestNewReportsEveryMistakeAtOnce(t *testing.T) {
	t.Parallel()
	_, err := desk.New(desk.Config{
		Symbols: []matching.Spec{
			matching.DefaultSpec("AAPL"), matching.DefaultSpec("AAPL"), matching.DefaultSpec("aapl"), matching.DefaultSpec("A B"),
			{Name: "LOTS", Lot: 1_000_000}, {Name: "RICH", Step: 1_000_000_000, MaxQty: 10, Decimals: 0},
			{Name: "DEAR", Decimals: 0, Step: 100_000_000, Lot: 1000},
		},
		Limits:            desk.Limits{Position: -1},
		Traders:           map[string]desk.Limits{"ann": {Position: -2}},
		SettlementWorkers: -1,
		RecentOrders:      1_000_001,
	})
	require.Error(t, err)
	for _, part := range []string{
		"settlement workers -1", "recent orders 1000001 not in 1..1000000", "there is no clearing", `symbol is there already: "AAPL"`, `symbol "aapl"`, `symbol "A B"`,
		`symbol "LOTS": an order of 1000000000 lots of 1000000`, `symbol "DEAR"`, "limits: position is -1", `limits of trader "ann": position is -2`,
	} {
		assert.ErrorContains(t, err, part)
	}
	assert.NotContains(t, err.Error(), "RICH")
	_, err = desk.New(desk.Config{Clearing: settlesAll{}})
	assert.ErrorContains(t, err, "there is no symbol")
}

func TestDeskTellsWhatItTrades(t *testing.T) {
	t.Parallel()
	d := newDesk(t, config())
	assert.Equal(t, []string{"AAPL", "BRK.B"}, d.Symbols())
	spec, ok := d.Spec("BRK.B")
	assert.True(t, ok)
	assert.Equal(t, int64(10), spec.Lot)
	_, ok = d.Spec("MSFT")
	assert.False(t, ok)
	assert.Equal(t, []actors.Payload{
		desk.OrderSubmitted{Action: desk.ActionCancelAll, TraderID: "tom", Symbol: "AAPL"},
		desk.OrderSubmitted{Action: desk.ActionCancelAll, TraderID: "tom", Symbol: "BRK.B"},
	}, d.ForAll(desk.OrderSubmitted{Action: desk.ActionCancelAll, TraderID: "tom"}))
}

func TestEveryOrganHasASoundPolicy(t *testing.T) {
	t.Parallel()
	policies := desk.Policies()
	require.NoError(t, policies.Err())
	for _, name := range desk.Organs() {
		assert.Contains(t, policies.Organs, name)
	}
	assert.Len(t, policies.Organs, len(desk.Organs()))
	delete(policies.Organs, desk.Settlement)
	assert.Contains(t, desk.Policies().Organs, desk.Settlement, "the caller's changes are his own")
	_, err := spine.New(spine.NewMemory(), newDesk(t, config()).Options()...)
	require.NoError(t, err)
}
