package clearing

import (
	"bytes"
	"fmt"
	"io"
	"time"
)

// MaxTrades is the most trades of one request.
const MaxTrades = 256

// Instruction is one trade to settle.
type Instruction struct {
	Key      string `json:"key"` // the same whenever the trade is sent
	TradeID  string `json:"trade_id"`
	Symbol   string `json:"symbol"`
	BuyerID  string `json:"buyer_id"`
	SellerID string `json:"seller_id"`
	Quantity int64  `json:"quantity"`
	Price    string `json:"price"`
	Amount   string `json:"amount"`
}

// Result is what became of one trade.
type Result struct {
	Repeated bool  // it had been settled before, under the same key
	Err      error // nil: it is settled; else a *Refusal, or why the answer says nothing
}

// Refusal is the house's last word about a trade.
type Refusal struct {
	TradeID string // "" when the whole request was refused
	Reason  string // in capitals, such as INSUFFICIENT_FUNDS
	Detail  string
}

func (r *Refusal) Error() string {
	text := "clearing house refuses"
	if r.TradeID != "" {
		text += fmt.Sprintf(" trade %q", r.TradeID)
	}
	text += ": " + r.Reason
	if r.Detail != "" {
		text += ": " + r.Detail
	}
	return text
}

// The reasons of a Refusal that this package gives.
const (
	InsufficientFunds = "INSUFFICIENT_FUNDS"
	KeyReused         = "KEY_REUSED"
	InvalidTrade      = "INVALID_TRADE"
	RequestRefused    = "REQUEST_REFUSED"
)

// Unavailable is a house that could not be asked, or asks to be left alone: it may be asked again.
type Unavailable struct {
	After time.Duration // as it wishes; 0: it says nothing
	Err   error
}

func (u *Unavailable) Error() string { return fmt.Sprintf("clearing house is unavailable: %v", u.Err) }

// Unwrap returns the cause.
func (u *Unavailable) Unwrap() error { return u.Err }

// request and response are the bodies.
type request struct {
	Trades []Instruction `json:"trades"`
}

type response struct {
	Results []answer `json:"results"`
}

type answer struct {
	Key      string `json:"key"`
	Status   string `json:"status"`
	Repeated bool   `json:"repeated,omitempty"`
	Reason   string `json:"reason,omitempty"`
	Detail   string `json:"detail,omitempty"`
}

// The statuses of an answer.
const (
	settled = "settled"
	refused = "refused"
)

// readAll reads a body, in one piece of memory where it says how long it is: length is what it says, -1 for
// nothing. No more than most is believed.
func readAll(body io.Reader, length, most int64) ([]byte, error) {
	b := bytes.NewBuffer(make([]byte, 0, min(max(length, 0), most)+bytes.MinRead))
	_, err := b.ReadFrom(body)
	return b.Bytes(), err
}
