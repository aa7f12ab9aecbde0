// Package desk is a trading desk made of organs: it takes orders, matches them by price and time, settles
// the trades with a clearing house, keeps positions, watches limits and leaves an audit trail.
//
//	ORDER_SUBMITTED ─► ValidateOrder ─► ORDER_VALIDATED ─► MatchingEngine (a book per symbol)
//	                        │                                  │
//	                        ▼                                  ▼
//	                  ORDER_REJECTED      ORDER_QUEUED  ORDER_PARTIAL_FILL  ORDER_FILLED  ORDER_CANCELLED
//	                                      ORDER_AMENDED ORDER_TRIGGERED  ORDER_REJECTED  BOOK_CHANGED
//	                                      TRADE_EXECUTED ─► Settlement ─► SETTLEMENT_COMPLETE │ SETTLEMENT_FAILED
//	                                                                             │
//	      RISK_ALERT ◄─ RiskManager (per trader) ◄─ POSITION_CHANGED x 2 ◄─ Positions
//
//	AuditTrail hears every order, trade, settlement and alert event, and chains them per symbol.
//
// [New] makes a [Desk] of a [Config]; [Desk.Options] are its organs for a Spine. Everything is keyed by
// symbol, and POSITION_CHANGED by trader. The books are what package matching makes of them: its rules
// R1 to R21 hold, and its words are the reasons here.
//
// # One order
//
// ORDER_SUBMITTED is what somebody wrote. ValidateOrder says every reason against it in one
// ORDER_REJECTED, or makes it an ORDER_VALIDATED, which has one form. MatchingEngine steps the book
// of the symbol and emits what happened, in order and in one commit: for each trade a TRADE_EXECUTED
// and what it was to the maker, then what became of the taker, what its stops did, and one BOOK_CHANGED.
// The order id makes a command recognisable: an order sent again is rejected as DUPLICATE_ID, while it is
// live and for the next Config.RecentOrders orders of its symbol.
//
// Settlement sends up to 256 trades in a request, each under its effect key, so that the clearing house
// settles each once however often it is asked. While the house does not answer, the organ's breaker holds
// the trades back and the book goes on.
//
// # Queries
//
// With spine.Ask: [DepthOf] and [BookStateOf] of MatchingEngine by symbol, [AuditOf] of AuditTrail by
// symbol, [StatementOf] of RiskManager by trader.
//
// # Decisions
//
// Prices are decimals in events and ticks in the book, sums are [Money]: 128 bits, every addition checked.
// Alternative: int64, which a day of large trades overflows, or big.Int, which allocates and has no end.
// [New] refuses a symbol of which a million of the largest trades would not add up.
//
// The window of recent orders is kept beside the engine and not in it (matching.Config.IDsEver): that
// would grow for ever.
//
// The audit trail hashes its own binary form of a payload, not its JSON: that takes no reflection and no
// memory, and a field that JSON leaves out when it is empty is hashed all the same.
package desk
