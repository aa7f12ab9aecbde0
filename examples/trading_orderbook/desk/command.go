package desk

import (
	"bytes"
	"cmp"
	"encoding/json"
	"math"
	"net/url"
	"strconv"
	"strings"
)

// The actions of a Command. A command without one is NEW.
const (
	ActionNew       = "NEW"
	ActionCancel    = "CANCEL"
	ActionAmend     = "AMEND"
	ActionCancelAll = "CANCEL_ALL" // of one trader, in one symbol
	ActionSetPhase  = "SET_PHASE"
	ActionTick      = "TICK" // lets the time of a symbol pass, so that GTD orders expire
)

// Command is what somebody wants of the book of one symbol. Which fields an action reads:
//
//	NEW         order_id trader_id symbol side order_type tif quantity; price (LIMIT, STOP_LIMIT),
//	            trigger_price (STOP, STOP_LIMIT), display_quantity (icebergs), time (GTD: expiry),
//	            prevention
//	CANCEL      order_id symbol; trader_id where only the owner may
//	AMEND       order_id symbol; quantity, price or both; trader_id where only the owner may
//	CANCEL_ALL  trader_id symbol
//	SET_PHASE   symbol phase
//	TICK        symbol time
//
// A quantity is in units and a multiple of the symbol's lot; 0 stands for none. order_type also takes IOC,
// FOK and POST_ONLY for a LIMIT with that tif. The rules are those of package matching.
type Command struct {
	Action     string   `json:"action,omitempty"`
	OrderID    string   `json:"order_id,omitempty"`
	TraderID   string   `json:"trader_id,omitempty"`
	Symbol     string   `json:"symbol"`
	Side       string   `json:"side,omitempty"`
	OrderType  string   `json:"order_type,omitempty"`
	TIF        string   `json:"tif,omitempty"`
	Quantity   Quantity `json:"quantity,omitempty"`
	Price      Decimal  `json:"price,omitempty"`
	Display    Quantity `json:"display_quantity,omitempty"`
	Trigger    Decimal  `json:"trigger_price,omitempty"`
	Prevention string   `json:"prevention,omitempty"`
	Time       string   `json:"time,omitempty"` // RFC 3339
	Phase      string   `json:"phase,omitempty"`
}

// OrderSubmitted is a command as somebody wrote it: any field may be wrong. It has no Validate
// method, since what is wrong with it is for ValidateOrder to say.
type OrderSubmitted Command

// OrderValidated is a command in the one form that means it: words in upper case, defaults filled
// in, prices with the places of the symbol.
type OrderValidated Command

// EventType names the event on the wire.
func (OrderSubmitted) EventType() string { return "ORDER_SUBMITTED" }

// EventType names the event on the wire.
func (OrderValidated) EventType() string { return "ORDER_VALIDATED" }

// EventKey is the symbol, in a form that can be a key whatever was written.
func (o OrderSubmitted) EventKey() string { return keyOf(o.Symbol) }

// EventKey is the symbol.
func (o OrderValidated) EventKey() string { return keyOf(o.Symbol) }

// keyOf makes a key of what may be a symbol: one in another case or with blanks around it has the
// key of the symbol it means, so that the order of events is kept.
func keyOf(symbol string) string {
	for i := range len(symbol) {
		if c := symbol[i]; (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '.' && c != '-' || i >= maxSymbol {
			return unusualKey(symbol)
		}
	}
	return cmp.Or(symbol, "none")
}

// maxSymbol is the longest symbol in bytes; what is longer is none.
const maxSymbol = 64

func unusualKey(symbol string) string {
	symbol = word(symbol)
	if len(symbol) > maxSymbol {
		symbol = symbol[:maxSymbol]
	}
	return cmp.Or(url.PathEscape(symbol), "none")
}

// word is a word as it is meant.
func word(text string) string { return strings.ToUpper(strings.TrimSpace(text)) }

// Quantity is a number of units. In JSON it is a whole number; anything else there, 0 included,
// becomes Unreadable, which no check lets pass.
type Quantity int64

// Unreadable is a quantity that somebody gave and that is none.
const Unreadable Quantity = math.MinInt64

// UnmarshalJSON implements json.Unmarshaler. It never fails.
func (q *Quantity) UnmarshalJSON(data []byte) error {
	if string(data) == "null" {
		return nil
	}
	n, err := strconv.ParseInt(string(data), 10, 64)
	if err != nil || n == 0 {
		n = int64(Unreadable)
	}
	*q = Quantity(n)
	return nil
}

// Decimal is a decimal as it was written, such as "150.25". In JSON it is a string or a whole number. A
// number with a point or an exponent is kept with "float" before it, and any other value as
// its own text; neither is a decimal, so both are refused: binary floating point is never money.
type Decimal string

// UnmarshalJSON implements json.Unmarshaler. Its error is that of a broken string.
func (d *Decimal) UnmarshalJSON(data []byte) error {
	switch {
	case string(data) == "null":
	case data[0] == '"':
		return json.Unmarshal(data, (*string)(d))
	case bytes.ContainsAny(data, ".eE"):
		*d = Decimal("float " + string(data))
	default:
		*d = Decimal(data)
	}
	return nil
}
