package matching

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
)

// ErrSnapshot is the error of Restore for bytes that are not a sound snapshot of such an engine.
var ErrSnapshot = errors.New("matching: snapshot")

// Restore replaces everything the engine holds by what the snapshot holds. The snapshot must have been
// made under the same Config, but for the feeds and the room. It is decoded and checked beside the
// engine first: after an error, which is an ErrSnapshot, the engine is what it was.
func (e *Engine) Restore(data []byte) error {
	fresh, err := decode(e.cfg, data)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrSnapshot, err)
	}
	if e.names != nil { // callers may hold on to the names
		*e.names = *fresh.names
		fresh.names = e.names
	}
	*e = *fresh
	return nil
}

func decode(cfg Config, data []byte) (*Engine, error) {
	if len(data) < headerSize+4 || string(data[:4]) != snapshotMagic {
		return nil, errors.New("no snapshot")
	}
	body, sum := data[:len(data)-4], binary.LittleEndian.Uint32(data[len(data)-4:])
	if got := crc32.Checksum(body, castagnoli); got != sum {
		return nil, fmt.Errorf("checksum %08x, computed %08x", sum, got)
	}
	e, err := New(cfg)
	if err != nil {
		return nil, err
	}
	d := &decoder{e: e, buf: body[4:]}
	if err := d.snapshot(); err != nil {
		return nil, err
	}
	if err := e.Verify(); err != nil {
		return nil, err
	}
	// What has two forms would let two engines differ that hold the same.
	if !bytes.Equal(e.Snapshot(), data) {
		return nil, errors.New("not in the form that Snapshot gives it")
	}
	return e, nil
}

// decoder reads a snapshot into a fresh engine. After the first error it reads zeros.
type decoder struct {
	e    *Engine
	buf  []byte
	err  error
	read uint64 // orders read
}

func (d *decoder) snapshot() error {
	e := d.e
	version, flags := d.u16(), d.u16()
	e.seq, e.trades, e.arrival = d.u64(), d.u64(), d.u64()
	hash := d.u64()
	e.now = d.i64()
	switch {
	case version != snapshotVersion:
		return fmt.Errorf("version %d, not %d", version, snapshotVersion)
	case flags != e.cfg.flags() || hash != e.cfg.hash():
		return fmt.Errorf("made under other rules: flags %b, hash %x", flags, hash)
	case e.now < 0:
		return fmt.Errorf("time %d", e.now)
	}
	d.names()
	d.symbols()
	if n := d.count(1); n != 0 {
		d.fail("window of %d commands", n)
	}
	if len(d.buf) > 0 {
		d.fail("%d bytes too many", len(d.buf))
	}
	return d.err
}

// names reads the three lists of names and spent ids.
func (d *decoder) names() {
	e := d.e
	for range d.count(3) {
		d.name(func(text []byte) uint32 { return uint32(e.names.Trader(text)) })
	}
	for range d.count(3) {
		id := d.name(func(text []byte) uint32 { return uint32(e.names.Order(text)) })
		if d.err == nil && e.spent != nil {
			e.spent.add(OrderID(id))
		}
	}
	last := OrderID(0)
	for range d.count(8) {
		id := OrderID(d.u64())
		if e.spent == nil || e.names != nil || id <= last {
			d.fail("spent id %d after %d", id, last)
			return
		}
		e.spent.add(id)
		last = id
	}
}

// name reads the next name of a list, which must be new in it.
func (d *decoder) name(give func([]byte) uint32) uint32 {
	text := d.text()
	if d.err != nil {
		return 0
	}
	if d.e.names == nil {
		d.fail("name %q of an engine without", text)
		return 0
	}
	n := &d.e.names.orders
	before := len(n.entries) + len(d.e.names.traders.entries)
	id := give(text)
	if id == 0 || len(n.entries)+len(d.e.names.traders.entries) == before {
		d.fail("name %q is empty or there twice", text)
	}
	return id
}

// symbols reads the symbols, which come by name, and gives them their numbers.
func (d *decoder) symbols() {
	e := d.e
	n := d.count(symbolSize)
	e.books = make([]book, n+1)
	e.specs = make([]Spec, n+1)
	for range n {
		id := d.u32()
		if d.err != nil {
			return
		}
		if id == 0 || int(id) > n || e.specs[id].Name != "" {
			d.fail("symbol number %d", id)
			return
		}
		d.symbol(SymbolID(id))
	}
}

// symbolSize is the least that a symbol takes.
const symbolSize = 4 + 2 + 1 + 4*8 + 1 + 2*8 + 3*4

func (d *decoder) symbol(id SymbolID) {
	e := d.e
	raw := Spec{Name: string(d.text()), Decimals: int(d.u8()), Step: d.i64(), Lot: d.i64(), MaxQty: d.i64(), MaxPrice: d.i64()}
	phase, last, reference := Phase(d.u8()), d.i64(), d.i64()
	spec, err := raw.normal()
	switch {
	case d.err != nil:
		return
	case err != nil:
		d.fail("%w", err)
	case spec != raw || phase > Halted || last < 0 || last > spec.MaxPrice || reference != 0:
		d.fail("symbol %q: phase %d, last price %d, reference %d", raw.Name, phase, last, reference)
	case e.symbols[spec.Name] != 0:
		d.fail("symbol %q is there twice", spec.Name)
	}
	if d.err != nil {
		return
	}
	e.symbols[spec.Name] = id
	e.specs[id] = spec
	e.books[id] = newBook(id, spec)
	e.books[id].phase, e.books[id].last = phase, int32(last)
	for range 3 {
		for range d.count(recordSize) {
			d.order(id)
		}
	}
}

// order reads one order and puts it in its place.
func (d *decoder) order(id SymbolID) {
	o := Resting{
		Order: OrderID(d.u64()), Trader: TraderID(d.u32()), Symbol: id,
		Side: Side(d.u8()), Type: Type(d.u8()), TIF: TIF(d.u8()), Prevention: Prevention(d.u8()),
		Price: d.i64(), Shown: d.i64(), Left: d.i64(), Filled: d.i64(),
		Display: d.i64(), Trigger: d.i64(), Arrival: d.u64(), Expiry: d.i64(),
	}
	if d.err != nil {
		return
	}
	reserve := o.Left
	d.read++
	if d.e.names != nil && uint64(o.Order) != d.read {
		d.fail("order %d has the name of order %d", d.read, o.Order)
		return
	}
	if err := d.e.sound(&o, reserve); err != nil {
		d.err = err
		return
	}
	o.Left = o.Shown + reserve
	d.e.put(&o)
}

func (d *decoder) fail(format string, args ...any) {
	if d.err == nil {
		d.err = fmt.Errorf(format, args...)
	}
}

func (d *decoder) take(n int) []byte {
	if d.err != nil || len(d.buf) < n {
		d.fail("ends too soon")
		return make([]byte, n)
	}
	b := d.buf[:n]
	d.buf = d.buf[n:]
	return b
}

func (d *decoder) u8() uint8   { return d.take(1)[0] }
func (d *decoder) u16() uint16 { return binary.LittleEndian.Uint16(d.take(2)) }
func (d *decoder) u32() uint32 { return binary.LittleEndian.Uint32(d.take(4)) }
func (d *decoder) u64() uint64 { return binary.LittleEndian.Uint64(d.take(8)) }
func (d *decoder) i64() int64  { return int64(d.u64()) }

func (d *decoder) text() []byte { return d.take(int(d.u16())) }

// count reads the length of a list whose elements take at least size bytes each.
func (d *decoder) count(size int) int {
	n := int(d.u32())
	if d.err == nil && n > len(d.buf)/size {
		d.fail("a list of %d elements in %d bytes", n, len(d.buf))
	}
	if d.err != nil {
		return 0
	}
	return n
}
