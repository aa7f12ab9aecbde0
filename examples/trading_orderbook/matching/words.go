package matching

// The words of commands and events, as texts and back. Words are case-sensitive.
var (
	sideWords       = []string{Buy: "BUY", Sell: "SELL"}
	typeWords       = []string{Limit: "LIMIT", Market: "MARKET", Stop: "STOP", StopLimit: "STOP_LIMIT"}
	tifWords        = []string{GTC: "GTC", IOC: "IOC", FOK: "FOK", PostOnly: "POST_ONLY", GTD: "GTD"}
	preventionWords = []string{
		Allow: "ALLOW", CancelNewest: "CANCEL_NEWEST", CancelOldest: "CANCEL_OLDEST",
		CancelBoth: "CANCEL_BOTH", Decrement: "DECREMENT",
	}
	phaseWords = []string{Continuous: "CONTINUOUS", CancelOnly: "CANCEL_ONLY", Halted: "HALTED"}
	opWords    = []string{
		NewOrder: "NEW", CancelOrder: "CANCEL", AmendOrder: "AMEND", CancelAll: "CANCEL_ALL", SetPhase: "SET_PHASE", Tick: "TICK",
	}
	kindWords = []string{
		Trade: "TRADE", Filled: "FILLED", Partial: "PARTIAL", Queued: "QUEUED", Parked: "PARKED",
		Triggered: "TRIGGERED", Cancelled: "CANCELLED", Amended: "AMENDED", Rejected: "REJECTED",
		CancelledAll: "CANCELLED_ALL", PhaseSet: "PHASE_SET", Ticked: "TICKED",
	}
	changeWords = []string{
		LevelChanged: "LEVEL_CHANGED", OrderAdded: "ORDER_ADDED", OrderChanged: "ORDER_CHANGED", OrderRemoved: "ORDER_REMOVED",
	}
	reasonWords = []string{
		NoReason: "NONE", Malformed: "MALFORMED", UnknownOp: "UNKNOWN_OP", InvalidID: "INVALID_ID",
		InvalidTrader: "INVALID_TRADER", InvalidSymbol: "INVALID_SYMBOL", InvalidSide: "INVALID_SIDE",
		InvalidType: "INVALID_TYPE", InvalidTIF: "INVALID_TIF", InvalidPrevention: "INVALID_PREVENTION",
		InvalidQty: "INVALID_QTY", InvalidDisplay: "INVALID_DISPLAY", InvalidPrice: "INVALID_PRICE",
		InvalidTrigger: "INVALID_TRIGGER", OffTickReason: "OFF_TICK", InvalidTime: "INVALID_TIME",
		InvalidPhase: "INVALID_PHASE", DuplicateID: "DUPLICATE_ID", UnknownOrder: "UNKNOWN_ORDER",
		NothingToAmend: "NOTHING_TO_AMEND", SymbolHalted: "SYMBOL_HALTED", SymbolCancelOnly: "SYMBOL_CANCEL_ONLY",
		FOKUnfillable: "FOK_UNFILLABLE", PostOnlyWouldCross: "POST_ONLY_WOULD_CROSS", NoLiquidity: "NO_LIQUIDITY",
		User: "USER", IOCRemainder: "IOC_REMAINDER", MarketRemainder: "MARKET_REMAINDER",
		SelfTrade: "SELF_TRADE", Expired: "EXPIRED", MassCancel: "MASS_CANCEL",
	}
)

// String returns the word, UNKNOWN for a value that has none.
func (s Side) String() string       { return word(sideWords, uint8(s)) }
func (t Type) String() string       { return word(typeWords, uint8(t)) }
func (f TIF) String() string        { return word(tifWords, uint8(f)) }
func (p Prevention) String() string { return word(preventionWords, uint8(p)) }
func (p Phase) String() string      { return word(phaseWords, uint8(p)) }
func (o Op) String() string         { return word(opWords, uint8(o)) }
func (k Kind) String() string       { return word(kindWords, uint8(k)) }
func (k ChangeKind) String() string { return word(changeWords, uint8(k)) }
func (r Reason) String() string     { return word(reasonWords, uint8(r)) }

// ParseSide reads BUY or SELL.
func ParseSide(text []byte) (Side, bool) { return parse[Side](sideWords, text) }

// ParseType reads the word of a Type.
func ParseType(text []byte) (Type, bool) { return parse[Type](typeWords, text) }

// ParseTIF reads the word of a TIF.
func ParseTIF(text []byte) (TIF, bool) { return parse[TIF](tifWords, text) }

// ParsePrevention reads the word of a Prevention.
func ParsePrevention(text []byte) (Prevention, bool) { return parse[Prevention](preventionWords, text) }

// ParsePhase reads the word of a Phase.
func ParsePhase(text []byte) (Phase, bool) { return parse[Phase](phaseWords, text) }

func word(words []string, i uint8) string {
	if int(i) >= len(words) || words[i] == "" {
		return "UNKNOWN"
	}
	return words[i]
}

func parse[T ~uint8](words []string, text []byte) (T, bool) {
	for i, w := range words {
		if w != "" && w == string(text) {
			return T(i), true
		}
	}
	return 0, false
}
