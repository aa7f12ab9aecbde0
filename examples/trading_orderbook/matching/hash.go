package matching

import (
	"bufio"
	"crypto/sha256"
	"slices"
	"strconv"
	"strings"
)

// Hash returns the SHA-256 of what the engine holds, in the lines of rule R21. Two engines that
// hold the same have the same hash, whatever way led there.
func (e *Engine) Hash() [sha256.Size]byte {
	sum := sha256.New()
	w := &stateWriter{e: e, out: bufio.NewWriterSize(sum, 1<<15)}
	for _, id := range e.byName() {
		w.symbol(id)
	}
	if e.now != 0 {
		w.line("time", strconv.FormatInt(e.now, 10))
	}
	w.line("#" + strconv.FormatUint(e.trades, 10))
	_ = w.out.Flush() // a hash never fails
	return [sha256.Size]byte(sum.Sum(nil))
}

// byName returns the symbols in order of their names.
func (e *Engine) byName() []SymbolID {
	ids := make([]SymbolID, 0, len(e.books))
	for i := 1; i < len(e.books); i++ {
		ids = append(ids, SymbolID(i))
	}
	slices.SortFunc(ids, func(a, b SymbolID) int { return strings.Compare(e.specs[a].Name, e.specs[b].Name) })
	return ids
}

// stateWriter writes the lines of Hash.
type stateWriter struct {
	e    *Engine
	out  *bufio.Writer
	text []byte
}

func (w *stateWriter) symbol(id SymbolID) {
	name := w.e.specs[id].Name
	for _, side := range []Side{Buy, Sell} {
		for o := range w.e.Orders(id, side) {
			w.order(name, &o)
		}
	}
	parked := 0
	for o := range w.e.Stops(id) {
		w.stop(name, &o)
		parked++
	}
	b := &w.e.books[id]
	if parked > 0 {
		w.line("last", name, strconv.Itoa(int(b.last)))
	}
	if b.phase != Continuous {
		w.line("phase", name, b.phase.String())
	}
}

func (w *stateWriter) order(symbol string, o *Resting) {
	flag := "-"
	if o.TIF == PostOnly {
		flag = "P"
	}
	w.text = append(w.text[:0], symbol...)
	w.field(o.Side.String())
	w.number(o.Price)
	w.orderName(o.Order)
	w.number(o.Left)
	w.trader(o.Trader)
	w.field(flag)
	w.flush()
	w.more(o)
}

func (w *stateWriter) more(o *Resting) {
	if o.Display == 0 && o.TIF != GTD && o.Prevention == Allow {
		return
	}
	w.text = w.e.appendOrder(append(w.text[:0], '+'), o.Order)
	w.number(o.Shown)
	w.number(o.Display)
	w.number(o.Expiry)
	w.number(int64(o.Arrival))
	w.field(o.Prevention.String())
	w.flush()
}

func (w *stateWriter) stop(symbol string, o *Resting) {
	w.text = append(w.text[:0], "stop|"...)
	w.text = append(w.text, symbol...)
	w.field(o.Side.String())
	w.number(o.Trigger)
	w.number(o.Price)
	w.orderName(o.Order)
	w.number(o.Left)
	w.trader(o.Trader)
	w.field(o.TIF.String())
	w.flush()
	w.more(o)
}

func (w *stateWriter) line(fields ...string) {
	w.text = append(w.text[:0], strings.Join(fields, "|")...)
	w.flush()
}

func (w *stateWriter) field(s string) { w.text = append(append(w.text, '|'), s...) }

func (w *stateWriter) number(n int64) { w.text = strconv.AppendInt(append(w.text, '|'), n, 10) }

func (w *stateWriter) orderName(id OrderID) { w.text = w.e.appendOrder(append(w.text, '|'), id) }

func (w *stateWriter) trader(id TraderID) { w.text = w.e.appendTrader(append(w.text, '|'), id) }

func (w *stateWriter) flush() {
	w.text = append(w.text, '\n')
	_, _ = w.out.Write(w.text) // a hash never fails
}

// appendOrder appends the order's name, or its number where orders have no names.
func (e *Engine) appendOrder(dst []byte, id OrderID) []byte {
	if e.names == nil {
		return strconv.AppendUint(dst, uint64(id), 10)
	}
	return e.names.AppendOrder(dst, id)
}

func (e *Engine) appendTrader(dst []byte, id TraderID) []byte {
	if e.names == nil {
		return strconv.AppendUint(dst, uint64(id), 10)
	}
	return e.names.AppendTrader(dst, id)
}
