package main

import (
	"io"
	"maps"
	"slices"
	"sync"

	"github.com/necrostack/necrostack/actors"
	"github.com/necrostack/necrostack/examples/console"
	"github.com/necrostack/necrostack/spine"
)

// record sees every event when it is settled, on the Spine's goroutine: it counts, writes the event
// log, and keeps what show wants to see. Safe for concurrent use.
type record struct {
	mu       sync.Mutex
	types    map[string]int
	seen     map[actors.ID]struct{}
	repeated int // events settled more than once
	log      console.EventLog
	chains   chains
}

// newRecord writes to out, unless that is nil, and keeps the last so many chains.
func newRecord(out io.Writer, keep int) *record {
	return &record{
		types: map[string]int{}, seen: map[actors.ID]struct{}{},
		log: console.EventLog{Out: out}, chains: chains{keep: keep, events: map[actors.ID][]actors.Event{}},
	}
}

func (r *record) hooks() spine.Hooks {
	return spine.Hooks{Acked: func(ev actors.Event, _ []actors.Event) { r.settled(ev) }}
}

func (r *record) settled(ev actors.Event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, again := r.seen[ev.ID()]; again {
		r.repeated++
	}
	r.seen[ev.ID()] = struct{}{}
	r.types[ev.Type()]++
	r.chains.add(ev)
	r.log.Write(ev)
}

// has reports whether an event was settled in this run.
func (r *record) has(id actors.ID) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	_, seen := r.seen[id]
	return seen
}

// counted is what record knows in numbers.
type counted struct {
	types    map[string]int
	events   int
	repeated int
}

func (r *record) counted() counted {
	r.mu.Lock()
	defer r.mu.Unlock()
	return counted{types: maps.Clone(r.types), events: len(r.seen), repeated: r.repeated}
}

// chain is what followed from a request, as it was settled; nil when it is not kept.
func (r *record) chain(root actors.ID) []actors.Event {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.chains.events[root])
}

// roots are the requests whose chains are kept, oldest first.
func (r *record) roots() []actors.ID {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.chains.order)
}

// logError is why the event log is not complete.
func (r *record) logError() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.log.Err()
}

// chains keeps the events of the last requests.
type chains struct {
	keep   int
	events map[actors.ID][]actors.Event // by correlation id
	order  []actors.ID                  // oldest first
}

func (c *chains) add(ev actors.Event) {
	if c.keep == 0 {
		return
	}
	root := ev.Correlation()
	if _, known := c.events[root]; !known {
		c.order = append(c.order, root)
	}
	c.events[root] = append(c.events[root], ev)
	if len(c.order) > c.keep {
		delete(c.events, c.order[0])
		c.order = c.order[1:]
	}
}
