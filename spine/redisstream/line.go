package redisstream

import (
	"container/heap"
	"slices"
)

// line is what is held for one organ in this process: work whose entry has something else going on, and work that
// waits in the order of its key. Holds whose first waits for a time are in due; those that need nothing but that the organ takes
// some are in open; one whose first waits for the store is in neither.
type line struct {
	organ   int32
	keys    map[string]*hold // of an ordered organ
	due     holdHeap
	open    holdHeap
	waiting [4]int // works, by what the first of their hold waits for
}

// hold is work that comes out in one order: all that is held of a key, in stream order, or a single event. What its
// first waits for, all wait for.
type hold struct {
	key     string
	keyed   bool
	entries []*entry // from start, by id
	start   int

	wait  workWait // of the first
	at    int64    // its due time, or since when it waits
	heap  *holdHeap
	index int
}

func (h *hold) len() int      { return len(h.entries) - h.start }
func (h *hold) first() *entry { return h.entries[h.start] }

// holds reports whether work of e has to wait behind other work of its key.
func (l *line) holds(e *entry) bool {
	return len(l.keys) > 0 && e.hasKey && l.keys[e.key] != nil
}

// add holds the organ's work of e.
func (l *line) add(e *entry, w *work, ordered bool) {
	if w.state == workReady || w.state == workInFlight {
		e.active--
	}
	w.state = workHeld
	h := l.holdOf(e, w, ordered)
	l.waiting[h.wait] -= h.len()
	if h.insert(e) {
		l.place(h)
	}
	l.waiting[h.wait] += h.len()
}

func (l *line) holdOf(e *entry, w *work, ordered bool) *hold {
	if !ordered || !e.hasKey {
		w.hold = &hold{}
		return w.hold
	}
	key := e.key
	h := l.keys[key]
	if h == nil {
		h = &hold{key: key, keyed: true}
		if l.keys == nil {
			l.keys = map[string]*hold{}
		}
		l.keys[key] = h
	}
	return h
}

// next returns the hold that has waited longest and may be handed out, nil when there is none.
func (l *line) next(now int64) *hold {
	var h *hold
	if len(l.open) > 0 {
		h = l.open[0]
	}
	if len(l.due) > 0 && l.due[0].at <= now && (h == nil || l.due[0].at < h.at) {
		h = l.due[0]
	}
	return h
}

// take removes the first of h, whose work is ready then.
func (l *line) take(h *hold) *entry {
	l.waiting[h.wait] -= h.len()
	e := h.entries[h.start]
	h.entries[h.start] = nil
	h.start++
	h.compact()
	if h.len() > 0 {
		l.place(h)
		l.waiting[h.wait] += h.len()
	} else {
		l.forget(h)
	}
	w := e.work(l.organ)
	w.state, w.hold = workReady, nil
	e.active++
	return e
}

// drop removes a hold of a single event, which goes to the store.
func (l *line) drop(w *work) {
	l.waiting[w.hold.wait]--
	l.forget(w.hold)
	w.hold = nil
}

func (l *line) forget(h *hold) {
	if h.heap != nil {
		heap.Remove(h.heap, h.index)
	}
	if h.keyed {
		delete(l.keys, h.key)
	}
}

// answered lets the hold of e's work go on, now that the store knows of it.
func (l *line) answered(e *entry) {
	w := e.work(l.organ)
	if w.state != workHeld || w.wait != waitStore {
		return
	}
	w.wait = w.real()
	h := w.hold
	if h == nil {
		h = l.keys[e.key]
	}
	if h.first() != e {
		return
	}
	l.waiting[h.wait] -= h.len()
	l.place(h)
	l.waiting[h.wait] += h.len()
}

// place puts h where its first work wants it.
func (l *line) place(h *hold) {
	if h.heap != nil {
		heap.Remove(h.heap, h.index)
		h.heap = nil
	}
	w := h.first().work(l.organ)
	h.wait, h.at = w.wait, w.due
	switch w.wait {
	case waitStore:
		return
	case waitDue:
		h.heap = &l.due
	default:
		h.heap = &l.open
	}
	heap.Push(h.heap, h)
}

// nextDue is when the first timed hold is due, 0 when there is none.
func (l *line) nextDue() int64 {
	if len(l.due) == 0 {
		return 0
	}
	return l.due[0].at
}

// insert puts e into its place and reports whether that is the first.
func (h *hold) insert(e *entry) bool {
	i, _ := slices.BinarySearchFunc(h.entries[h.start:], e.id, func(x *entry, id streamID) int {
		if x.id.before(id) {
			return -1
		}
		return 1
	})
	if h.start > 0 && i <= h.len()/2 {
		copy(h.entries[h.start-1:], h.entries[h.start:h.start+i])
		h.start--
		h.entries[h.start+i] = e
	} else {
		h.entries = slices.Insert(h.entries, h.start+i, e)
	}
	return i == 0
}

// leastRoom is how many places at the front are left for those that come back.
const leastRoom = 64

func (h *hold) compact() {
	if h.start <= leastRoom || h.start <= h.len() {
		return
	}
	n := copy(h.entries, h.entries[h.start:])
	clear(h.entries[n:])
	h.entries, h.start = h.entries[:n], 0
}

// holdHeap orders holds by time, and by the stream where that is equal.
type holdHeap []*hold

func (h holdHeap) Len() int { return len(h) }
func (h holdHeap) Less(i, j int) bool {
	if h[i].at == h[j].at {
		return h[i].first().id.before(h[j].first().id)
	}
	return h[i].at < h[j].at
}
func (h holdHeap) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].index, h[j].index = i, j
}
func (h *holdHeap) Push(x any) {
	hold := x.(*hold)
	hold.index = len(*h)
	*h = append(*h, hold)
}
func (h *holdHeap) Pop() any {
	last := len(*h) - 1
	hold := (*h)[last]
	(*h)[last] = nil
	*h = (*h)[:last]
	return hold
}

// ripe counts the work in the holds from i on, in the order of a heap, whose time has come.
func (h holdHeap) ripe(i int, now int64) int {
	if i >= len(h) || h[i].at > now {
		return 0
	}
	return h[i].len() + h.ripe(2*i+1, now) + h.ripe(2*i+2, now)
}
