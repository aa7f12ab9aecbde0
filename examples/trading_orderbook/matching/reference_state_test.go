package matching_test

import (
	"cmp"
	"crypto/sha256"
	"fmt"
	"slices"
	"strings"

	"github.com/necrostack/necrostack/examples/trading_orderbook/matching"
)

// resting is o as the engine is to show it.
func (o *refOrder) resting() matching.Resting {
	seen := matching.Resting{
		Order: o.id, Trader: o.trader, Symbol: o.symbol, Side: o.side, TIF: o.tif, Prevention: o.prevention,
		Price: o.price, Left: o.open, Shown: o.shown, Display: o.display, Filled: o.filled, Expiry: o.expiry,
	}
	if o.parked {
		seen.Type, seen.Trigger, seen.Shown = o.kind, o.trigger, o.open
	}
	if o.parked || o.tif == matching.GTD {
		seen.Arrival = uint64(o.arrival)
	}
	return seen
}

// hash is the state hash by rule R21.
func (r *reference) hash() [sha256.Size]byte { return sha256.Sum256([]byte(r.lines())) }

// lines are what the state hash is taken of.
func (r *reference) lines() string {
	books := slices.Clone(r.books)
	slices.SortFunc(books, func(a, b *refBook) int { return cmp.Compare(a.spec.Name, b.spec.Name) })
	var text strings.Builder
	for _, b := range books {
		b.lines(&text)
	}
	if r.now != 0 {
		fmt.Fprintf(&text, "time|%d\n", r.now)
	}
	fmt.Fprintf(&text, "#%d\n", r.trades)
	return text.String()
}

func (b *refBook) lines(text *strings.Builder) {
	for _, o := range slices.Concat(b.buys, b.sells) {
		flag := "-"
		if o.tif == matching.PostOnly {
			flag = "P"
		}
		fmt.Fprintf(text, "%s|%v|%d|%d|%d|%d|%s\n", b.spec.Name, o.side, o.price, o.id, o.open, o.trader, flag)
		o.more(text)
	}
	for _, o := range b.stops {
		fmt.Fprintf(text, "stop|%s|%v|%d|%d|%d|%d|%d|%v\n", b.spec.Name, o.side, o.trigger, o.price, o.id, o.open, o.trader, o.tif)
		o.more(text)
	}
	if len(b.stops) > 0 {
		fmt.Fprintf(text, "last|%s|%d\n", b.spec.Name, b.lastPrice)
	}
	if b.phase != matching.Continuous {
		fmt.Fprintf(text, "phase|%s|%v\n", b.spec.Name, b.phase)
	}
}

// more is the line of what a plain order does not have.
func (o *refOrder) more(text *strings.Builder) {
	if o.display == 0 && o.tif != matching.GTD && o.prevention == matching.Allow {
		return
	}
	seen := o.resting()
	fmt.Fprintf(text, "+%d|%d|%d|%d|%d|%v\n", o.id, seen.Shown, o.display, o.expiry, seen.Arrival, o.prevention)
}
