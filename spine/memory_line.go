package spine

import (
	"container/heap"
	"time"
)

// memoryLine is what is held for one organ. Holds whose first waits for a time are in due, all
// others in open: these need nothing but that the organ takes some.
type memoryLine struct {
	ordered bool
	keys    map[string]*memoryHold // of an ordered organ
	due     memoryHeap
	open    memoryHeap
	waiting [3]int // works, by what the first of their hold waits for
}

// holds reports whether work of slot has to wait behind other work of its key.
func (l *memoryLine) holds(slot *memorySlot) bool {
	return len(l.keys) > 0 && slot.event.HasKey() && l.keys[slot.event.Key()] != nil
}

// add holds the organ's work of slot.
func (l *memoryLine) add(slot *memorySlot, w *memoryWork) {
	w.state = workHeld
	h := l.holdOf(slot)
	l.waiting[h.wait] -= h.len()
	if h.insert(slot) {
		l.place(h, w)
	}
	l.waiting[h.wait] += h.len()
}

// holdOf returns the hold for slot, a new one where there is none.
func (l *memoryLine) holdOf(slot *memorySlot) *memoryHold {
	if !l.ordered || !slot.event.HasKey() {
		return &memoryHold{}
	}
	key := slot.event.Key()
	h := l.keys[key]
	if h == nil {
		h = &memoryHold{key: key, keyed: true}
		if l.keys == nil {
			l.keys = map[string]*memoryHold{}
		}
		l.keys[key] = h
	}
	return h
}

// next returns the hold that has waited longest and may be handed out, nil when there is none.
func (l *memoryLine) next(now time.Time) *memoryHold {
	var h *memoryHold
	if len(l.open) > 0 {
		h = l.open[0]
	}
	if len(l.due) > 0 && !l.due[0].at.After(now) && (h == nil || l.due[0].at.Before(h.at)) {
		h = l.due[0]
	}
	return h
}

// take removes the first of h.
func (l *memoryLine) take(h *memoryHold, organ int32) *memorySlot {
	l.waiting[h.wait] -= h.len()
	slot := h.pop()
	if h.len() > 0 {
		l.place(h, h.first().work(organ))
		l.waiting[h.wait] += h.len()
		return slot
	}
	heap.Remove(h.heap, h.index)
	if h.keyed {
		delete(l.keys, h.key)
	}
	return slot
}

// place puts h where its first work, w, wants it.
func (l *memoryLine) place(h *memoryHold, w *memoryWork) {
	if h.heap != nil {
		heap.Remove(h.heap, h.index)
	}
	h.wait, h.at, h.heap = w.wait, w.delay.due, &l.open
	if w.wait == waitDue {
		h.heap = &l.due
	}
	heap.Push(h.heap, h)
}

// nextDue is when the first timed hold is due; the zero time when there is none.
func (l *memoryLine) nextDue() time.Time {
	if len(l.due) == 0 {
		return time.Time{}
	}
	return l.due[0].at
}
