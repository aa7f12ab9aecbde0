package spine

import (
	"fmt"
	"slices"
	"time"

	"github.com/necrostack/necrostack/persistence"
)

// settleAll applies settlements until one is lost; what follows is lost with it.
func (s *memoryService) settleAll(into []Answer, ss []Settlement) ([]Answer, error) {
	for i := range ss {
		if err := senseless(&ss[i]); err != nil {
			s.revoke()
			return nil, fmt.Errorf("spine: settlement %d: %w", i, err)
		}
	}
	now := s.stream.now()
	answers := slices.Grow(into, len(ss))[:len(ss)]
	for i := range ss {
		answer, apart := s.settle(&ss[i], now)
		answers[i] = answer
		answers[i].Handouts = s.stream.handouts
		if !apart {
			continue
		}
		s.revoke()
		for j := range answers[i:] {
			answers[i+j] = Answer{Code: Lost, Handouts: s.stream.handouts}
		}
		break
	}
	s.stream.room.all()
	return answers, nil
}

// senseless reports a settlement that no backend could apply.
func senseless(x *Settlement) error {
	switch {
	case x.Kind > Defer:
		return fmt.Errorf("kind is %d", x.Kind)
	case x.Organ == NoOrgan && x.Kind != Done:
		return fmt.Errorf("kind is %d, and no organ wants the event", x.Kind)
	case x.Kind == Dead && x.Letter == nil:
		return fmt.Errorf("organ %d: Dead without a letter", x.Organ)
	case x.Kind >= Retry && x.Later == nil:
		return fmt.Errorf("organ %d: Retry or Defer without Later", x.Organ)
	default:
		return nil
	}
}

// settle applies one settlement; apart says that memory and store have parted.
func (s *memoryService) settle(x *Settlement, now time.Time) (answer Answer, apart bool) {
	slot := s.slots.at(x.Receipt.A)
	switch {
	case slot == nil || x.Receipt.B == 0 || x.Receipt.B > s.stream.handouts || x.Shard != 0 || x.Organ >= len(s.organs):
		return Answer{Code: Lost}, true // a stranger's
	case x.Receipt.B <= s.adopted:
		return Answer{Code: Lost}, false // a former owner's
	case x.Receipt.B <= slot.since:
		return Answer{Acked: true}, false // the event is long finished
	}
	w := slot.work(int32(x.Organ))
	if w == nil {
		return Answer{Code: Lost}, true
	}
	if w.state != workInFlight || w.handout != x.Receipt.B {
		return Answer{}, false // an earlier copy was applied, or the hand-out was lost
	}
	return s.apply(x, slot, w, now)
}

func (s *memoryService) apply(x *Settlement, slot *memorySlot, w *memoryWork, now time.Time) (answer Answer, apart bool) {
	switch x.Kind {
	case Retry, Defer:
		s.later(slot, w, x.Later, now)
		return Answer{}, false
	case Dead:
		if s.letters.full() {
			return Answer{Code: LettersFull}, false
		}
		letter := *x.Letter
		letter.Service, letter.Event = s.name, slot.event
		s.letters.add(letter)
	case Done:
		if x.Change == nil {
			break
		}
		cell := persistence.Cell{Organ: s.organs[w.organ].Name, Key: slot.event.Key()}
		if err := s.store.Apply(cell, slot.event, *x.Change); err != nil {
			return Answer{Code: Lost}, true
		}
	}
	s.stream.append(x.Emitted, now)
	return Answer{Acked: s.finish(slot, w)}, false
}

// later holds a work that is retried or deferred.
func (s *memoryService) later(slot *memorySlot, w *memoryWork, l *Later, now time.Time) {
	w.hold(waitDue, l.Due)
	if l.Waits {
		w.hold(waitOrgan, now)
	}
	w.attempts, w.delay.first = int32(l.Attempts), l.First
	s.inFlight--
	s.hold(slot, w)
	s.wake.all()
}

// finish ends a work and reports whether it was the event's last.
func (s *memoryService) finish(slot *memorySlot, w *memoryWork) bool {
	w.state = workFinished
	s.inFlight--
	slot.open--
	if slot.open > 0 {
		return false
	}
	s.slots.release(slot, s.stream.handouts)
	return true
}
