package matching

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"hash/crc32"
	"hash/fnv"
	"slices"
)

// The form of a snapshot, little-endian; texts have a length of 16 bits in front, lists a count of 32:
//
//	"NSOB" version u16, flags u16, seq u64, trades u64, arrivals u64, config hash u64, time i64
//	list of trader names by number       (empty without names)
//	list of order names                  (live orders as they follow, then spent ones sorted)
//	list of spent ids u64, ascending     (Config.IDsEver without names)
//	list of symbols by name: number u32, name, decimals u8, step, lot, max qty, max price i64,
//	    phase u8, last price i64, reference price i64 (0), then three lists of orders: BUY and SELL in
//	    priority order, parked stops in order of arrival
//	window of repeated commands: a list, empty in this version
//	CRC-32C of all before, u32
//
// An order: id or place of its name in the list from 1 u64, trader u32, side, type, tif, prevention
// u8; price, shown, reserve, filled, display, trigger i64, arrival u64, expiry i64. Its priority is
// its place.
const (
	snapshotMagic   = "NSOB"
	snapshotVersion = 1
	headerSize      = 4 + 2 + 2 + 5*8
	recordSize      = 8 + 4 + 4 + 8*8
)

const (
	flagNamed = 1 << iota
	flagIDsEver
	flagAmendTotal
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Snapshot returns everything that decides what the engine will do, and nothing else: two engines with
// the same snapshot go on alike. The events of the last Apply are not part of it.
func (e *Engine) Snapshot() []byte { return e.AppendSnapshot(make([]byte, 0, e.SnapshotSize())) }

// SnapshotSize returns about how many bytes Snapshot has, rather more than less.
func (e *Engine) SnapshotSize() int {
	size := headerSize + 256 + recordSize*e.index.n
	if e.names != nil {
		size += usualName * (e.index.n + len(e.names.traders.entries))
	}
	return size
}

// usualName is what most names take up at most: UUIDs do not, and make the snapshot grow once.
const usualName = 2 + 22

// AppendSnapshot appends the Snapshot.
func (e *Engine) AppendSnapshot(dst []byte) []byte {
	begin := len(dst)
	w := &encoder{buf: append(dst, snapshotMagic...)}
	w.u16(snapshotVersion)
	w.u16(e.cfg.flags())
	w.u64(e.Seq())
	w.u64(e.trades)
	w.u64(e.arrival)
	w.u64(e.cfg.hash())
	w.i64(e.now)
	e.encodeNames(w)
	ids := e.byName()
	w.count(len(ids))
	place := uint64(0)
	for _, id := range ids {
		place = e.encodeSymbol(w, id, place)
	}
	w.count(0)
	return binary.LittleEndian.AppendUint32(w.buf, crc32.Checksum(w.buf[begin:], castagnoli))
}

func (c Config) flags() (flags uint16) {
	if c.Named {
		flags |= flagNamed
	}
	if c.IDsEver {
		flags |= flagIDsEver
	}
	if c.AmendTotal {
		flags |= flagAmendTotal
	}
	return flags
}

// hash names the rules by which the snapshot was made: the flags and the limits of every symbol.
func (c Config) hash() uint64 {
	sum := fnv.New64a()
	_ = binary.Write(sum, binary.LittleEndian, []uint64{snapshotVersion, uint64(c.flags()), MaxQty, MaxPrice}) // never fails
	return sum.Sum64()
}

func (e *Engine) encodeNames(w *encoder) {
	if e.names == nil {
		w.count(0)
		w.count(0)
		e.encodeSpent(w)
		return
	}
	traders := &e.names.traders
	w.count(len(traders.entries) - 1)
	for id := 1; id < len(traders.entries); id++ {
		w.text(traders.text(uint64(id)))
	}
	gone := e.goneNames()
	w.count(e.index.n + len(gone))
	for _, id := range e.byName() {
		for o := range e.all(id) {
			w.text(e.names.orders.text(uint64(o.Order)))
		}
	}
	for _, name := range gone {
		w.text(name)
	}
	w.count(0)
}

// goneNames returns the names of spent ids in their own order.
func (e *Engine) goneNames() (gone [][]byte) {
	if e.spent == nil {
		return nil
	}
	for _, id := range e.spent.ids {
		if id != 0 && e.index.get(hashOf(id), id, e.orders) == 0 {
			gone = append(gone, e.names.orders.text(uint64(id)))
		}
	}
	slices.SortFunc(gone, bytes.Compare)
	return gone
}

func (e *Engine) encodeSpent(w *encoder) {
	if e.spent == nil {
		w.count(0)
		return
	}
	ids := slices.DeleteFunc(slices.Clone(e.spent.ids), func(id OrderID) bool { return id == 0 })
	slices.SortFunc(ids, cmp.Compare[OrderID])
	w.count(len(ids))
	for _, id := range ids {
		w.u64(uint64(id))
	}
}

// encodeSymbol writes a symbol; place is the number of orders written before.
func (e *Engine) encodeSymbol(w *encoder, id SymbolID, place uint64) uint64 {
	b, s := &e.books[id], e.specs[id]
	w.u32(uint32(id))
	w.text([]byte(s.Name))
	w.u8(uint8(s.Decimals))
	w.i64(s.Step)
	w.i64(s.Lot)
	w.i64(s.MaxQty)
	w.i64(s.MaxPrice)
	w.u8(uint8(b.phase))
	w.i64(int64(b.last))
	w.i64(0)
	for _, list := range e.lists(id) {
		at := len(w.buf)
		w.count(0)
		n := 0
		for o := range list {
			n++
			place++
			e.encodeOrder(w, &o, place)
		}
		binary.LittleEndian.PutUint32(w.buf[at:], uint32(n))
	}
	return place
}

func (e *Engine) encodeOrder(w *encoder, o *Resting, place uint64) {
	if e.names == nil {
		place = uint64(o.Order)
	}
	w.u64(place)
	w.u32(uint32(o.Trader))
	w.u8(uint8(o.Side))
	w.u8(uint8(o.Type))
	w.u8(uint8(o.TIF))
	w.u8(uint8(o.Prevention))
	w.i64(o.Price)
	w.i64(o.Shown)
	w.i64(o.Left - o.Shown)
	w.i64(o.Filled)
	w.i64(o.Display)
	w.i64(o.Trigger)
	w.u64(o.Arrival)
	w.i64(o.Expiry)
}

// encoder appends little-endian values.
type encoder struct{ buf []byte }

func (w *encoder) u8(v uint8)   { w.buf = append(w.buf, v) }
func (w *encoder) u16(v uint16) { w.buf = binary.LittleEndian.AppendUint16(w.buf, v) }
func (w *encoder) u32(v uint32) { w.buf = binary.LittleEndian.AppendUint32(w.buf, v) }
func (w *encoder) u64(v uint64) { w.buf = binary.LittleEndian.AppendUint64(w.buf, v) }
func (w *encoder) i64(v int64)  { w.u64(uint64(v)) }
func (w *encoder) count(n int)  { w.u32(uint32(n)) }
func (w *encoder) text(b []byte) {
	w.u16(uint16(len(b)))
	w.buf = append(w.buf, b...)
}
