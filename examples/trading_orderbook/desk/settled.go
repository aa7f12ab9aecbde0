package desk

import "cmp"

// Trade is what follows a trade around: enough of it to settle and to book it.
type Trade struct {
	TradeID  string `json:"trade_id"`
	Symbol   string `json:"symbol"`
	Price    string `json:"price"`
	Quantity int64  `json:"quantity"`
	BuyerID  string `json:"buyer_id"`
	SellerID string `json:"seller_id"`
}

// EventKey is the symbol.
func (t Trade) EventKey() string { return keyOf(t.Symbol) }

// SettlementComplete says that the clearing house has settled a trade.
type SettlementComplete struct {
	Trade
	Amount Money `json:"amount"` // price x quantity
	Fee    Money `json:"fee"`    // 1 basis point of it
}

// SettlementFailed says that a trade is not settled and is a dead letter now.
type SettlementFailed struct {
	Trade
	Reason   string `json:"reason"` // the clearing house's word, or the kind of failure: ERROR, TIMEOUT, PANIC ..
	Detail   string `json:"detail"`
	Attempts int    `json:"attempts"`
}

// PositionChanged is one side of a settled trade.
type PositionChanged struct {
	TraderID string `json:"trader_id"`
	Symbol   string `json:"symbol"`
	Quantity int64  `json:"quantity"` // bought; what was sold is negative
	Price    string `json:"price"`
	TradeID  string `json:"trade_id"`
}

// The reasons of a RiskAlert.
const (
	PositionLimit    = "POSITION_LIMIT"
	ExposureLimit    = "EXPOSURE_LIMIT"
	DailyVolumeLimit = "DAILY_VOLUME_LIMIT"
)

// RiskAlert says that a trader is above a limit now and was not before.
type RiskAlert struct {
	TraderID string `json:"trader_id"`
	Symbol   string `json:"symbol"` // in which it happened
	Reason   string `json:"reason"`
	Value    string `json:"value"`
	Limit    string `json:"limit"`
	TradeID  string `json:"trade_id"`
}

// EventType names the event on the wire.
func (SettlementComplete) EventType() string { return "SETTLEMENT_COMPLETE" }

// EventType names the event on the wire.
func (SettlementFailed) EventType() string { return "SETTLEMENT_FAILED" }

// EventType names the event on the wire.
func (PositionChanged) EventType() string { return "POSITION_CHANGED" }

// EventType names the event on the wire.
func (RiskAlert) EventType() string { return "RISK_ALERT" }

// EventKey is the trader.
func (p PositionChanged) EventKey() string { return cmp.Or(p.TraderID, "none") }

// EventKey is the symbol, so that the alert stands in that symbol's audit trail.
func (r RiskAlert) EventKey() string { return keyOf(r.Symbol) }
