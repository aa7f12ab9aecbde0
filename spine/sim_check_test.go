package spine

import (
	"fmt"
	"maps"
	"math"

	"github.com/necrostack/necrostack/actors"
	"github.com/necrostack/necrostack/persistence"
	"github.com/necrostack/necrostack/supervision"
)

// history is everything that was ever appended to the stream, in order: what a service that
// comes last and begins at the beginning sees.
type history struct {
	events   []actors.Event
	position map[actors.ID]int
	marks    map[string]map[actors.ID][]string // organ, event: "done" or "failed", one per mark
	order    map[string][]actors.ID            // organ: events in the order of their marks
}

func (s *sim) history() history {
	h := history{position: map[actors.ID]int{}, marks: map[string]map[actors.ID][]string{}, order: map[string][]actors.ID{}}
	late := s.mem.Attach()
	s.asked++
	if err := late.Open(s.t.Context(), Service{Name: fmt.Sprintf("historian%d", s.asked)}); err != nil {
		s.fail("historian: %v", err)
		return h
	}
	for _, d := range late.poll(Want{Events: math.MaxInt, Bytes: math.MaxInt}) {
		ev := d.Event
		if _, twice := h.position[ev.ID()]; twice {
			s.fail("event %s %s is in the stream twice", ev.Type(), ev.ID())
		}
		h.position[ev.ID()] = len(h.events)
		h.events = append(h.events, ev)
		if ev.Type() == "MARK" {
			h.mark(ev)
		}
	}
	return h
}

func (h *history) mark(ev actors.Event) {
	m, err := actors.Decode[simMark](ev)
	if err != nil {
		panic(err)
	}
	if h.marks[m.Organ] == nil {
		h.marks[m.Organ] = map[actors.ID][]string{}
	}
	h.marks[m.Organ][m.Of] = append(h.marks[m.Organ][m.Of], m.Final)
	h.order[m.Organ] = append(h.order[m.Organ], m.Of)
}

// check holds the end of a run against what is promised.
func (s *sim) check() {
	if s.t.Failed() {
		return
	}
	h := s.checkEffects("")
	for _, p := range s.plan {
		if p.ordered {
			s.checkOrder(p, h)
		}
		if p.keyed {
			s.checkCells(p, h)
		}
	}
}

func (s *sim) letters() map[string]map[actors.ID]int {
	out := map[string]map[actors.ID]int{}
	for organ, byEvent := range s.dropped {
		out[organ] = maps.Clone(byEvent)
	}
	page, err := s.mem.Letters(s.t.Context(), supervision.Filter{}, "", 1<<20)
	if err != nil {
		s.fail("letters: %v", err)
	}
	for _, l := range page.Letters {
		count(out, l)
	}
	return out
}

// checkEffects demands for every event and every organ that listens to it exactly one end: one
// mark of success, or one of failure with exactly the dead letter its policy asks for. The
// organ named but is left out.
func (s *sim) checkEffects(but string) history {
	h := s.history()
	letters := s.letters()
	for _, p := range s.plan {
		if p.name == but {
			continue
		}
		for _, ev := range h.events {
			if !listens(p, ev) {
				continue
			}
			s.checkEnd(p, ev, h.marks[p.name][ev.ID()], letters[p.name][ev.ID()])
		}
	}
	return h
}

func listens(p simOrgan, ev actors.Event) bool {
	for _, t := range p.types {
		if t == ev.Type() {
			return true
		}
	}
	return false
}

func (s *sim) checkEnd(p simOrgan, ev actors.Event, marks []string, letters int) {
	if ev.Hops() > simHops {
		if letters != 1 || len(marks) != 0 {
			s.fail("event %s of %d hops, organ %s: %d dead letters, marks %v", ev.ID(), ev.Hops(), p.name, letters, marks)
		}
		return
	}
	if len(marks) != 1 {
		s.fail("event %s %s, organ %s: marks %v, want one", ev.Type(), ev.ID(), p.name, marks)
		return
	}
	want := 0
	if marks[0] == "failed" && p.policy.Exhausted != supervision.Log {
		want = 1
	}
	if letters != want {
		s.fail("event %s %s, organ %s: %s, and %d dead letters, want %d", ev.Type(), ev.ID(), p.name, marks[0], letters, want)
	}
	end := "done"
	if fails, kind := s.nature(p.name, ev); fails >= mostAttempts(p, kind) {
		end = "failed"
	}
	if marks[0] != end {
		s.fail("event %s %s, organ %s: %s, want %s", ev.Type(), ev.ID(), p.name, marks[0], end)
	}
}

// checkOrder demands that an ordered organ finished the events of each key in stream order.
func (s *sim) checkOrder(p simOrgan, h history) {
	last := map[string]int{}
	for _, id := range h.order[p.name] {
		at := h.position[id]
		key := h.events[at].Key()
		if before, ok := last[key]; ok && at < before {
			s.fail("organ %s, key %s: event %s (position %d) was finished after position %d", p.name, key, id, at, before)
		}
		last[key] = at
	}
}

// checkCells demands that the stored inputs of every cell are the events it has handled, in
// order.
func (s *sim) checkCells(p simOrgan, h history) {
	want := map[string][]actors.ID{}
	for _, id := range h.order[p.name] {
		if h.marks[p.name][id][0] == "done" {
			key := h.events[h.position[id]].Key()
			want[key] = append(want[key], id)
		}
	}
	for key, ids := range want {
		past, err := s.mem.Load(s.t.Context(), []persistence.Cell{{Organ: p.name, Key: key}}, nil)
		if err != nil {
			s.fail("load: %v", err)
			return
		}
		var got []actors.ID
		for _, r := range past[0].Records {
			got = append(got, r.Event.ID())
		}
		if fmt.Sprint(got) != fmt.Sprint(ids) {
			s.fail("cell %s/%s has records of %v, handled were %v", p.name, key, got, ids)
		}
	}
}
