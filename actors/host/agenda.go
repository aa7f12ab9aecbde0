package host

import (
	"container/heap"
	"time"

	"github.com/necrostack/necrostack/actors"
	"github.com/necrostack/necrostack/supervision"
)

// agenda is what a Ref has to do, and in which order: a state machine without clock, lanes or locks. A
// task is in exactly one place: ready in its line, behind a held key, closing, waiting for its time, or
// with the line's lane.
//
//	add ─► ready ─pick─► lane ─► settled
//	         ▲             ├─► later   (its key is held)   ─due─► ready, in front
//	         └── again ◄───┤
//	                       └─► close   (its key is held)   ─pick─► lane ─► settled
type agenda struct {
	ordered bool // a task that waits holds back the later ones of its key
	lines   []line
	waiting dueHeap
	turn    int    // line for the next task without a key
	count   uint64 // tasks so far
}

// line is the part of an agenda that belongs to one lane.
type line struct {
	busy, down bool
	until      time.Time    // nothing is picked before
	closing    deque[*task] // OnFailed is all that is left to be done
	ready      deque[*task]
	held       map[string][]*task // what waits behind a task of the same key
}

// task is one event on its way through a Ref.
type task struct {
	event    actors.Event
	reply    *reply // of Handle
	line     int
	number   uint64 // in order of arrival
	failures int
	first    time.Time // of the first failure
	due      time.Time // while it waits
	holds    bool      // its key
	final    *actors.Failure
	action   supervision.Action // with final
}

func newAgenda(lines int, ordered bool) *agenda {
	a := &agenda{ordered: ordered, lines: make([]line, lines)}
	for i := range a.lines {
		a.lines[i].held = map[string][]*task{}
	}
	return a
}

// add takes a new task. One whose event is not due yet waits, and takes its place in the
// order when it is.
func (a *agenda) add(t *task, now time.Time) {
	a.count++
	t.number, t.line = a.count, a.lineOf(t.event)
	if due := t.event.Due(); due.After(now) {
		a.wait(t, due)
		return
	}
	a.lines[t.line].ready.pushBack(t)
}

// lineOf is by the upper half of the key's hash, so that a key has one lane, or in turn.
func (a *agenda) lineOf(ev actors.Event) int {
	if ev.HasKey() {
		return laneOf(ev.KeyHash(), len(a.lines))
	}
	a.turn = (a.turn + 1) % len(a.lines)
	return a.turn
}

func laneOf(hash uint64, lanes int) int { return int((hash >> 32) % uint64(lanes)) }

// wants reports whether a line's lane may be given something, and there is something.
func (a *agenda) wants(line int, now time.Time) bool {
	l := &a.lines[line]
	return !l.busy && !l.down && l.closing.len()+l.ready.len() > 0 && !now.Before(l.until)
}

// pick takes up to limit tasks for the line's lane: what is closing, or else what is ready.
func (a *agenda) pick(line, limit int, fresh bool) (picked []*task) {
	l := &a.lines[line]
	for l.closing.len() > 0 && len(picked) < limit {
		picked = append(picked, l.closing.popFront())
	}
	if len(picked) == 0 && fresh {
		picked = l.pickReady(limit)
	}
	l.busy = len(picked) > 0
	return picked
}

// pickReady puts aside what waits behind a held key.
func (l *line) pickReady(limit int) (picked []*task) {
	for l.ready.len() > 0 && len(picked) < limit {
		t := l.ready.popFront()
		if behind, held := l.held[t.event.Key()]; held && !t.holds && t.event.HasKey() {
			l.held[t.event.Key()] = append(behind, t)
			continue
		}
		picked = append(picked, t)
	}
	return picked
}

// again puts tasks that were not begun back in front, in their order.
func (a *agenda) again(line int, ts []*task) {
	for i := len(ts) - 1; i >= 0; i-- {
		if ts[i].final != nil {
			a.lines[line].closing.pushFront(ts[i])
			continue
		}
		a.lines[line].ready.pushFront(ts[i])
	}
}

// later lets a failed task wait until due.
func (a *agenda) later(t *task, due time.Time) {
	a.hold(t)
	a.wait(t, due)
}

// close notes that the task has failed for good and that its OnFailed is next.
func (a *agenda) close(t *task) {
	a.hold(t)
	a.lines[t.line].closing.pushBack(t)
}

// settled ends a task; what waits behind it is ready.
func (a *agenda) settled(t *task) {
	if !t.holds {
		return
	}
	l := &a.lines[t.line]
	behind := l.held[t.event.Key()]
	delete(l.held, t.event.Key())
	a.again(t.line, behind)
}

func (a *agenda) hold(t *task) {
	if !a.ordered || !t.event.HasKey() || t.holds {
		return
	}
	t.holds = true
	a.lines[t.line].held[t.event.Key()] = nil
}

func (a *agenda) wait(t *task, due time.Time) {
	t.due = due
	heap.Push(&a.waiting, t)
}

// awake makes ready what is due: retries in front, since they have waited; delayed events at
// the end.
func (a *agenda) awake(now time.Time) {
	for len(a.waiting) > 0 && !a.waiting[0].due.After(now) {
		t := heap.Pop(&a.waiting).(*task)
		if t.failures > 0 {
			a.lines[t.line].ready.pushFront(t)
			continue
		}
		a.lines[t.line].ready.pushBack(t)
	}
}

// next returns when awake or pick has something to do that it has not now; zero for never.
func (a *agenda) next(now time.Time) time.Time {
	var next time.Time
	if len(a.waiting) > 0 {
		next = a.waiting[0].due
	}
	for i := range a.lines {
		if u := a.lines[i].until; u.After(now) && (next.IsZero() || u.Before(next)) {
			next = u
		}
	}
	return next
}

// left empties the agenda and returns its tasks, but for those with a lane.
func (a *agenda) left() (ts []*task) {
	ts = append(ts, a.waiting...)
	a.waiting = nil
	for i := range a.lines {
		l := &a.lines[i]
		for l.closing.len() > 0 {
			ts = append(ts, l.closing.popFront())
		}
		for l.ready.len() > 0 {
			ts = append(ts, l.ready.popFront())
		}
		for _, behind := range l.held {
			ts = append(ts, behind...)
		}
		clear(l.held)
	}
	return ts
}

// dueHeap orders tasks by due time, then by arrival.
type dueHeap []*task

func (h dueHeap) Len() int { return len(h) }
func (h dueHeap) Less(i, j int) bool {
	if !h[i].due.Equal(h[j].due) {
		return h[i].due.Before(h[j].due)
	}
	return h[i].number < h[j].number
}
func (h dueHeap) Swap(i, j int) { h[i], h[j] = h[j], h[i] }

// Push implements heap.Interface.
func (h *dueHeap) Push(x any) { *h = append(*h, x.(*task)) }

// Pop implements heap.Interface.
func (h *dueHeap) Pop() any {
	last := len(*h) - 1
	t := (*h)[last]
	(*h)[last] = nil
	*h = (*h)[:last]
	return t
}
