package matching

import "math/bits"

// index finds things by hash: open addressing with linear probing in slots of eight bytes, the hash
// and the place of the thing. An order's id is read in the order itself, where a hit goes anyway.
type index struct {
	slots []indexSlot
	shift uint // 32 - log2(len(slots))
	n     int
	last  int    // where the last search ended: put and del mostly come for the same thing
	gap   uint64 // 1 + the hash for which last is the place, if nothing is there; 0: for none
}

// indexSlot is empty when at is 0.
type indexSlot struct{ hash, at uint32 }

func newIndex(hint int) index {
	log := uint(max(nearBits, bits.Len(uint(2*hint))))
	return index{slots: make([]indexSlot, 1<<log), shift: 32 - log}
}

// nearBits keeps 64 ids that follow each other in 128 neighbouring slots.
const nearBits = 7

// hashOf mixes by the golden ratio; the upper half of the product is the good one. New orders mostly
// have the next id, and looking whether it is taken would cost a line from far memory each time if
// that hashed anywhere: therefore the last bits of an id say where it is among its neighbours, every
// other slot so that runs stay short. Each neighbourhood is turned by bits of its own hash, so that ids in
// steps of 64 do not all meet in one place.
func hashOf(id OrderID) uint32 {
	mixed := uint32(uint64(id>>(nearBits-1)) * 0x9E3779B97F4A7C15 >> 32)
	near := (uint32(id) + mixed) << 1
	return mixed&^(1<<nearBits-1) | near&(1<<nearBits-1)
}

func (x *index) home(hash uint32) int {
	const near = 1<<nearBits - 1
	return int(hash>>(x.shift&31)&^near | hash&near)
}

// get returns the slot of the order, or 0. The hash is its caller's to make: get is small enough then to be
// inlined where every command passes.
func (x *index) get(hash uint32, id OrderID, orders []order) uint32 {
	mask := len(x.slots) - 1
	for i := x.home(hash); ; i++ {
		s := x.slots[i&mask]
		if s.at == 0 || s.hash == hash && orders[s.at].id == id {
			x.last, x.gap = i&mask, uint64(hash)+1
			return s.at
		}
	}
}

// put adds what is not there.
func (x *index) put(hash, at uint32) {
	if !x.fill(hash, at) {
		x.seek(hash, at)
	}
}

// fill is put where the last search has found the place, and false where it has not.
func (x *index) fill(hash, at uint32) bool {
	s := &x.slots[x.last]
	if x.gap != uint64(hash)+1 || s.at != 0 || 2*x.n >= len(x.slots) {
		return false
	}
	x.n++
	*s = indexSlot{hash, at}
	return true
}

// seek is put without knowing where.
//
//go:noinline
func (x *index) seek(hash, at uint32) {
	x.n++
	if 2*x.n > len(x.slots) {
		x.grow()
	}
	x.gap = 0
	x.place(indexSlot{hash, at})
}

// del removes what is there. What follows in its run moves back, so that no tombstones are left
// and searches stay short however many orders come and go.
func (x *index) del(hash, at uint32) {
	slots := x.slots
	mask := len(slots) - 1
	x.gap = 0
	i := x.last & mask
	if slots[i].at != at {
		i = x.home(hash)
	}
	for slots[i].at != at {
		i = (i + 1) & mask
	}
	x.n--
	for j := (i + 1) & mask; slots[j].at != 0; j = (j + 1) & mask {
		if (j-x.home(slots[j].hash))&mask >= (j-i)&mask {
			slots[i] = slots[j]
			i = j
		}
	}
	slots[i] = indexSlot{}
}

func (x *index) place(s indexSlot) {
	mask := len(x.slots) - 1
	i := x.home(s.hash)
	for x.slots[i].at != 0 {
		i = (i + 1) & mask
	}
	x.slots[i] = s
}

// grow doubles the table. The hash in the slots has 32 bits, which bounds it to 2^31 orders; the
// arena's slot numbers end there too.
//
//go:noinline
func (x *index) grow() {
	old := x.slots
	x.gap = 0
	x.slots = make([]indexSlot, 2*len(old))
	x.shift--
	for _, s := range old {
		if s.at != 0 {
			x.place(s)
		}
	}
}
