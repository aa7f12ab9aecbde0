package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/necrostack/necrostack/examples/trading_orderbook/desk"
	"github.com/necrostack/necrostack/spine"
)

// sight is what the cells of the desk say of themselves at one moment.
type sight struct {
	books  []book    // of symbols that have had an order, by name
	audits []audited // by symbol
}

// book is one symbol.
type book struct {
	depth  desk.Depth
	state  desk.BookState
	agrees bool // the depth is what the feed has
}

// resting is how many orders are live.
func (s sight) resting() (n int) {
	for _, b := range s.books {
		n += b.state.Live + b.state.Parked
	}
	return n
}

// of returns the state of a symbol's book, the zero value where nobody has seen one.
func (s sight) of(symbol string) desk.BookState {
	for _, b := range s.books {
		if b.depth.Symbol == symbol {
			return b.state
		}
	}
	return desk.BookState{}
}

// look asks all cells. A desk that stops, because ctx has ended, is not asked.
func (a *app) look(ctx context.Context) (sight, error) {
	var s sight
	if ctx.Err() != nil {
		return s, nil
	}
	for _, symbol := range a.floor.desk.Symbols() {
		b, err := a.bookOf(ctx, symbol)
		switch {
		case errors.Is(err, spine.ErrNoCell):
		case err != nil:
			return s, unlessEnded(ctx, err)
		default:
			s.books = append(s.books, b)
		}
	}
	var err error
	s.audits, err = a.floor.audit.compare(ctx, a.floor.spine)
	return s, unlessEnded(ctx, err)
}

func unlessEnded(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return nil
	}
	return err
}

// bookOf asks for one book; the error wraps spine.ErrNoCell when it has had no order.
func (a *app) bookOf(ctx context.Context, symbol string) (b book, err error) {
	if b.depth, err = a.floor.depth(ctx, symbol); err != nil {
		return b, err
	}
	b.agrees = a.floor.feed.agrees(b.depth)
	b.state, err = spine.Ask[desk.BookState](ctx, a.floor.spine, desk.MatchingEngine, symbol, desk.BookStateOf{})
	if err != nil {
		return b, fmt.Errorf("state of %q: %w", symbol, err)
	}
	return b, nil
}
