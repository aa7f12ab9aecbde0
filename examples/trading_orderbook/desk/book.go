package desk

import (
	"encoding/binary"
	"fmt"
	"time"

	"github.com/necrostack/necrostack/actors"
	"github.com/necrostack/necrostack/examples/trading_orderbook/matching"
)

// book is the state of MatchingEngine for one symbol. Beside what Snapshot holds it has only what
// saves work: texts that it has printed before, and memory to work in.
type book struct {
	engine   *matching.Engine
	rules    rules
	recent   recent
	sequence uint64 // of BOOK_CHANGED

	spec    matching.Spec
	symbol  matching.SymbolID // 0: the desk does not trade it
	prices  priceTexts
	orders  []string // names of live orders by number; "" is not known
	traders []string // the same of traders
	command matching.Command
	asked   string // the order that it names
	scratch []byte

	payloads []actors.Payload // slabs, see cut
	levels   []LevelChange
}

// rules are what a book is made with, beside the spec of its symbol.
type rules struct {
	engine matching.Config
	recent int // orders that are remembered; 0 is none
}

// newMatching is the organ. Its cells match the orders of one symbol each.
func newMatching(specs map[string]matching.Spec, r rules) *actors.Keyed[book] {
	fresh := func(key string) *book { return newBook(specs[key], r) }
	return actors.NewKeyed(MatchingEngine, fresh,
		actors.Step((*book).step),
		actors.OnCellFailed[book](func(ev actors.EventOf[OrderValidated], f actors.Failure) []actors.Payload {
			return actors.Emit(failedAt((*Command)(&ev.Payload), MatchingEngine, f))
		}),
		actors.Answer((*book).depth),
		actors.Answer((*book).state))
}

// newBook makes the book of a symbol; with the zero spec it is one that refuses every order.
func newBook(spec matching.Spec, r rules) *book {
	engine, err := matching.New(r.engine)
	if err != nil {
		panic(err) // these settings are sound
	}
	b := &book{engine: engine, rules: r, recent: newRecent(r.recent), spec: spec}
	if spec.Name != "" {
		if b.symbol, err = engine.AddSymbol(spec); err != nil {
			panic(err) // New has tried this spec
		}
		b.spec = engine.Spec(b.symbol)
	}
	return b
}

// step carries one command out.
func (b *book) step(ev actors.EventOf[OrderValidated]) ([]actors.Payload, error) {
	p := (*Command)(&ev.Payload)
	fresh := p.Action == ActionNew || p.Action == ""
	mark := uint64(0)
	if fresh {
		// An order that is sent again must not even get a number: it may be live under one.
		if mark = markOf(p.OrderID); b.recent.has(mark) {
			return actors.Emit(b.rejected(p, matching.DuplicateID)), nil
		}
	}
	b.decode(p)
	b.engine.Apply(&b.command)
	events := b.engine.Events()
	if fresh && events[0].Kind != matching.Rejected {
		b.recent.add(mark)
	}
	return b.report(p, events, b.engine.Changes()), nil
}

// decode turns p into the command. What it cannot read becomes a number that the engine refuses.
func (b *book) decode(p *Command) {
	b.command = matching.Command{Symbol: b.symbol}
	b.asked = p.OrderID
	c := &b.command
	switch p.Action {
	case ActionNew, "":
		b.decodeNew(p)
	case ActionCancel:
		c.Op = matching.CancelOrder
		b.find(p)
	case ActionAmend:
		c.Op = matching.AmendOrder
		b.find(p)
		c.HasQty, c.HasPrice = p.Quantity != 0, p.Price != ""
		c.Qty, c.Price = b.lots(p.Quantity), b.ticks(p.Price)
	case ActionCancelAll:
		c.Op, c.Trader = matching.CancelAll, b.trader(p.TraderID)
	case ActionSetPhase:
		c.Op, c.Phase = matching.SetPhase, wordOr(matching.ParsePhase, p.Phase, unknown)
	case ActionTick:
		c.Op, c.Time = matching.Tick, timeOf(p.Time)
	}
}

func (b *book) decodeNew(p *Command) {
	c := &b.command
	c.Op = matching.NewOrder
	c.Trader = b.trader(p.TraderID)
	c.Order = b.engine.Names().Order([]byte(p.OrderID))
	b.orders = named(b.orders, uint32(c.Order), p.OrderID)
	c.Side = wordOr(matching.ParseSide, p.Side, 0)
	c.Type = wordOr(matching.ParseType, p.OrderType, unknown)
	c.TIF = wordOr(matching.ParseTIF, p.TIF, unknown)
	c.Qty, c.Price = b.lots(p.Quantity), b.ticks(p.Price)
	if p.Prevention != "" {
		c.Prevention = wordOr(matching.ParsePrevention, p.Prevention, unknown)
	}
	if p.Display != 0 {
		c.Display = max(b.lots(p.Display), -1)
	}
	if p.Trigger != "" {
		c.Trigger = b.ticks(p.Trigger)
	}
	if p.Time != "" {
		c.Time = timeOf(p.Time)
	}
}

// unknown is in no list of the engine's words.
const unknown = 0xff

// find names the order of a cancel or an amend. A trader whom the engine does not know owns nothing.
func (b *book) find(p *Command) {
	names := b.engine.Names()
	b.command.Order = names.FindOrder([]byte(p.OrderID))
	if p.TraderID == "" {
		return
	}
	if b.command.Trader = names.FindTrader([]byte(p.TraderID)); b.command.Trader == 0 {
		b.command.Order = 0
	}
}

func (b *book) trader(name string) matching.TraderID {
	id := b.engine.Names().Trader([]byte(name))
	b.traders = named(b.traders, uint32(id), name)
	return id
}

// named sets the name of a number; 0 has none.
func named(names []string, id uint32, name string) []string {
	if id == 0 {
		return names
	}
	for uint32(len(names)) <= id {
		names = append(names, "")
	}
	names[id] = name
	return names
}

// lots is -1 for what is no quantity of the symbol.
func (b *book) lots(q Quantity) int64 {
	lots, ok := b.spec.Lots(int64(q))
	if !ok {
		return -1
	}
	return lots
}

func (b *book) ticks(d Decimal) int64 {
	ticks, _ := b.spec.ParsePrice([]byte(d))
	return ticks
}

// wordOr reads a word with one of the engine's functions.
func wordOr[T ~uint8](read func([]byte) (T, bool), text string, other T) T {
	if v, ok := read([]byte(text)); ok {
		return v
	}
	return other
}

// timeOf is the time of a command in microseconds, 0 for none.
func timeOf(text string) int64 {
	at, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		return 0
	}
	return at.UnixMicro()
}

const bookVersion = 1

// MarshalBinary implements encoding.BinaryMarshaler: version, sequence, recent orders, and the
// engine's own snapshot, which has its checksum.
func (b *book) MarshalBinary() ([]byte, error) {
	data := make([]byte, 0, 1+8+4+8*len(b.recent.ring)+b.engine.SnapshotSize())
	data = append(data, bookVersion)
	data = binary.LittleEndian.AppendUint64(data, b.sequence)
	data = b.recent.appendTo(data)
	return b.engine.AppendSnapshot(data), nil
}

// UnmarshalBinary implements encoding.BinaryUnmarshaler. The book must be a fresh one of the same symbol;
// after an error it is what it was.
func (b *book) UnmarshalBinary(data []byte) error {
	if len(data) < 9 || data[0] != bookVersion {
		return fmt.Errorf("desk: book %q: %d bytes that do not begin with version %d", b.spec.Name, len(data), bookVersion)
	}
	window, rest, err := readRecent(data[9:], b.recent.limit)
	if err != nil {
		return fmt.Errorf("desk: book %q: %w", b.spec.Name, err)
	}
	restored := newBook(b.spec, b.rules)
	if err := restored.engine.Restore(rest); err != nil {
		return fmt.Errorf("desk: book %q: %w", b.spec.Name, err)
	}
	if got := restored.engine.Spec(b.symbol); got != b.spec {
		return fmt.Errorf("desk: book %q was kept as %+v, and the desk trades %+v", b.spec.Name, got, b.spec)
	}
	restored.recent = window
	restored.sequence = binary.LittleEndian.Uint64(data[1:])
	*b = *restored
	return nil
}
