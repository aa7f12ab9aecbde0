package spine

import (
	"container/heap"
	"time"

	"github.com/necrostack/necrostack/actors"
)

// memoryDelayed holds delayed events until they are due, in the order of their due times and,
// where these are equal, of their arrival.
type memoryDelayed struct {
	waiting delayedHeap
	arrived uint64
}

type delayedEvent struct {
	event   actors.Event
	due     time.Time
	arrival uint64
}

func (d *memoryDelayed) len() int { return len(d.waiting) }

func (d *memoryDelayed) add(ev actors.Event) {
	d.arrived++
	heap.Push(&d.waiting, &delayedEvent{event: ev, due: ev.Due(), arrival: d.arrived})
}

// take removes the next event that is due.
func (d *memoryDelayed) take(now time.Time) (actors.Event, bool) {
	if len(d.waiting) == 0 || d.waiting[0].due.After(now) {
		return actors.Event{}, false
	}
	return heap.Pop(&d.waiting).(*delayedEvent).event, true
}

// next is when the first of them is due; the zero time when there is none.
func (d *memoryDelayed) next() time.Time {
	if len(d.waiting) == 0 {
		return time.Time{}
	}
	return d.waiting[0].due
}

type delayedHeap []*delayedEvent

func (h delayedHeap) Len() int { return len(h) }
func (h delayedHeap) Less(i, j int) bool {
	if h[i].due.Equal(h[j].due) {
		return h[i].arrival < h[j].arrival
	}
	return h[i].due.Before(h[j].due)
}
func (h delayedHeap) Swap(i, j int) { h[i], h[j] = h[j], h[i] }
func (h *delayedHeap) Push(x any)   { *h = append(*h, x.(*delayedEvent)) }
func (h *delayedHeap) Pop() any {
	last := len(*h) - 1
	x := (*h)[last]
	(*h)[last] = nil
	*h = (*h)[:last]
	return x
}
