// Package matching is a limit order book with price-time priority: a plain value that turns one
// command after another into events. It has no clock, no randomness, no goroutine and no lock; the
// same commands give the same events on every machine.
//
// One [Engine] holds the books of any number of symbols and belongs to one goroutine at a time.
// [Engine.Apply] takes a [Command] and leaves what happened in [Engine.Events], and for those who follow
// the book what it shows differently in [Engine.Changes]. Prices are whole ticks, quantities whole lots,
// orders and traders numbers; [Spec] parses and prints decimals exactly, [Names] turns texts into
// numbers and back.
//
// # Rules
//
// R1 to R12 are the rules of every order book of this project; the engine keeps them to the letter.
//
//	R1  Price first, then time. Time is when the order joined its present queue.
//	R2  A taker trades at each maker's own price, best price first, while its limit allows.
//	R3  LIMIT GTC: the remainder rests at its limit.
//	R4  IOC: the remainder is cancelled (IOC_REMAINDER), also when nothing was filled.
//	R5  FOK: if the whole quantity cannot be had now within the limit it is rejected
//	    FOK_UNFILLABLE and nothing trades. Otherwise it is filled completely.
//	R6  POST_ONLY: if it would trade at all it is rejected POST_ONLY_WOULD_CROSS, else it rests.
//	    A touching price counts as trading, whoever owns the orders there.
//	R7  MARKET: no limit; the remainder is cancelled (MARKET_REMAINDER). With an empty opposite
//	    side: rejected NO_LIQUIDITY. MARKET with FOK: R5 without a limit.
//	R8  Amend: the new quantity is the new open quantity, or with Config.AmendTotal the new total
//	    including what was filled since the order first rested (a total that is not more than
//	    that: INVALID_QTY). Same price and no more open quantity: priority kept. Otherwise the
//	    order leaves its queue, is matched like a new one under its id, and what remains joins
//	    the tail. A post-only order amended to a price that would trade: rejected
//	    POST_ONLY_WOULD_CROSS.
//	R9  Cancel or amend of an id that is not live, or by a trader who is not the owner:
//	    rejected UNKNOWN_ORDER.
//	    An id of 0 is never live.
//	R10 The id of a live order cannot be used again (DUPLICATE_ID); once the order is gone it is
//	    free, unless Config.IDsEver: then the id of an accepted order never is.
//	R11 Self-trades are allowed unless the taker's mode says otherwise (R17).
//	R12 A rejected command changes nothing.
//
// What they leave open:
//
//	R13 Checks. The first that fails names the reason.
//	    New: INVALID_ID (0), INVALID_TRADER (0), INVALID_SYMBOL, INVALID_SIDE, INVALID_TYPE,
//	    INVALID_TIF, INVALID_PREVENTION, INVALID_QTY, INVALID_DISPLAY, INVALID_PRICE, OFF_TICK
//	    (price), INVALID_TRIGGER, OFF_TICK (trigger), INVALID_TIME, DUPLICATE_ID, phase (R18),
//	    then FOK_UNFILLABLE, POST_ONLY_WOULD_CROSS, NO_LIQUIDITY.
//	    Cancel: INVALID_ID cannot happen (0 is unknown); UNKNOWN_ORDER, phase.
//	    Amend: UNKNOWN_ORDER, INVALID_QTY, INVALID_PRICE, OFF_TICK, NOTHING_TO_AMEND, phase,
//	    POST_ONLY_WOULD_CROSS.
//	    CancelAll: INVALID_TRADER (0), INVALID_SYMBOL (not 0 and not known).
//	    SetPhase: INVALID_SYMBOL, INVALID_PHASE. Tick: INVALID_TIME. Any other Op: UNKNOWN_OP.
//	    Quantities are 1 to Spec.MaxQty, prices and triggers 1 to Spec.MaxPrice. MARKET and STOP
//	    ignore the price; LIMIT and MARKET ignore the trigger; only GTD reads the time.
//	    LIMIT and STOP_LIMIT take every TIF. MARKET takes GTC, IOC (the same) and FOK; STOP takes
//	    those and GTD, which limits its waiting and means GTC once it runs.
//	R14 Stops. A STOP or STOP_LIMIT is parked until the last trade price of its symbol is at or
//	    above (buy) or at or below (sell) its trigger; without a trade yet it waits. If that holds
//	    on entry the command is treated as MARKET or LIMIT at once, rejections included; if
//	    accepted, a Triggered event comes first. Otherwise it is answered by Parked.
//	    When a command has ended with all its events, and it traded, every parked stop of the
//	    symbol whose condition holds for the last trade price leaves its park, and these run one
//	    after the other in order of arrival, each with Triggered and then the events of a MARKET
//	    or LIMIT order; once all of them have run the parked stops are looked at again, until
//	    none's condition holds. A stop is not looked at again while those of its round run, and
//	    one that left its park runs even if the price has moved away since. Where an entering
//	    order would be rejected (R5, R6, R7) a running stop is Cancelled with that reason.
//	    A parked stop is live: it can be cancelled, and amended in quantity and (STOP_LIMIT)
//	    price; it stays parked and keeps its arrival (Kept is true). A price for a STOP is
//	    INVALID_PRICE. Its trigger cannot be amended. It takes no part in R5, R6 and R7.
//	    An arrival number is given to each accepted new order and kept through amends.
//	R15 Icebergs. Display, where not 0, is 1 to Qty and needs a LIMIT or STOP_LIMIT with GTC,
//	    GTD or POST_ONLY; else INVALID_DISPLAY. It has at most MaxSlices slices: a Qty above
//	    MaxSlices x Display is INVALID_DISPLAY, an amend to more open quantity than that
//	    INVALID_QTY. An iceberg takes with its whole quantity. Where it
//	    rests, the smaller of Display and its remainder is shown, the rest is reserve. When the
//	    shown part is gone and reserve is left, the next slice, again the smaller of Display
//	    and the reserve, joins the tail of the same level at once, so a taker meets it again after
//	    the others there. Each slice is one trade. FOK, crossing and all remaining quantities
//	    count the reserve, L2 and L3 never do. An amend that keeps priority takes from the reserve
//	    first; one that loses it shows a slice afresh. For a parked stop an amend below Display
//	    leaves Display as it is.
//	R16 Time. It starts at 0 and only a Tick moves it: to Command.Time, which must be positive and
//	    not before the present time (INVALID_TIME). A GTD order must expire after the present time
//	    (INVALID_TIME). A Tick cancels (EXPIRED) every live order, resting or parked, whose time
//	    is at or before the new time, in order of (that time, arrival), and then says Ticked.
//	R17 Self-trade prevention. Only where taker and maker have the same trader, and by the mode of
//	    the taker alone (an amended order or a running stop brings its own), at the moment the
//	    maker is the next to trade:
//	    CANCEL_NEWEST: the taker's remainder is cancelled (SELF_TRADE) and does not rest.
//	    CANCEL_OLDEST: the maker is cancelled (SELF_TRADE), reserve included; the taker goes on.
//	    CANCEL_BOTH: the maker is cancelled, then the taker's remainder.
//	    DECREMENT: both lose the smaller of the taker's remainder and the maker's shown part,
//	    without a trade: Cancelled (SELF_TRADE) of that quantity for the maker, then for the
//	    taker, each with what is Left. Nothing left: gone (a maker with reserve shows its next
//	    slice). The taker goes on.
//	    Cancels of makers stand among the trades where they happened; the cancel of the taker's
//	    remainder comes last, after Partial if something traded. A taker that DECREMENT brought to
//	    nothing gets Partial with Left 0 if something traded, and no further line if nothing did.
//	    MARKET with prevention and only own orders opposite is not NO_LIQUIDITY.
//	    FOK: under CANCEL_OLDEST own orders do not count (reserves of others do). Under the other
//	    three it is FOK_UNFILLABLE if an own order would be next before the whole quantity is
//	    had. The reserve of an iceberg ahead of the own order in the same level is behind it.
//	R18 Phases. CONTINUOUS: everything. CANCEL_ONLY: New and Amend are rejected
//	    SYMBOL_CANCEL_ONLY. HALTED: New, Amend and Cancel are rejected SYMBOL_HALTED. Tick and
//	    CancelAll work in every phase: a kill switch that a halt disarms is none. A phase may be
//	    set to what it is. Stops do not run because of a change of phase.
//	R19 CancelAll takes out (MASS_CANCEL), symbol by symbol in the order in which they were added,
//	    the trader's BUY orders best first and in priority order, then SELL orders, then parked
//	    stops in order of arrival; then it says CancelledAll, also when there was nothing.
//	R20 Events. In one command: [Amended or Triggered] trades [Filled, Partial or Queued]
//	    [Cancelled], then what its stops did (R14). Changes of what the book shows are told apart
//	    from them, in the order in which they happened: of each maker as it traded, one LevelChanged
//	    after the last change that a sweep makes to a level, OrderAdded and LevelChanged for an
//	    order that rests. An iceberg that shows its next slice is removed and added in L3.
//	R21 State. [Engine.Hash] is the SHA-256 of lines that end in a newline. For each symbol in order
//	    of its name, its BUY orders in priority order and then its SELL orders:
//	        symbol|side|price-in-ticks|id|remaining|trader|flag
//	    with the flag P for post-only and - for all others, and directly after an order with a
//	    display, GTD, or a prevention other than ALLOW:
//	        +id|shown|display|expiry|arrival|prevention
//	    (arrival is 0 unless it is GTD). Then its parked stops in order of arrival, each with
//	    its "+" line by the same condition (there shown is all of it and arrival always set):
//	        stop|symbol|side|trigger|price|id|remaining|trader|tif
//	    (price 0 for a STOP). If there are any: last|symbol|last-trade-price (0: none yet). If the
//	    phase is not CONTINUOUS: phase|symbol|phase. After all symbols, if the time is not 0:
//	    time|now. At the end: #trades. Words as printed by the String methods; numbers decimal, and
//	    so are id and trader where the engine has no names. A book of plain orders has the hash of
//	    the replay protocol. Outside the hash, though they decide what comes: what orders have
//	    filled (under Config.AmendTotal), the last price while no stop waits for it, spent ids, and
//	    the numbers of the next arrival and event. [Engine.Snapshot] has them all.
package matching
