package floor

import "math/bits"

// index finds orders by id: open addressing, at most half full. A slot has half of the id's hash above
// the order's number, so that most orders that are not meant are never looked at; 0 is empty.
type index struct {
	slots []uint64
	shift int // of a hash of 32 bits, to its home
	used  int
}

func newIndex(room int) index {
	width := max(bits.Len(uint(2*room)), 4)
	return index{slots: make([]uint64, 1<<width), shift: 32 - width}
}

func hash(id uint64) uint64 { return id * 0x9E3779B97F4A7C15 >> 32 }

func (x *index) find(id uint64, orders []order) uint32 {
	h, mask := hash(id), len(x.slots)-1
	for i := int(h >> x.shift); ; i++ {
		s := x.slots[i&mask]
		if s == 0 {
			return 0
		}
		if s>>32 == h && orders[uint32(s)].id == id {
			return uint32(s)
		}
	}
}

func (x *index) put(id uint64, order uint32) {
	if x.used++; 2*x.used > len(x.slots) {
		x.grow()
	}
	x.place(hash(id)<<32 | uint64(order))
}

func (x *index) place(s uint64) {
	mask := len(x.slots) - 1
	i := int(s >> 32 >> x.shift)
	for ; x.slots[i&mask] != 0; i++ {
	}
	x.slots[i&mask] = s
}

func (x *index) grow() {
	old := x.slots
	x.slots = make([]uint64, 2*len(old))
	x.shift--
	for _, s := range old {
		if s != 0 {
			x.place(s)
		}
	}
}

// remove takes out an order that is there, and moves those up that had to give way to it.
func (x *index) remove(id uint64, order uint32) {
	mask := len(x.slots) - 1
	h := hash(id)
	want := h<<32 | uint64(order)
	gap := int(h>>x.shift) & mask
	for x.slots[gap] != want {
		gap = (gap + 1) & mask
	}
	x.used--
	for i := (gap + 1) & mask; x.slots[i] != 0; i = (i + 1) & mask {
		home := int(x.slots[i] >> 32 >> x.shift)
		if (i-home)&mask >= (i-gap)&mask {
			x.slots[gap], gap = x.slots[i], i
		}
	}
	x.slots[gap] = 0
}
