package replay

import "unicode/utf8"

// fields are the values of one command line, not yet judged.
type fields struct {
	op, id, trader, symbol value
	side, kind, tif        value
	qty, price             value
	scan                   scanner
}

// read reports whether line is one JSON object in which no key of a command
// stands twice. Keys that no command has are passed over. The values point into
// line and into f, until the next read.
func (f *fields) read(line []byte) bool {
	*f = fields{scan: f.scan}
	f.scan.reset(line)
	if !utf8.Valid(line) {
		return false
	}
	f.scan.space()
	if !f.scan.object(0, f.set) {
		return false
	}
	f.scan.space()
	return f.scan.at == len(line)
}

// set refuses a second value for a key: of two quantities none is the right one.
func (f *fields) set(key []byte, v value) bool {
	to := f.named(key)
	if to == nil {
		return true
	}
	if to.kind != absent {
		return false
	}
	*to = v
	return true
}

// named returns the field of a key, nil for a key that commands do not have.
func (f *fields) named(key []byte) *value {
	switch string(key) {
	case "op":
		return &f.op
	case "id":
		return &f.id
	case "trader":
		return &f.trader
	case "symbol":
		return &f.symbol
	case "side":
		return &f.side
	case "type":
		return &f.kind
	case "tif":
		return &f.tif
	case "qty":
		return &f.qty
	case "price":
		return &f.price
	default:
		return nil
	}
}
