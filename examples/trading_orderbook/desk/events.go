package desk

// Order says which order an event is about, and keys it by symbol.
type Order struct {
	OrderID  string `json:"order_id,omitempty"`
	TraderID string `json:"trader_id,omitempty"`
	Symbol   string `json:"symbol"`
	Side     string `json:"side,omitempty"`
}

// EventKey is the symbol.
func (o Order) EventKey() string { return keyOf(o.Symbol) }

// OrderRejected is a command that changed nothing.
type OrderRejected struct {
	Order
	Action     string   `json:"action"`
	Reason     string   `json:"reason"`           // the first of Reasons
	Reasons    []string `json:"reasons"`          // ValidateOrder finds all, MatchingEngine one
	Detail     string   `json:"detail,omitempty"` // for people
	RejectedBy string   `json:"rejected_by"`      // the organ
}

// ReasonFailed is the reason of a rejection that is not the command's fault: the organ failed at
// it for good, and it is a dead letter. All other reasons are words of package matching.
const ReasonFailed = "FAILED"

// OrderQueued is an order that rests in the book without having traded, or, with a trigger price, a
// stop that waits.
type OrderQueued struct {
	Order
	Price     string `json:"price,omitempty"`
	Trigger   string `json:"trigger_price,omitempty"`
	Remaining int64  `json:"remaining_quantity"`
}

// OrderTriggered is a stop that runs now.
type OrderTriggered struct {
	Order
	Trigger string `json:"trigger_price"`
}

// The roles of an order in a trade.
const (
	Taker = "taker" // came and met the other
	Maker = "maker" // was there
)

// Fill is how far an order has come: for a taker with all trades of the command, for a maker with one.
type Fill struct {
	Order
	Role      string `json:"role"`
	TradeID   string `json:"trade_id,omitempty"` // of a maker
	Price     string `json:"price,omitempty"`    // the order's limit; none for MARKET
	Filled    int64  `json:"filled_quantity"`    // now
	Remaining int64  `json:"remaining_quantity"`
}

// OrderPartialFill is an order that has traded and is not done. What remains of a taker rests,
// unless an ORDER_CANCELLED follows.
type OrderPartialFill struct{ Fill }

// OrderFilled is an order that is done.
type OrderFilled struct{ Fill }

// OrderCancelled is an order that lost a quantity without a trade. It is gone if nothing remains.
type OrderCancelled struct {
	Order
	Price     string `json:"price,omitempty"`
	Quantity  int64  `json:"quantity"`
	Remaining int64  `json:"remaining_quantity"`
	Reason    string `json:"reason"`
}

// What an amended order's place in its queue is.
const (
	PriorityKept = "kept"
	PriorityLost = "lost"
)

// OrderAmended is an order as it is now. One that lost its priority goes through the book like a
// new one; its fills follow.
type OrderAmended struct {
	Order
	Price     string `json:"price,omitempty"`
	Remaining int64  `json:"remaining_quantity"`
	Priority  string `json:"priority"`
}

// OrdersCancelled closes a CANCEL_ALL, also one that found nothing.
type OrdersCancelled struct {
	Order       // without id and side
	Count int64 `json:"count"`
}

// PhaseChanged says in which phase a symbol is now.
type PhaseChanged struct {
	Symbol string `json:"symbol"`
	Phase  string `json:"phase"`
}

// TradeExecuted is one trade, at the maker's price. Its id is the symbol and the number of the
// trade in it, such as "AAPL-17".
type TradeExecuted struct {
	TradeID     string `json:"trade_id"`
	Symbol      string `json:"symbol"`
	Price       string `json:"price"`
	Quantity    int64  `json:"quantity"`
	BuyerID     string `json:"buyer_id"`
	SellerID    string `json:"seller_id"`
	BuyerOrder  string `json:"buyer_order"`
	SellerOrder string `json:"seller_order"`
	MakerOrder  string `json:"maker_order"`
	TakerOrder  string `json:"taker_order"`
	Aggressor   string `json:"aggressor"` // side of the taker
}

// BookChanged is what one command changed of the levels that everybody sees. Who applies all of a
// symbol has its depth; a gap in the sequence tells that one is missing.
type BookChanged struct {
	Symbol   string        `json:"symbol"`
	Sequence uint64        `json:"sequence"` // 1 for the first of the symbol
	Levels   []LevelChange `json:"levels"`   // in the order in which they changed
}

// LevelChange is a level as it is now; without orders it is gone.
type LevelChange struct {
	Side     string `json:"side"`
	Price    string `json:"price"`
	Quantity int64  `json:"quantity"`
	Orders   int64  `json:"orders"`
}

// EventType names the event on the wire.
func (OrderRejected) EventType() string { return "ORDER_REJECTED" }

// EventType names the event on the wire.
func (OrderQueued) EventType() string { return "ORDER_QUEUED" }

// EventType names the event on the wire.
func (OrderTriggered) EventType() string { return "ORDER_TRIGGERED" }

// EventType names the event on the wire.
func (OrderPartialFill) EventType() string { return "ORDER_PARTIAL_FILL" }

// EventType names the event on the wire.
func (OrderFilled) EventType() string { return "ORDER_FILLED" }

// EventType names the event on the wire.
func (OrderCancelled) EventType() string { return "ORDER_CANCELLED" }

// EventType names the event on the wire.
func (OrderAmended) EventType() string { return "ORDER_AMENDED" }

// EventType names the event on the wire.
func (OrdersCancelled) EventType() string { return "ORDERS_CANCELLED" }

// EventType names the event on the wire.
func (PhaseChanged) EventType() string { return "PHASE_CHANGED" }

// EventType names the event on the wire.
func (TradeExecuted) EventType() string { return "TRADE_EXECUTED" }

// EventType names the event on the wire.
func (BookChanged) EventType() string { return "BOOK_CHANGED" }

// EventKey is the symbol.
func (p PhaseChanged) EventKey() string { return keyOf(p.Symbol) }

// EventKey is the symbol.
func (t TradeExecuted) EventKey() string { return keyOf(t.Symbol) }

// EventKey is the symbol.
func (b BookChanged) EventKey() string { return keyOf(b.Symbol) }
