package matching

// ChangeKind says what a Change reports.
type ChangeKind uint8

// The kinds of changes.
const (
	// LevelChanged is the L2 delta (Config.L2): the level shows Qty in Count orders now. A Count of 0
	// removes the level. Stops and reserves are never shown.
	LevelChanged ChangeKind = iota + 1
	// OrderAdded is L3 (Config.L3): Order joined the tail of the level, showing Qty.
	OrderAdded
	// OrderChanged is L3: Order shows Qty now and kept its place.
	OrderChanged
	// OrderRemoved is L3: Order left the level.
	OrderRemoved
)

// Change is one change of what a book shows. Fields that its kind does not name are zero.
//
// It has four fields of few words each: such a value is written where it belongs. One with more would be
// built elsewhere and copied, and the copy would wait for every store before it, those to far memory included.
type Change struct {
	Order OrderID
	Qty   int64 // lots
	Count uint32
	Place
}

// Place is where a Change happened, and of what kind it is.
type Place struct {
	Kind   ChangeKind
	Side   Side
	Symbol SymbolID
	Price  int32 // ticks
}

// feed reports what happened to an order and to its level.
func (e *Engine) feed(k ChangeKind, o *order, lv *level, symbol SymbolID) {
	e.orderChanged(k, o, lv, symbol)
	e.levelChanged(symbol, o.side, lv)
}

// orderChanged is the L3 feed.
func (e *Engine) orderChanged(k ChangeKind, o *order, lv *level, symbol SymbolID) {
	if !e.l3 {
		return
	}
	shown := int64(o.open)
	if k == OrderRemoved {
		shown = 0
	}
	e.changes = append(e.changes, Change{o.id, shown, 0, Place{k, o.side, symbol, lv.price}})
}

// levelChanged is the L2 feed.
func (e *Engine) levelChanged(symbol SymbolID, side Side, lv *level) {
	if e.l2 {
		e.changes = append(e.changes, Change{0, lv.open, lv.count, Place{LevelChanged, side, symbol, lv.price}})
	}
}
