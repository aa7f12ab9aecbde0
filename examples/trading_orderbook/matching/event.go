package matching

// Kind says what an Event reports.
type Kind uint8

// The kinds of events. What the fields hold is said at each; Kind is always set, fields
// not named are zero. Events about one order, from Filled to Amended, also have its Trader, Symbol and
// Side. Left is always what the order still has open, reserve of an iceberg included.
const (
	// Trade: Order, Trader and Left of the taker; Maker, MakerTrader and MakerLeft of the resting
	// order, gone if MakerLeft is 0; Side of the taker; Price (the maker's), Qty, Trade, Symbol.
	Trade Kind = iota + 1
	// Filled: Order was filled on entry (or on re-entry by an amend or a trigger) and does not rest.
	// Qty is what traded now, Price its limit or 0 for none.
	Filled
	// Partial: some of Order traded now (Qty), Left is open and rests, unless a Cancelled follows or
	// self-trade prevention took the rest (then Left is 0). Price is its limit or 0 for none.
	Partial
	// Queued: nothing of Order traded, Left rests at Price.
	Queued
	// Parked: stop Order waits, Price is its trigger, Left its quantity.
	Parked
	// Triggered: stop Order leaves its park and runs; its own events follow. Price is its trigger.
	Triggered
	// Cancelled: Order lost Qty for Reason. Left is 0 and the order gone, but for a DECREMENT,
	// where Left may remain. Price is its limit or 0 for none.
	Cancelled
	// Amended: Order has Left open at Price now (0 for a STOP); Kept tells whether its priority was kept.
	Amended
	// Rejected: the command was refused for Reason and changed nothing. Order, Trader, Symbol as given.
	Rejected
	// CancelledAll closes a CancelAll: Trader, Symbol as given, Qty the number of orders taken out.
	CancelledAll
	// PhaseSet: Symbol is in Phase now.
	PhaseSet
	// Ticked closes a Tick: Price is the time, Qty the number of orders that expired.
	Ticked
)

// Reason says why a command was rejected or an order cancelled.
type Reason uint8

// The reasons. Their words are those of the replay protocol.
const (
	NoReason Reason = iota
	Malformed
	UnknownOp
	InvalidID
	InvalidTrader
	InvalidSymbol
	InvalidSide
	InvalidType
	InvalidTIF
	InvalidPrevention
	InvalidQty
	InvalidDisplay
	InvalidPrice
	InvalidTrigger
	OffTickReason
	InvalidTime
	InvalidPhase
	DuplicateID
	UnknownOrder
	NothingToAmend
	SymbolHalted
	SymbolCancelOnly
	FOKUnfillable
	PostOnlyWouldCross
	NoLiquidity
	User            // Cancelled: by a CancelOrder
	IOCRemainder    // Cancelled: what an IOC could not have at once
	MarketRemainder // Cancelled: what a MARKET could not have at once
	SelfTrade       // Cancelled: by self-trade prevention
	Expired         // Cancelled: by a Tick
	MassCancel      // Cancelled: by a CancelAll
)

// Event is one result. It has a fixed size and no pointers.
type Event struct {
	Trade       uint64 // number of the trade: 1, 2, 3.. over all symbols
	Order       OrderID
	Maker       OrderID
	Price       int64 // ticks
	Qty         int64 // lots
	Left        int64
	MakerLeft   int64
	Trader      TraderID
	MakerTrader TraderID
	Symbol      SymbolID
	Kind        Kind
	Reason      Reason
	Side        Side
	Phase       Phase
	Kept        bool
}
