package desk

import (
	"encoding/binary"
	"fmt"
	"math/bits"

	"github.com/cespare/xxhash/v2"
)

// recent remembers the orders that were accepted last, the oldest going first, so that one that
// is sent again after it is gone is recognised. It keeps 64 bits of each id: two ids of a full window
// share them once in 10^15, and then the later order is refused, not lost.
//
// Every new order looks for itself, in memory that is far by then, so what is looked at is small: half of each mark.
// Only where that is there (an order that was sent again, and one in 10^5 of the others) the ring is searched.
type recent struct {
	ring  []uint64 // by arrival, next is the oldest once it is full
	next  int
	limit int
	slots []uint32 // upper halves of the marks: open addressing, at most half full; 0 is empty
	shift int

	warmed uint32 // keeps a read that nobody needs
}

func newRecent(limit int) recent {
	// At least twice as many slots as ids, a power of two, and one that is empty while an id more is in them.
	width := bits.Len(uint(max(2*limit, 4) - 1))
	return recent{limit: limit, slots: make([]uint32, 1<<width), shift: 32 - width}
}

// markOf is the mark of an id. Its upper half is never 0.
func markOf(id string) uint64 { return xxhash.Sum64String(id) | 1<<63 }

func halfOf(mark uint64) uint32 { return uint32(mark >> 32) }

func (r *recent) home(half uint32) int { return int(half * 0x9E3779B1 >> r.shift) }

// find returns a slot of half, or the empty one where it would be.
func (r *recent) find(half uint32) int {
	i := r.home(half)
	for r.slots[i] != 0 && r.slots[i] != half {
		i = (i + 1) & (len(r.slots) - 1)
	}
	return i
}

func (r *recent) has(mark uint64) bool {
	if len(r.ring) == r.limit && r.limit > 0 {
		// An order that is not there is going to push the oldest out: its far slot is waited for together with this one's.
		r.warmed += r.slots[r.home(halfOf(r.ring[r.next]))]
	}
	return r.slots[r.find(halfOf(mark))] != 0 && r.holds(mark)
}

// holds searches the ring, the newest first: what is sent again mostly comes soon.
func (r *recent) holds(mark uint64) bool {
	return lastIndex(r.ring[:r.next], mark) >= 0 || lastIndex(r.ring[r.next:], mark) >= 0
}

func lastIndex(marks []uint64, mark uint64) int {
	i := len(marks) - 1
	for i >= 0 && marks[i] != mark {
		i--
	}
	return i
}

// add remembers a mark that is not there. A window of no orders forgets it at once.
func (r *recent) add(mark uint64) {
	if r.limit == 0 {
		return
	}
	r.put(halfOf(mark))
	if len(r.ring) < r.limit {
		r.ring = append(r.ring, mark)
		return
	}
	r.remove(halfOf(r.ring[r.next]))
	r.ring[r.next] = mark
	if r.next++; r.next == r.limit {
		r.next = 0
	}
}

// put gives half a slot, one more if it has some: other marks may share it.
func (r *recent) put(half uint32) {
	i := r.home(half)
	for r.slots[i] != 0 {
		i = (i + 1) & (len(r.slots) - 1)
	}
	r.slots[i] = half
}

// remove empties a slot of half, and closes the gap it leaves, so that every other is still found from its home.
func (r *recent) remove(half uint32) {
	mask := len(r.slots) - 1
	gap := r.find(half)
	for i := (gap + 1) & mask; r.slots[i] != 0; i = (i + 1) & mask {
		if (i-r.home(r.slots[i]))&mask >= (i-gap)&mask {
			r.slots[gap], gap = r.slots[i], i
		}
	}
	r.slots[gap] = 0
}

// appendTo appends the marks, oldest first.
func (r *recent) appendTo(dst []byte) []byte {
	dst = binary.LittleEndian.AppendUint32(dst, uint32(len(r.ring)))
	for _, part := range [][]uint64{r.ring[r.next:], r.ring[:r.next]} {
		for _, mark := range part {
			dst = binary.LittleEndian.AppendUint64(dst, mark)
		}
	}
	return dst
}

// readRecent reads what appendTo wrote into a window of a limit of its own, which the newest fill,
// and returns what follows.
func readRecent(data []byte, limit int) (recent, []byte, error) {
	r := newRecent(limit)
	if len(data) < 4 {
		return r, nil, fmt.Errorf("window of recent orders: %d bytes", len(data))
	}
	n, data := int(binary.LittleEndian.Uint32(data)), data[4:]
	if len(data)/8 < n {
		return r, nil, fmt.Errorf("window of recent orders: %d ids in %d bytes", n, len(data))
	}
	for i := range n {
		mark := binary.LittleEndian.Uint64(data[8*i:])
		if mark>>63 == 0 || r.has(mark) {
			return r, nil, fmt.Errorf("window of recent orders: id %d is %#x", i, mark)
		}
		r.add(mark)
	}
	return r, data[8*n:], nil
}
