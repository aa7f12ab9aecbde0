package spine

import (
	"time"

	"github.com/necrostack/necrostack/actors"
)

// memoryDedup remembers published ids for a time, and no more than some of them.
type memoryDedup struct {
	window time.Duration
	most   int
	seen   map[actors.ID]struct{}
	order  []seenID // from head, oldest first
	head   int
}

type seenID struct {
	id actors.ID
	at int64 // nanoseconds: half of a time.Time, and there may be a million
}

func newMemoryDedup(window time.Duration, most int) memoryDedup {
	return memoryDedup{window: window, most: most, seen: map[actors.ID]struct{}{}}
}

// knows reports whether the event's id is remembered.
func (d *memoryDedup) knows(ev actors.Event) bool {
	if len(d.seen) == 0 || ev.RandomID() {
		return false
	}
	_, ok := d.seen[ev.ID()]
	return ok
}

// remember takes note of an event that is new. The oldest id makes room where the bound is reached.
func (d *memoryDedup) remember(ev actors.Event, now time.Time) {
	if ev.RandomID() || d.window <= 0 || d.most <= 0 {
		return
	}
	if len(d.seen) >= d.most {
		d.pop()
	}
	d.seen[ev.ID()] = struct{}{}
	d.order = append(d.order, seenID{ev.ID(), now.UnixNano()})
}

// forget drops what is older than the window.
func (d *memoryDedup) forget(now time.Time) {
	oldest := now.Add(-d.window).UnixNano()
	for d.head < len(d.order) && d.order[d.head].at <= oldest {
		d.pop()
	}
}

func (d *memoryDedup) pop() {
	delete(d.seen, d.order[d.head].id)
	d.head++
	if d.head*2 > len(d.order) {
		d.order = d.order[:copy(d.order, d.order[d.head:])]
		d.head = 0
	}
}
