package main

import (
	"context"
	"sync"

	"github.com/necrostack/necrostack/actors"
	"github.com/necrostack/necrostack/examples/trading_orderbook/desk"
)

// organMarketData is the organ that feeds a feed.
const organMarketData = "MarketData"

// feed is a read model of all books, made of BOOK_CHANGED alone: what somebody outside sees, who never
// asks a book, unless he comes when it is open already. Safe for concurrent use.
type feed struct {
	// depth asks a book. It is called for the first event of a symbol that is not its book's first.
	depth func(ctx context.Context, symbol string) (desk.Depth, error)
	late  bool // books may have been open before it
	part  bool // it hears of a book only while that is in this process

	mu    sync.Mutex
	books map[string]*feedBook
}

// feedBook is one symbol.
type feedBook struct {
	sequence uint64
	gaps     int // events that did not follow the one before
	levels   map[levelKey]desk.Level
}

type levelKey struct{ side, price string }

func newFeed() *feed { return &feed{books: map[string]*feedBook{}} }

// join begins with what the book is at now. What has led to it is then known, and skipped.
func (f *feed) join(ctx context.Context, symbol string) error {
	d, err := f.depth(ctx, symbol)
	if err != nil {
		return err
	}
	b := &feedBook{sequence: d.Sequence, levels: map[levelKey]desk.Level{}}
	for side, levels := range map[string][]desk.Level{"BUY": d.Bids, "SELL": d.Asks} {
		for _, l := range levels {
			b.levels[levelKey{side, l.Price}] = l
		}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.books[symbol] = b
	return nil
}

func (f *feed) knows(symbol string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.books[symbol] != nil
}

func (f *feed) organ() actors.Organ {
	return actors.NewOrgan(organMarketData, actors.Sink(func(ctx context.Context, ev actors.EventOf[desk.BookChanged]) error {
		if ev.Payload.Sequence > 1 && !f.knows(ev.Payload.Symbol) {
			if err := f.join(ctx, ev.Payload.Symbol); err != nil {
				return err
			}
		}
		f.change(&ev.Payload)
		return nil
	}))
}

// change applies one event; one that was applied before changes nothing.
func (f *feed) change(c *desk.BookChanged) {
	f.mu.Lock()
	defer f.mu.Unlock()
	b := f.books[c.Symbol]
	if b == nil {
		b = &feedBook{levels: map[levelKey]desk.Level{}}
		f.books[c.Symbol] = b
	}
	if c.Sequence <= b.sequence {
		return
	}
	if c.Sequence != b.sequence+1 {
		b.gaps++
	}
	b.sequence = c.Sequence
	for _, l := range c.Levels {
		key := levelKey{l.Side, l.Price}
		if l.Orders == 0 {
			delete(b.levels, key)
			continue
		}
		b.levels[key] = desk.Level{Price: l.Price, Quantity: l.Quantity, Orders: l.Orders}
	}
}

// agrees reports whether the feed has the depth that the book itself tells. Of a book that was open
// before and has not changed since a late feed knows nothing, and nothing against it.
func (f *feed) agrees(d desk.Depth) bool {
	if f.part {
		return true // what it has may be of the past
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	b := f.books[d.Symbol]
	if b == nil {
		return f.late || d.Sequence == 0
	}
	if b.gaps > 0 || b.sequence != d.Sequence || len(b.levels) != len(d.Bids)+len(d.Asks) {
		return false
	}
	for side, levels := range map[string][]desk.Level{"BUY": d.Bids, "SELL": d.Asks} {
		for _, l := range levels {
			if b.levels[levelKey{side, l.Price}] != l {
				return false
			}
		}
	}
	return true
}
