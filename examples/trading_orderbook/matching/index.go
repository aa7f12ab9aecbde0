package matching

import "math/bits"

// index finds things by hash: open addressing with linear probing in slots of eight bytes, the hash
// and the place of the thing. An order's id is read in the order itself, where a hit goes anyway.
type index struct {
	slots []indexSlot
	shift uint // 32 - log2(len(slots))
	n     int
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
// steps of 64 do not all meet in one place; by odd numbers too, so that those of many neighbourhoods, of which
// a few orders each are left, spread over all slots and not over the even ones.
func hashOf(id OrderID) uint32 {
	mixed := uint32(uint64(id>>(nearBits-1)) * 0x9E3779B97F4A7C15 >> 32)
	near := uint32(id)<<1 + mixed
	return mixed&^(1<<nearBits-1) | near&(1<<nearBits-1)
}

func (x *index) home(hash uint32) int {
	const near = 1<<nearBits - 1
	return int(hash>>(x.shift&31)&^near | hash&near)
}

// find returns the slot of the order, or 0, and its place in the index, or the gap where it would be put: good
// until the index changes. The hash is its caller's to make: find is small enough then to be inlined where
// every command passes.
func (x *index) find(hash uint32, id OrderID, orders []order) (at uint32, place int) {
	mask := len(x.slots) - 1
	for i := x.home(hash) & mask; ; i = (i + 1) & mask {
		s := x.slots[i]
		if s.at == 0 || s.hash == hash && orders[s.at].id == id {
			return s.at, i
		}
	}
}

// get is find for those who do not ask where.
func (x *index) get(hash uint32, id OrderID, orders []order) uint32 {
	at, _ := x.find(hash, id, orders)
	return at
}

// placeOf returns the place of what is there.
func (x *index) placeOf(hash, at uint32) int {
	mask := len(x.slots) - 1
	i := x.home(hash) & mask
	for x.slots[i].at != at {
		i = (i + 1) & mask
	}
	return i
}

// put adds what is not there.
func (x *index) put(hash, at uint32) { x.fill(x.gapFor(hash), indexSlot{hash, at}) }

// fill is put for those who know the gap.
func (x *index) fill(gap int, s indexSlot) {
	x.slots[gap] = s
	x.n++
	if 2*x.n > len(x.slots) {
		x.grow()
	}
}

// gapFor returns where what is not there would be put.
func (x *index) gapFor(hash uint32) int {
	mask := len(x.slots) - 1
	i := x.home(hash) & mask
	for x.slots[i].at != 0 {
		i = (i + 1) & mask
	}
	return i
}

// del empties a place. What follows in its run moves back, so that no tombstones are left
// and searches stay short however many orders come and go.
func (x *index) del(i int) {
	slots := x.slots
	mask := len(slots) - 1
	x.n--
	for j := (i + 1) & mask; slots[j].at != 0; j = (j + 1) & mask {
		if (j-x.home(slots[j].hash))&mask >= (j-i)&mask {
			slots[i] = slots[j]
			i = j
		}
	}
	slots[i] = indexSlot{}
}

// grow doubles the table. The hash in the slots has 32 bits, which bounds it to 2^31 orders; the
// arena's slot numbers end there too.
//
//go:noinline
func (x *index) grow() {
	old := x.slots
	x.slots = make([]indexSlot, 2*len(old))
	x.shift--
	for _, s := range old {
		if s.at != 0 {
			x.slots[x.gapFor(s.hash)] = s
		}
	}
}
