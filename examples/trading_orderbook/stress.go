package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/necrostack/necrostack/actors"
	"github.com/necrostack/necrostack/examples/console"
	"github.com/necrostack/necrostack/examples/trading_orderbook/desk"
)

// stress trades random orders as fast as it can, and then holds the books of account of all sides
// against each other.
func (a *app) stress(ctx context.Context) error {
	o := a.options
	a.printHead(fmt.Sprintf("%s in %s, seed %d", console.Plural(o.orders, "random order"), console.Plural(o.symbols, "symbol"), o.seed))
	bar := console.NewProgress(a.out, o.orders, a.floor.record.done)
	began := time.Now()
	w := a.floor.open(ctx)
	err := a.publishRandom(ctx)
	var matched time.Duration
	if err == nil {
		matched = a.matched(ctx, w, began)
		err = a.await(ctx, w)
	}
	took := time.Since(began)
	bar.Stop()
	seen, errSeen := a.look(ctx)
	err = a.interrupted(ctx, errors.Join(err, errSeen, w.close()))
	err = errors.Join(a.printReport(seen), err)
	if err != nil {
		return err
	}
	a.printPace(matched, took)
	return a.balance(seen)
}

func (a *app) publishRandom(ctx context.Context) error {
	g := newGenerator(a.options.seed, a.floor.desk.Symbols())
	if a.options.store.Durable() {
		g.tag = newTag() + "-" // the ids of earlier runs are taken
	}
	chunk := make([]actors.Payload, 0, publishChunk)
	for i := range a.options.orders {
		chunk = append(chunk, g.next())
		if len(chunk) < publishChunk && i+1 < a.options.orders {
			continue
		}
		if _, err := a.floor.spine.Publish(ctx, chunk...); err != nil {
			return err
		}
		chunk = make([]actors.Payload, 0, publishChunk) // what was published is the Spine's
	}
	return nil
}

// matched waits until all commands are through the book, however long settlement takes.
func (a *app) matched(ctx context.Context, w *work, began time.Time) time.Duration {
	tick := time.NewTicker(glance)
	defer tick.Stop()
	for a.floor.record.done() < a.options.orders {
		select {
		case <-ctx.Done():
			return time.Since(began)
		case <-w.ended:
			return time.Since(began)
		case <-tick.C:
		}
	}
	return time.Since(began)
}

func (a *app) printPace(matched, took time.Duration) {
	_, events := a.floor.record.counted()
	a.printf("Matched in %s, %s orders/s; all settled and booked in %s, %s events/s.\n", console.Short(matched), rate(a.options.orders, matched),
		console.Short(took), rate(events, took))
}

func rate(n int, took time.Duration) string {
	return console.Grouped(int(float64(n) / max(took.Seconds(), 1e-9)))
}

// errBalance reports books that do not agree.
var errBalance = errors.New("the books do not agree")

// balance checks that nothing was lost, nothing was made up and nothing happened twice.
func (a *app) balance(s sight) error {
	books := a.floor.record.books()
	t, err := books.total()
	if err != nil {
		return err
	}
	var wrong []error
	equal := func(what string, got, want int) {
		if got != want {
			wrong = append(wrong, fmt.Errorf("%w: %s: %s, want %s", errBalance, what, console.Grouped(got), console.Grouped(want)))
		}
	}
	types, _ := a.floor.record.counted()
	equal("orders submitted", types[desk.OrderSubmitted{}.EventType()], a.options.orders)
	equal("orders that the desk is through with", books.Commands, a.options.orders)
	equal("rejected, filled, cancelled and resting", t.Rejected+t.Filled+t.Cancelled+s.resting(), t.Orders+a.earlier.seen.resting())
	equal("bought", int(t.Bought), int(t.Traded))
	equal("sold", int(t.Sold), int(t.Traded))
	equal("settled and failed", t.Settled+t.Failed, t.Trades)
	none, repeated := books.settlements()
	equal("trades without a last word", none, 0)
	equal("trades with more than one", repeated, 0)
	letters, _, err := a.floor.letters.Count(context.Background())
	equal("dead letters", letters-a.earlier.letters, t.Failed)
	a.balanceBooks(s, equal)
	if a.house != nil {
		equal("trades settled by the clearing house", a.house.Tally().Settled, t.Settled)
	}
	if err := errors.Join(append(wrong, err)...); err != nil {
		return err
	}
	a.printf("The books agree: bought = sold = traded (%s),\norders = rejected + filled + cancelled + resting (%s),\n"+
		"each of %s settled once or a dead letter.\n", console.Grouped(int(t.Traded)), console.Grouped(t.Orders), console.Plural(t.Trades, "trade"))
	return nil
}

// balanceBooks compares the cells with the events that they have emitted.
func (a *app) balanceBooks(s sight, equal func(what string, got, want int)) {
	books := a.floor.record.books()
	for _, b := range s.books {
		symbol := b.depth.Symbol
		equal(symbol+": trades of the book", int(b.state.Trades-a.earlier.seen.of(symbol).Trades), cmp.Or(books.Symbols[symbol], &turnover{}).Trades)
		equal(symbol+": depth that the feed does not have", console.Count(!b.agrees), 0)
		shown := 0
		for _, side := range [][]desk.Level{b.depth.Bids, b.depth.Asks} {
			for _, level := range side {
				shown += int(level.Orders)
			}
		}
		equal(symbol+": orders in the depth", shown, b.state.Live)
	}
	for _, x := range s.audits {
		equal(x.symbol+": audit chains that differ", console.Count(!x.agrees), 0)
	}
}
