package replay

import (
	"strconv"

	"github.com/necrostack/necrostack/examples/trading_orderbook/matching"
)

// invalid is in no list of words. The engine answers it with the reason of its
// field, in the order of the checks.
const invalid = 0xff

// Decoder turns lines into commands. The zero value is ready for use, by one
// goroutine at a time.
type Decoder struct {
	fields fields
}

// Decode reads the command in line into c, for an engine with names. It returns
// the id as the line gives it, which is valid until the next call, and a reason
// if the command is not even for the engine to refuse: MALFORMED, UNKNOWN_OP, or
// INVALID_ID where there is none. Else c must be applied before the next call,
// since the names it stands for are only lent to it. A line that is nil is
// MALFORMED.
func (d *Decoder) Decode(engine *matching.Engine, line []byte, c *matching.Command) (id []byte, why matching.Reason) {
	if !d.fields.read(line) {
		return nil, matching.Malformed
	}
	if d.fields.id.kind == text {
		id = d.fields.id.text
	}
	return id, d.fields.decode(engine, c)
}

// decode turns the fields into a command for engine, or says why that cannot be.
// Names that engine has not met yet are made known to it. What is wrong with a
// single field is left for the engine to say, since other checks may come first.
func (f *fields) decode(engine *matching.Engine, c *matching.Command) matching.Reason {
	*c = matching.Command{}
	switch op, _ := f.op.word(); op {
	case "new":
		c.Op = matching.NewOrder
	case "cancel":
		c.Op = matching.CancelOrder
	case "amend":
		c.Op = matching.AmendOrder
	default:
		return matching.UnknownOp
	}
	if !f.id.named() {
		return matching.InvalidID
	}
	if c.Op == matching.NewOrder {
		f.decodeNew(engine, c)
	} else {
		f.decodeChange(engine, c)
	}
	return matching.NoReason
}

func (f *fields) decodeNew(engine *matching.Engine, c *matching.Command) {
	c.Order = engine.Names().Order(f.id.text)
	if f.trader.named() {
		c.Trader = engine.Names().Trader(f.trader.text)
	}
	c.Symbol = f.symbol.symbol(engine)
	c.Side = f.side.side()
	c.Type, c.TIF = f.instruction()
	c.Qty = f.qty.lots()
	c.Price = f.price.ticks()
}

// decodeChange decodes a cancel or an amend. A trader whom the engine does not
// know owns nothing, and order 0 is nobody's.
func (f *fields) decodeChange(engine *matching.Engine, c *matching.Command) {
	c.Order = engine.Names().FindOrder(f.id.text)
	if f.trader.given() {
		if f.trader.named() {
			c.Trader = engine.Names().FindTrader(f.trader.text)
		}
		if c.Trader == 0 {
			c.Order = 0
		}
	}
	c.HasQty, c.HasPrice = f.qty.given(), f.price.given()
	c.Qty = f.qty.lots()
	c.Price = f.price.ticks()
}

// instruction reads type and tif together: a shorthand type is a LIMIT order
// that says its tif already, and may say only the same one again.
func (f *fields) instruction() (matching.Type, matching.TIF) {
	tif, known := tifOf(f.tif)
	switch word, given := f.kind.word(); {
	case !given, word == "LIMIT":
		return matching.Limit, tif
	case word == "MARKET":
		return matching.Market, tif
	case word == "IOC", word == "FOK", word == "POST_ONLY":
		short, _ := tifOf(f.kind)
		if known && (tif == matching.GTC || tif == short) {
			return matching.Limit, short
		}
		return matching.Limit, invalid
	default:
		return invalid, tif
	}
}

func tifOf(v value) (tif matching.TIF, known bool) {
	switch word, given := v.word(); {
	case !given, word == "GTC":
		return matching.GTC, true
	case word == "IOC":
		return matching.IOC, true
	case word == "FOK":
		return matching.FOK, true
	case word == "POST_ONLY":
		return matching.PostOnly, true
	default:
		return invalid, false
	}
}

// word is the text of a string; of anything else that was given it is the empty
// one, which no list of words has.
func (v value) word() (word string, given bool) {
	if v.kind != text {
		return "", v.given()
	}
	return string(v.text), true
}

// named reports whether v can name an order, a trader or a symbol.
func (v value) named() bool { return v.kind == text && len(v.text) > 0 }

func (v value) symbol(engine *matching.Engine) matching.SymbolID {
	if !v.named() {
		return 0
	}
	if known := engine.Symbol(v.text); known != 0 {
		return known
	}
	id, err := engine.AddSymbol(matching.DefaultSpec(string(v.text)))
	if err != nil {
		return 0 // Too long a name, which makes it an invalid symbol.
	}
	return id
}

func (v value) side() matching.Side {
	switch word, _ := v.word(); word {
	case "BUY":
		return matching.Buy
	case "SELL":
		return matching.Sell
	default:
		return 0
	}
}

// lots is 0 for what is no quantity.
func (v value) lots() int64 {
	if v.kind != integer {
		return 0
	}
	n, err := strconv.ParseInt(string(v.text), 10, 64)
	if err != nil {
		return 0
	}
	return n
}

// priceSpec has the ticks of every symbol of the protocol.
var priceSpec = matching.DefaultSpec("any")

// ticks is 0 for what is no price. A float is none: binary floating point is
// never money.
func (v value) ticks() int64 {
	if v.kind != text && v.kind != integer {
		return 0
	}
	switch ticks, reason := priceSpec.ParsePrice(v.text); reason {
	case matching.NoReason:
		return ticks
	case matching.OffTickReason:
		return matching.OffTick
	default:
		return 0
	}
}
