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
type recent struct {
	ring  []uint64 // by arrival, next is the oldest once it is full
	next  int
	limit int
	slots []uint64 // open addressing, at most half full; 0 is empty
	shift int

	warmed uint64 // keeps a read that nobody needs
}

func newRecent(limit int) recent {
	// At least twice as many slots as ids, a power of two, and one that is empty while an id more is in them.
	width := bits.Len(uint(max(2*limit, 4) - 1))
	return recent{limit: limit, slots: make([]uint64, 1<<width), shift: 64 - width}
}

// markOf is the mark of an id, never 0.
func markOf(id string) uint64 { return xxhash.Sum64String(id) | 1<<63 }

func (r *recent) home(mark uint64) int { return int(mark * 0x9E3779B97F4A7C15 >> r.shift) }

// find returns the slot of the mark, or the empty one where it would be.
func (r *recent) find(mark uint64) int {
	i := r.home(mark)
	for r.slots[i] != 0 && r.slots[i] != mark {
		i = (i + 1) & (len(r.slots) - 1)
	}
	return i
}

func (r *recent) has(mark uint64) bool {
	if len(r.ring) == r.limit && r.limit > 0 {
		// An order that is not there is going to push the oldest out: its far slot is waited for together with this one's.
		r.warmed += r.slots[r.home(r.ring[r.next])]
	}
	return r.slots[r.find(mark)] != 0
}

// add remembers a mark that is not there. A window of no orders forgets it at once.
func (r *recent) add(mark uint64) {
	if r.limit == 0 {
		return
	}
	r.slots[r.find(mark)] = mark
	if len(r.ring) < r.limit {
		r.ring = append(r.ring, mark)
		return
	}
	r.remove(r.ring[r.next])
	r.ring[r.next] = mark
	if r.next++; r.next == r.limit {
		r.next = 0
	}
}

// remove closes the gap it leaves, so that every mark is still found from its home.
func (r *recent) remove(mark uint64) {
	mask := len(r.slots) - 1
	gap := r.find(mark)
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
