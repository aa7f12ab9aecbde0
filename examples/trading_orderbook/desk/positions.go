package desk

import (
	"context"

	"github.com/necrostack/necrostack/actors"
)

// newPositions books each settled trade with both of its sides, which are keyed by trader.
func newPositions() actors.Organ {
	return actors.NewOrgan(Positions,
		actors.On(func(_ context.Context, ev actors.EventOf[SettlementComplete]) ([]actors.Payload, error) {
			t := &ev.Payload.Trade
			return actors.Emit(
				PositionChanged{t.BuyerID, t.Symbol, t.Quantity, t.Price, t.TradeID},
				PositionChanged{t.SellerID, t.Symbol, -t.Quantity, t.Price, t.TradeID},
			), nil
		}))
}
