package spine

import (
	"context"
	"time"
)

// Backlog implements Inspector. Works in hand, held or lost count once per organ, fresh events
// once. Retried and deferred work that is due counts as Waiting while the last Pull wanted none of its
// organ (Want.Organs). Where Ready is not 0, at least one delivery will come.
func (m *Memory) Backlog(context.Context) (Backlog, error) {
	m.stream.mu.Lock()
	defer m.stream.mu.Unlock()
	s, err := m.serving(m.term)
	if err != nil {
		return Backlog{}, err
	}
	return s.backlog(m.stream.now()), nil
}

func (s *memoryService) backlog(now time.Time) Backlog {
	s.stream.promote(now)
	s.skip(now)
	b := Backlog{
		Ready:       s.unread(),
		InFlight:    s.inFlight,
		Delayed:     s.stream.delayed.len(),
		NextDelayed: s.stream.delayed.next(),
		DeadLetters: len(s.letters.held),
	}
	for _, slot := range s.again {
		b.Ready += slot.ready()
	}
	last := Want{Organs: s.takes}
	for i := range s.lines {
		line := &s.lines[i]
		due := line.due.due(0, now)
		b.Retrying += line.waiting[waitDue] - due
		b.Waiting += line.waiting[waitOrgan]
		if roomOf(last, i) > 0 {
			b.Ready += due + line.waiting[waitTurn]
		} else {
			b.Waiting += due + line.waiting[waitTurn]
		}
	}
	return b
}

// skip passes over events that would be no delivery now: those for other services, and those that have to
// wait behind what is held. They would count as ready.
func (s *memoryService) skip(now time.Time) {
	lost := s.again
	s.again = s.again[:0]
	for _, slot := range lost {
		slot.listed = false
		s.holdBack(slot, now)
		s.list(slot)
	}
	defer s.passed(s.cursor)
	for s.unread() > 0 {
		ev, route := s.next()
		switch route {
		case nil:
			s.cursor++
			continue
		case unwantedRoute:
			return
		}
		slot := s.fresh(ev, route)
		s.holdBack(slot, now)
		if slot.ready() > 0 {
			s.list(slot)
			return
		}
	}
}
