package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/necrostack/necrostack/examples/console"
	"github.com/necrostack/necrostack/examples/trading_orderbook/desk"
	"github.com/necrostack/necrostack/examples/trading_orderbook/matching"
)

// Sizes of a ladder.
const (
	barCells      = 20
	ladderRows    = 10 // of each side
	ladderRowsFew = 5  // of each side, where there are many books
)

// ladderHead names the columns of all ladders.
var ladderHead = fmt.Sprintf("%10s %12s %*s │ price  │ %-*s %-12s %s", "orders", "quantity", barCells, "bids", barCells, "asks", "quantity", "orders")

// ladder is a book as a picture: sells above, buys below, the best prices meet in the middle.
type ladder struct {
	depth  desk.Depth
	spec   matching.Spec
	rows   int // of each side
	colour palette
}

// draw returns its lines.
func (l ladder) draw() []string {
	lines := []string{l.head()}
	bids, asks := l.depth.Bids, l.depth.Asks
	if len(bids)+len(asks) == 0 {
		return append(lines, "      nobody offers anything")
	}
	shown := bids[:min(len(bids), l.rows)]
	offered := asks[:min(len(asks), l.rows)]
	most, width := int64(1), 0
	for _, x := range slices.Concat(shown, offered) {
		most, width = max(most, x.Quantity), max(width, len(x.Price))
	}
	if more := len(asks) - len(offered); more > 0 {
		lines = append(lines, l.row(nil, strings.Repeat(" ", width), l.colour.dim(fmt.Sprintf("… %d more above", more))))
	}
	for _, x := range slices.Backward(offered) {
		lines = append(lines, l.row(nil, pad(x.Price, width), l.ask(x, most)))
	}
	lines = append(lines, "      "+strings.Repeat(" ", bidWidth)+" ├"+strings.Repeat("─", width+2)+"┤")
	for _, x := range shown {
		lines = append(lines, l.row(&x, pad(x.Price, width), "", most))
	}
	if more := len(bids) - len(shown); more > 0 {
		lines = append(lines, "      "+strings.Repeat(" ", bidWidth-14)+l.colour.dim(fmt.Sprintf("%14s", fmt.Sprintf("%d more below", more))))
	}
	return lines
}

// head is the symbol and what there is to say in one line.
func (l ladder) head() string {
	parts := []string{l.colour.bold(pad(l.depth.Symbol, 8))}
	if l.depth.Last != "" {
		parts = append(parts, "last "+l.depth.Last)
	}
	if spread, ok := l.spread(); ok {
		parts = append(parts, "spread "+spread)
	}
	if l.depth.Phase != matching.Continuous.String() {
		parts = append(parts, l.colour.yellow(l.depth.Phase))
	}
	return "  " + strings.TrimRight(strings.Join(parts, "   "), " ")
}

// spread is the distance of the best prices.
func (l ladder) spread() (string, bool) {
	if len(l.depth.Bids) == 0 || len(l.depth.Asks) == 0 {
		return "", false
	}
	bid, _ := l.spec.ParsePrice([]byte(l.depth.Bids[0].Price))
	ask, _ := l.spec.ParsePrice([]byte(l.depth.Asks[0].Price))
	return string(l.spec.AppendPrice(nil, ask-bid)), true
}

// bidWidth is that of the left half: orders, quantity, bar.
const bidWidth = 4 + 1 + 12 + 1 + barCells

// row is one price with its two halves; a bid is drawn for a scale of so much at most.
func (l ladder) row(bid *desk.Level, price, ask string, most ...int64) string {
	left := strings.Repeat(" ", bidWidth)
	if bid != nil {
		bar := strings.Repeat("█", barLength(bid.Quantity, most[0]))
		left = l.colour.dim(fmt.Sprintf("%4d", bid.Orders)) + fmt.Sprintf(" %12s ", console.Grouped(int(bid.Quantity))) +
			l.colour.green(strings.Repeat(" ", barCells-console.Length(bar))+bar)
	}
	return strings.TrimRight("      "+left+" │ "+price+" │ "+ask, " ")
}

// ask is the right half: bar, quantity, orders.
func (l ladder) ask(x desk.Level, most int64) string {
	bar := strings.Repeat("█", barLength(x.Quantity, most))
	return l.colour.red(bar+strings.Repeat(" ", barCells-console.Length(bar))) + fmt.Sprintf(" %-12s", console.Grouped(int(x.Quantity))) +
		" " + l.colour.dim(fmt.Sprint(x.Orders))
}

// barLength is that of a bar in cells, at least 1: who offers something is seen. In floats, since
// quantities times cells may overflow; it is a picture.
func barLength(quantity, most int64) int {
	return max(1, int(float64(quantity)/float64(most)*barCells))
}

// pad fills text with blanks up to n characters.
func pad(text string, n int) string {
	return text + strings.Repeat(" ", max(0, n-console.Length(text)))
}
