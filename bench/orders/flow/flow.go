// Package flow makes the orders that order books are measured with: limits that rest, cancels, and
// aggressors that trade, around a middle that drifts. The same seed makes the same orders on every
// machine, and a slow book of its own tells what every correct one must come to.
//
// Of 100 operations 60 are limits that rest, at a distance from the middle of 40 ticks on average, 30 are
// cancels, three in a hundred of them of an order that is gone, and 10 are limits of five times the
// size that reach 3 or 200 ticks into the other side.
package flow

import "math/rand/v2"

// Kind is what an Op does.
type Kind uint8

// The kinds of operations.
const (
	Cancel Kind = iota
	Buy
	Sell
)

// Op is one operation: a limit order, or the cancel of one. Orders are numbered 1, 2, 3..
type Op struct {
	ID     uint32 // a Cancel has that of the order it is about, and nothing else
	Price  int32  // ticks, below Width
	Qty    int32
	Trader uint16 // 1 to Traders
	Kind   Kind
}

// Bounds of what is in an Op.
const (
	Width   = 1 << 14
	Traders = 64
)

// Totals are what a correct book comes to by the same operations.
type Totals struct {
	Traded   int64 `json:"traded"`   // quantity
	Notional int64 `json:"notional"` // ticks x quantity
	Trades   int64 `json:"trades"`
	Refused  int64 `json:"refused"` // cancels of orders that are gone; may be NotKnown
	Resting  int   `json:"resting"` // orders in the book at the end
}

// NotKnown stands for a total that nobody has counted.
const NotKnown = -1

// Agrees reports whether a book has come to t. What t does not know, it may have come to.
func (t Totals) Agrees(book Totals) bool {
	if t.Refused == NotKnown {
		t.Refused = book.Refused
	}
	return t == book
}

// Config says which orders to make.
type Config struct {
	Seed uint64
	// Live bounds the orders that rest: with so many, a cancel comes in place of the next that would. 0 is no
	// bound, and the book grows by seven orders in a hundred operations.
	Live int
}

// Stream makes one operation after another. It is for one goroutine.
type Stream struct {
	config Config
	rng    *rand.Rand
	mid    int32
	made   int
	next   uint32
	book   book
	totals Totals
}

// What the orders are like.
const (
	middle     = Width / 2
	roam       = Width / 4 // how far the middle drifts away, at most
	step       = 200       // operations between two moves of the middle
	distance   = 40        // ticks, on average
	farthest   = 500
	size       = 100 // quantities are 1 to size
	aggression = 5   // times the size
	near, deep = 3, 200
)

// New returns a stream at its beginning.
func New(c Config) *Stream {
	return &Stream{config: c, rng: rand.New(rand.NewPCG(c.Seed, 0)), mid: middle, book: newBook()}
}

// Passive returns an order that rests, whatever Config.Live says: to fill a book with.
func (s *Stream) Passive() Op {
	away := 1 + min(int32(s.rng.ExpFloat64()*distance), farthest-1)
	op := s.order(1)
	op.Price = s.mid + away
	if op.Kind == Buy {
		op.Price = s.mid - away
	}
	return s.enter(op)
}

// Next returns the next operation.
func (s *Stream) Next() Op {
	if s.made++; s.made%step == 0 {
		s.drift()
	}
	dice := s.rng.IntN(100)
	full := s.config.Live > 0 && len(s.book.live) >= s.config.Live
	switch {
	case dice < 60 && !full:
		return s.Passive()
	case dice < 90 && len(s.book.live) > 0:
		return s.cancel()
	default:
		return s.aggressor()
	}
}

// drift moves the middle by a tick, and never out of where prices fit.
func (s *Stream) drift() {
	mid := s.mid + s.rng.Int32N(3) - 1
	if mid >= middle-roam && mid <= middle+roam {
		s.mid = mid
	}
}

func (s *Stream) order(times int32) Op {
	s.next++
	return Op{
		ID: s.next, Qty: (1 + s.rng.Int32N(size)) * times, Trader: uint16(1 + s.rng.IntN(Traders)),
		Kind: Buy + Kind(s.rng.IntN(2)),
	}
}

func (s *Stream) aggressor() Op {
	op := s.order(aggression)
	reach := int32(near)
	if s.rng.IntN(2) == 0 {
		reach = deep
	}
	op.Price = s.mid - reach
	if op.Kind == Buy {
		op.Price = s.mid + reach
	}
	return s.enter(op)
}

// cancel names an order that rests, or now and then one of those that went last.
func (s *Stream) cancel() Op {
	if gone := &s.book.gone; s.rng.IntN(100) < 3 && gone.n > 0 {
		s.totals.Refused++
		return Op{ID: gone.at(s.rng.IntN(min(gone.n, len(gone.ids))))}
	}
	slot := s.book.live[s.rng.IntN(len(s.book.live))]
	id := s.book.orders[slot].id
	s.book.remove(slot)
	return Op{ID: id}
}

func (s *Stream) enter(op Op) Op {
	s.book.enter(op, &s.totals)
	return op
}

// Totals are those of all operations so far.
func (s *Stream) Totals() Totals {
	t := s.totals
	t.Resting = len(s.book.live)
	return t
}

// Recording is a piece of a stream.
type Recording struct {
	Fill []Op // fills the book first
	Ops  []Op
	Want Totals // of Ops in the filled book; Resting is of both
}

// Record returns the first fill and ops operations of a stream.
func Record(c Config, fill, ops int) Recording {
	s := New(c)
	r := Recording{Fill: make([]Op, fill), Ops: make([]Op, ops)}
	for i := range r.Fill {
		r.Fill[i] = s.Passive()
	}
	before := s.totals
	for i := range r.Ops {
		r.Ops[i] = s.Next()
	}
	r.Want = s.Totals().minus(before)
	return r
}

// minus takes off what there was before; orders that rest are still there.
func (t Totals) minus(before Totals) Totals {
	t.Traded -= before.Traded
	t.Notional -= before.Notional
	t.Trades -= before.Trades
	t.Refused -= before.Refused
	return t
}
