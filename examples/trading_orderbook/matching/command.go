package matching

// OrderID numbers an order. Zero names none. Two live orders never share a number,
// whatever their symbols.
type OrderID uint64

// TraderID numbers a trader. Zero names none.
type TraderID uint32

// SymbolID numbers a symbol of one engine, from 1 in the order of AddSymbol. Zero names none.
type SymbolID uint32

// Op is what a command asks for.
type Op uint8

// The operations. The zero Op is none of them and is rejected as UNKNOWN_OP.
const (
	NewOrder    Op = iota + 1 // enter an order
	CancelOrder               // take one order out
	AmendOrder                // change quantity, price or both of one order
	CancelAll                 // take out every order of a trader, of one symbol or of all
	SetPhase                  // change the phase of a symbol
	Tick                      // let time pass: orders good till a date expire
)

// Side of an order. The zero Side is invalid.
type Side uint8

// The two sides.
const (
	Buy Side = iota + 1
	Sell
)

// Opposite returns the other side.
func (s Side) Opposite() Side { return 3 - s }

// Type of an order. The zero Type is LIMIT.
type Type uint8

// The types. An iceberg is a LIMIT or STOP_LIMIT with Command.Display set.
const (
	Limit Type = iota
	Market
	Stop      // MARKET once the trigger is reached
	StopLimit // LIMIT once the trigger is reached
)

// TIF says how long an order stands and how it may take. The zero TIF is GTC.
type TIF uint8

// The times in force.
const (
	GTC      TIF = iota // until it is filled or cancelled
	IOC                 // what cannot be had at once is cancelled
	FOK                 // all at once or nothing
	PostOnly            // never takes
	GTD                 // until Command.Time, which a Tick must reach
)

// Prevention is what happens when an order meets one of the same trader. The taker's decides.
type Prevention uint8

// The modes of self-trade prevention.
const (
	Allow        Prevention = iota // they trade like any others
	CancelNewest                   // the taker's remainder is cancelled
	CancelOldest                   // the maker is cancelled, the taker goes on
	CancelBoth                     // both are cancelled
	Decrement                      // both lose the smaller quantity without a trade
)

// Phase of a symbol.
type Phase uint8

// The phases. A new symbol is Continuous.
const (
	Continuous Phase = iota
	CancelOnly       // orders may only leave
	Halted           // nothing but Tick, CancelAll and SetPhase
)

// OffTick stands for a price or trigger that is a sound decimal between two ticks. The edge that
// parses text puts it in Command so that OFF_TICK is reported in its place among the checks.
const OffTick = -1 << 63

// Command is one instruction to the engine, in numbers. It holds no pointers, and the engine keeps
// none to it. Fields that an operation does not name are ignored.
//
//	NewOrder    Order Trader Symbol Side Type TIF Qty, Price (LIMIT, STOP_LIMIT),
//	            Trigger (STOP, STOP_LIMIT), Display (icebergs), Time (GTD: expiry), Prevention
//	CancelOrder Order, Trader (0: anybody's)
//	AmendOrder  Order, Trader (0: anybody's), Qty if HasQty, Price if HasPrice
//	CancelAll   Trader, Symbol (0: all symbols)
//	SetPhase    Symbol Phase
//	Tick        Time
//
// A value that is not positive stands for one that could not be read (a price of NaN, a quantity
// of 1.5): it is rejected with the INVALID reason of its field.
type Command struct {
	Order      OrderID
	Price      int64 // ticks, or OffTick
	Qty        int64 // lots
	Display    int64 // lots shown of an iceberg; 0: everything is shown
	Trigger    int64 // ticks, or OffTick
	Time       int64 // unit and origin are the caller's; positive
	Trader     TraderID
	Symbol     SymbolID
	Op         Op
	Side       Side
	Type       Type
	TIF        TIF
	Prevention Prevention
	Phase      Phase
	HasQty     bool // AmendOrder: Qty is given
	HasPrice   bool // AmendOrder: Price is given
}
