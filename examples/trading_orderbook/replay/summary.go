package replay

import (
	"bufio"
	"cmp"
	"encoding/hex"
	"io"
	"slices"

	"github.com/necrostack/necrostack/examples/trading_orderbook/matching"
)

// Totals are what the end line counts and the engine does not.
type Totals struct {
	Commands int64
	Traded   int64 // quantity
}

// WriteEnd writes the book lines and the end line. Errors are those of out.
func (p *Printer) WriteEnd(out io.Writer, totals Totals) error {
	buffered := bufio.NewWriter(out)
	for _, symbol := range p.symbols() {
		p.writeLevels(buffered, symbol, matching.Buy)
		p.writeLevels(buffered, symbol, matching.Sell)
	}
	buffered.Write(p.appendEnd(nil, totals))
	return buffered.Flush()
}

// symbols are all that were ever named, in alphabetical order.
func (p *Printer) symbols() []matching.SymbolID {
	found := make([]matching.SymbolID, p.engine.Symbols())
	for i := range found {
		found[i] = matching.SymbolID(i + 1)
	}
	slices.SortFunc(found, func(a, b matching.SymbolID) int {
		return cmp.Compare(p.engine.Spec(a).Name, p.engine.Spec(b).Name)
	})
	return found
}

// writeLevels writes one line per price, best first. The writer remembers its
// first error for Flush.
func (p *Printer) writeLevels(out *bufio.Writer, symbol matching.SymbolID, side matching.Side) {
	var line []byte
	price := int64(0)
	for o := range p.engine.Orders(symbol, side) {
		if o.Price == price {
			line = append(line, ',')
		} else {
			out.Write(closeLevel(line))
			price = o.Price
			line = p.appendLevel(line[:0], symbol, side, price)
		}
		line = append(line, '[')
		line = appendText(line, p.order(o.Order))
		line = append(line, ',')
		line = appendInt(line, o.Left)
		line = append(line, ']')
	}
	out.Write(closeLevel(line))
}

// appendLevel begins the line of a level, up to its first order.
func (p *Printer) appendLevel(to []byte, symbol matching.SymbolID, side matching.Side, price int64) []byte {
	to = append(to, `{"type":"book"`...)
	to = textMember(to, "symbol", p.engine.Spec(symbol).Name)
	to = textMember(to, "side", side.String())
	to = appendPrice(to, price)
	return append(member(to, "orders"), '[')
}

func closeLevel(line []byte) []byte {
	if len(line) == 0 {
		return nil
	}
	return append(line, "]}\n"...)
}

func (p *Printer) appendEnd(to []byte, totals Totals) []byte {
	hash := p.engine.Hash()
	to = append(to, `{"type":"end"`...)
	to = intMember(to, "commands", totals.Commands)
	to = intMember(to, "trades", int64(p.engine.Trades()))
	to = intMember(to, "traded_qty", totals.Traded)
	to = intMember(to, "live_orders", int64(p.engine.Live()))
	to = textMember(to, "hash", hex.EncodeToString(hash[:]))
	return append(to, "}\n"...)
}
