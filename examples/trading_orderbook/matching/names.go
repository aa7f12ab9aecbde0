package matching

import (
	"bytes"
	"encoding/binary"
	"math/bits"
)

// MaxName is the longest name of an order or trader, in bytes.
const MaxName = 1<<16 - 1

// Names turns the names of orders and traders into numbers and back, without allocating for a name
// of up to 42 bytes. Engine.Names has it.
//
// An order's number lives as long as the order, and until the next call of Order or FindOrder after
// it is gone, so that events can still be printed; with Config.IDsEver it lives for ever. Therefore
// look an order up directly before the Apply that uses it. Traders are never forgotten.
type Names struct {
	orders  nameTable
	traders nameTable
	gone    []OrderID // to be forgotten
}

func newNames() *Names {
	return &Names{orders: newNameTable(), traders: newNameTable()}
}

// Order returns the number of the order of that name, a new one if there is none. It returns 0,
// which every command rejects, for an empty name and one that is longer than MaxName.
func (n *Names) Order(name []byte) OrderID {
	n.bury()
	return OrderID(n.orders.give(name))
}

// FindOrder returns the number of the order of that name, or 0.
func (n *Names) FindOrder(name []byte) OrderID {
	n.bury()
	return OrderID(n.orders.find(name, hashName(name)))
}

// AppendOrder appends the name of the order, nothing if it has none.
func (n *Names) AppendOrder(dst []byte, id OrderID) []byte {
	return append(dst, n.orders.text(uint64(id))...)
}

// Trader returns the number of the trader of that name, a new one if there is none, 0 like Order.
func (n *Names) Trader(name []byte) TraderID { return TraderID(n.traders.give(name)) }

// FindTrader returns the number of the trader of that name, or 0.
func (n *Names) FindTrader(name []byte) TraderID {
	return TraderID(n.traders.find(name, hashName(name)))
}

// AppendTrader appends the name of the trader, nothing if it has none.
func (n *Names) AppendTrader(dst []byte, id TraderID) []byte {
	return append(dst, n.traders.text(uint64(id))...)
}

// retire notes an order that is gone.
func (n *Names) retire(id OrderID) {
	if id != 0 {
		n.gone = append(n.gone, id)
	}
}

func (n *Names) bury() {
	for _, id := range n.gone {
		n.orders.forget(uint64(id))
	}
	n.gone = n.gone[:0]
}

// shortName is the length up to which a name lies in its entry: with hash and size that makes 48
// bytes, and a UUID fits.
const shortName = 42

// nameEntry is vacant when size is 0; hash is then the next vacant entry.
type nameEntry struct {
	hash uint32
	size uint16
	text [shortName]byte
}

type nameTable struct {
	entries []nameEntry // 0 is none
	index   index
	long    map[uint32][]byte
	free    uint32
}

func newNameTable() nameTable {
	return nameTable{entries: make([]nameEntry, 1), index: newIndex(0), long: map[uint32][]byte{}}
}

// text is the table's own memory.
func (t *nameTable) text(id uint64) []byte {
	if id >= uint64(len(t.entries)) {
		return nil
	}
	entry := &t.entries[id]
	if int(entry.size) > shortName {
		return t.long[uint32(id)]
	}
	return entry.text[:entry.size]
}

func (t *nameTable) find(name []byte, hash uint32) uint32 {
	mask := len(t.index.slots) - 1
	for i := t.index.home(hash); ; i++ {
		s := t.index.slots[i&mask]
		if s.at == 0 {
			return 0
		}
		if s.hash == hash && bytes.Equal(t.text(uint64(s.at)), name) {
			return s.at
		}
	}
}

func (t *nameTable) give(name []byte) uint32 {
	hash := hashName(name)
	if len(name) == 0 || len(name) > MaxName {
		return 0
	}
	if id := t.find(name, hash); id != 0 {
		return id
	}
	id := t.vacant()
	entry := &t.entries[id]
	entry.hash, entry.size = hash, uint16(len(name))
	if len(name) > shortName {
		t.long[id] = bytes.Clone(name)
	} else {
		copy(entry.text[:], name)
	}
	t.index.put(hash, id)
	return id
}

func (t *nameTable) vacant() uint32 {
	id := t.free
	if id == 0 {
		t.entries = append(t.entries, nameEntry{})
		return uint32(len(t.entries) - 1)
	}
	t.free = t.entries[id].hash
	return id
}

// forget makes the number vacant. It may be so already: an order can be gone twice before the next look.
func (t *nameTable) forget(id uint64) {
	if id >= uint64(len(t.entries)) || t.entries[id].size == 0 {
		return
	}
	entry := &t.entries[id]
	t.index.del(t.index.placeOf(entry.hash, uint32(id)))
	if int(entry.size) > shortName {
		delete(t.long, uint32(id))
	}
	entry.hash, entry.size = t.free, 0
	t.free = uint32(id)
}

// hashName mixes eight bytes at a time by folded multiplication.
func hashName(name []byte) uint32 {
	const a, b = 0x9E3779B97F4A7C15, 0xD6E8FEB86659FD93
	h := uint64(len(name)) * a
	for ; len(name) >= 8; name = name[8:] {
		h = fold(h^binary.LittleEndian.Uint64(name), b)
	}
	var last [8]byte
	copy(last[:], name)
	h = fold(h^binary.LittleEndian.Uint64(last[:]), a)
	return uint32(fold(h, b) >> 32)
}

func fold(x, y uint64) uint64 {
	hi, lo := bits.Mul64(x, y)
	return hi ^ lo
}
