package spine

import "math/bits"

// vacancy is which slots of a table are free. It gives the lowest first, 64 at a time: what is taken together lies together
// then, in whatever order it was freed, and is fetched by the processor before it is asked for; and where few are
// taken they stay the same.
type vacancy struct {
	now   uint64   // of the next 64 to be given: those that are left
	base  uint32   // the first of those 64
	n     int      // slots that are free
	words []uint64 // by slot: free, and not in now
	some  []uint64 // by word: not 0
	low   int      // there is nothing in some before
}

// add enters a further slot, which is free. They are numbered from 0 on.
func (v *vacancy) add(slot uint32) {
	v.words = grown(v.words, int(slot>>6)+1)
	v.some = grown(v.some, int(slot>>12)+1)
	v.put(slot)
}

// put frees a slot.
func (v *vacancy) put(slot uint32) {
	word := slot >> 6
	if v.words[word] == 0 {
		v.some[word>>6] |= 1 << (word & 63)
		v.low = min(v.low, int(word>>6))
	}
	v.words[word] |= 1 << (slot & 63)
	v.n++
}

// take gives a slot; one must be free.
func (v *vacancy) take() uint32 {
	if v.now == 0 {
		v.turn()
	}
	slot := v.base + uint32(bits.TrailingZeros64(v.now))
	v.now &= v.now - 1
	v.n--
	return slot
}

// turn goes on to the lowest 64 of which one is free.
func (v *vacancy) turn() {
	for v.some[v.low] == 0 {
		v.low++
	}
	word := v.low<<6 | bits.TrailingZeros64(v.some[v.low])
	v.some[v.low] &= v.some[v.low] - 1
	v.base, v.now, v.words[word] = uint32(word<<6), v.words[word], 0
}
