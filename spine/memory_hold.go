package spine

import (
	"slices"
	"time"
)

// memoryHold is work of one organ that was retried or deferred and comes out in one order: all
// that is held of a key, in stream order, where the organ is ordered, and else a single event. What its
// first waits for, all wait for.
type memoryHold struct {
	key   string // of an ordered organ's hold that is found by it
	keyed bool
	slots []*memorySlot // from start, by position
	start int

	wait  memoryWait // of the first
	at    time.Time  // its due time, or since when it is held
	heap  *memoryHeap
	index int // in heap
}

func (h *memoryHold) len() int { return len(h.slots) - h.start }

func (h *memoryHold) first() *memorySlot { return h.slots[h.start] }

// insert puts slot into its place and reports whether that is the first. Most come to one of the ends: at the
// front there usually is the room of those that left.
func (h *memoryHold) insert(slot *memorySlot) bool {
	i, _ := slices.BinarySearchFunc(h.slots[h.start:], slot.position, func(s *memorySlot, position uint64) int {
		if s.position < position {
			return -1
		}
		return 1
	})
	if h.start > 0 && i <= h.len()/2 {
		copy(h.slots[h.start-1:], h.slots[h.start:h.start+i])
		h.start--
		h.slots[h.start+i] = slot
	} else {
		h.slots = slices.Insert(h.slots, h.start+i, slot)
	}
	return i == 0
}

func (h *memoryHold) pop() *memorySlot {
	slot := h.slots[h.start]
	h.slots[h.start] = nil
	h.start++
	if h.start > leastRoom && h.start > h.len() {
		h.compact()
	}
	return slot
}

// leastRoom is how many places at the front are left for those that come back.
const leastRoom = 64

func (h *memoryHold) compact() {
	n := copy(h.slots, h.slots[h.start:])
	clear(h.slots[n:])
	h.slots, h.start = h.slots[:n], 0
}

// memoryHeap orders holds by time, and by the stream where that is equal.
type memoryHeap []*memoryHold

func (h memoryHeap) Len() int { return len(h) }
func (h memoryHeap) Less(i, j int) bool {
	if h[i].at.Equal(h[j].at) {
		return h[i].first().position < h[j].first().position
	}
	return h[i].at.Before(h[j].at)
}
func (h memoryHeap) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].index, h[j].index = i, j
}
func (h *memoryHeap) Push(x any) {
	hold := x.(*memoryHold)
	hold.index = len(*h)
	*h = append(*h, hold)
}
func (h *memoryHeap) Pop() any {
	last := len(*h) - 1
	hold := (*h)[last]
	(*h)[last] = nil
	*h = (*h)[:last]
	return hold
}

// due counts the work in the holds from i on, in the order of a heap, whose time has come.
func (h memoryHeap) due(i int, now time.Time) int {
	if i >= len(h) || h[i].at.After(now) {
		return 0
	}
	return h[i].len() + h.due(2*i+1, now) + h.due(2*i+2, now)
}
