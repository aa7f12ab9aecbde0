package matching

import (
	"errors"
	"fmt"
	"slices"
)

// Config is what an engine is made with. Its zero value is a bare engine by the default rules.
type Config struct {
	AmendTotal bool // R8: the quantity of an amend is the new total
	IDsEver    bool // R10: the id of an accepted order is never free again; memory grows by 16 bytes and more an order
	Named      bool // orders and traders have names, see Engine.Names
	L2         bool // LevelChanged among the changes
	L3         bool // OrderAdded, OrderChanged and OrderRemoved among them
	Orders     int  // live orders to make room for at once; more are no mistake
}

// maxOrders bounds Config.Orders; live orders are bounded by memory alone.
const maxOrders = 1 << 28

// keptEvents is the room for events that outlives a command, and half of that for changes. A command makes at
// most about three of each for an order that it touches; one that sweeps a whole book needs more room, once.
const keptEvents = 1 << 16

// Engine holds the books of its symbols. It must not be used by two goroutines at once; everything
// it returns by slice or iterator is its own memory and good until the next Apply or Restore.
type Engine struct {
	arena
	pages
	index   index
	books   []book // by SymbolID; 0 is none
	events  []Event
	changes []Change // of what the books show
	names   *Names   // nil unless Config.Named
	expiry  expiries
	elected []uint32 // stops that run in this round
	symbols map[string]SymbolID
	specs   []Spec
	spent   *spent // nil unless Config.IDsEver
	cfg     Config
	again   Command // of an order that runs again, see taker
	seq     uint64
	trades  uint64
	arrival uint64
	now     int64
	waits   int    // parked stops
	warmed  uint32 // what Warm read, so that its reads have a purpose
	l2, l3  bool
}

// New returns an engine without symbols.
func New(cfg Config) (*Engine, error) {
	if cfg.Orders < 0 || cfg.Orders > maxOrders {
		return nil, fmt.Errorf("matching: room for orders %d not in 0..%d", cfg.Orders, maxOrders)
	}
	e := &Engine{
		arena:   newArena(cfg.Orders),
		pages:   newPages(),
		index:   newIndex(cfg.Orders),
		books:   make([]book, 1),
		specs:   make([]Spec, 1),
		symbols: map[string]SymbolID{},
		events:  make([]Event, 0, 64),
		cfg:     cfg,
		l2:      cfg.L2,
		l3:      cfg.L3,
	}
	if cfg.Named {
		e.names = newNames()
	}
	if cfg.IDsEver {
		e.spent = newSpent()
	}
	return e, nil
}

// ErrSymbol is the error of AddSymbol for a name that is there already.
var ErrSymbol = errors.New("matching: symbol is there already")

// AddSymbol opens an empty book in the Continuous phase.
func (e *Engine) AddSymbol(spec Spec) (SymbolID, error) {
	spec, err := spec.normal()
	if err != nil {
		return 0, err
	}
	if _, there := e.symbols[spec.Name]; there {
		return 0, fmt.Errorf("%w: %q", ErrSymbol, spec.Name)
	}
	id := SymbolID(len(e.books))
	e.books = append(e.books, newBook(id, spec))
	e.specs = append(e.specs, spec)
	e.symbols[spec.Name] = id
	return id, nil
}

// Apply carries one command out. It never fails: a command that cannot be carried out leaves one
// Rejected event and changes nothing else. It does not allocate, but for growth of its tables.
func (e *Engine) Apply(c *Command) {
	e.clearEvents()
	if cap(e.events) > keptEvents+eventRoom || cap(e.changes) > 2*keptEvents {
		e.resizeEvents()
	}
	switch c.Op {
	case NewOrder:
		e.enter(c)
	case CancelOrder:
		e.cancel(c)
	case AmendOrder:
		e.amend(c)
	case CancelAll:
		e.cancelAll(c)
	case SetPhase:
		e.setPhase(c)
	case Tick:
		e.tick(c)
	default:
		e.reject(c, UnknownOp)
	}
}

// Events returns what the last Apply did, in order. The slice is reused by the next one.
func (e *Engine) Events() []Event { return e.events }

// Changes returns how the last Apply changed what the books show, in order; nothing without Config.L2 and
// Config.L3. The slice is reused by the next one.
func (e *Engine) Changes() []Change { return e.changes }

// Names returns the names of orders and traders, nil for an engine without.
func (e *Engine) Names() *Names { return e.names }

func (e *Engine) clearEvents() {
	e.seq += uint64(len(e.events) + len(e.changes))
	e.events = e.events[:0]
	e.changes = e.changes[:0]
}

// resizeEvents gives the room back that a command needed which swept a whole book.
//
//go:noinline
func (e *Engine) resizeEvents() {
	e.events, e.changes = make([]Event, 0, keptEvents), make([]Change, 0, keptEvents)
}

// eventRoom is more than what a command can report between two calls of room.
const eventRoom = 16

// room makes sure that the next events fit. Every command begins with it, and every loop that reports
// something calls it each time round.
func (e *Engine) room() {
	if cap(e.events)-len(e.events) < eventRoom {
		e.growEvents()
	}
}

// growEvents stays out of line, as all growth on the way of a command does: what is inlined
// everywhere should be small.
//
//go:noinline
func (e *Engine) growEvents() { e.events = slices.Grow(e.events, cap(e.events)+eventRoom) }

// event returns the next event to be filled in, cleared but for its kind.
func (e *Engine) event(k Kind) *Event {
	n := len(e.events)
	e.events = e.events[:n+1]
	ev := &e.events[n]
	// A literal with this field would be built elsewhere and copied, and the copy would wait for
	// every store before it, those to far memory included.
	*ev = Event{}
	ev.Kind = k
	return ev
}

func (e *Engine) reject(c *Command, why Reason) {
	ev := e.event(Rejected)
	ev.Order, ev.Trader, ev.Symbol, ev.Reason = c.Order, c.Trader, c.Symbol, why
	if e.names != nil && c.Op == NewOrder && !e.known(c.Order) {
		e.names.retire(c.Order)
	}
}

// known tells whether the id of a new order is taken.
func (e *Engine) known(id OrderID) bool {
	return e.index.get(hashOf(id), id, e.orders) != 0 || e.spent != nil && e.spent.has(id)
}

// bookOf returns the book of a symbol, nil for none. The pointer is good until AddSymbol.
func (e *Engine) bookOf(id SymbolID) *book {
	if id == 0 || int(id) >= len(e.books) {
		return nil
	}
	return &e.books[id]
}
