package spine

import (
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/necrostack/necrostack/actors"
	"github.com/necrostack/necrostack/supervision"
)

func (s *sim) publish() {
	n := min(1+s.rnd.IntN(5), s.budget)
	s.budget -= n
	for range n {
		s.serial++
		p := s.payload(s.rnd.IntN(simTypes), s.serial, s.rnd.IntN(10))
		ev, err := s.root.Root(p, time.Now())
		if err != nil {
			s.fail("root: %v", err)
			return
		}
		if _, err := s.mem.Publish(s.t.Context(), []actors.Event{ev}); err != nil {
			s.fail("publish: %v", err)
		}
	}
}

// payload makes one of the simulation's payloads. Half of the keys are the same one.
func (s *sim) payload(typ, n, key int) actors.Payload {
	if key > 4 {
		key = 0
	}
	var id actors.ID
	binary.BigEndian.PutUint64(id[:8], s.rnd.Uint64())
	binary.BigEndian.PutUint64(id[8:], s.rnd.Uint64())
	return actors.With(simEvent{T: simType(typ), N: n}, actors.Key(fmt.Sprintf("k%d", key)), id)
}

func (s *sim) executePull() {
	s.pull.ds = s.mem.poll(s.pull.want)
	s.watch.handedOut(s.pull.ds)
	// A pull waits for something; one that was cancelled ends with nothing.
	s.pull.done = len(s.pull.ds) > 0 || s.pull.over
}

func (s *sim) deliverPull() {
	ds := s.pull.ds
	s.pull = nil
	for _, d := range ds {
		if len(d.Todo) > 0 {
			s.cover["redelivery"]++
		}
		s.trace.delivery(d)
	}
	s.step(func(now time.Time) { s.c.arrived(now, ds, nil) })
}

var errSim = errors.New("the store did not answer")

// failPull ends a pull with an error, and nothing handed out.
func (s *sim) failPull() {
	s.cover["failed pull"]++
	s.pull = nil
	s.step(func(now time.Time) { s.c.arrived(now, nil, errSim) })
}

// executeChunk has the store settle the oldest chunk. As faults, the shard is lost: before
// it was applied, or after, or with no answer at all.
func (s *sim) executeChunk(faults bool) {
	ch := s.chunks[0]
	s.chunks = s.chunks[1:]
	fault := 0
	if faults && s.rnd.IntN(12) == 0 {
		fault = 1 + s.rnd.IntN(3)
	}
	if fault == 3 {
		s.cover["unanswered"]++
		s.revoke(0)
		s.answers = append(s.answers, simAnswer{chunk: ch, err: errSim, void: highest(ch)})
		return
	}
	if fault == 1 {
		s.cover["lost shard"]++
		s.answers = append(s.answers, simAnswer{chunk: ch, answers: s.revoke(len(ch.ss))})
		return
	}
	if !faults {
		s.takeLetters()
	}
	answers, err := s.mem.Settle(s.t.Context(), ch.ss)
	if err != nil {
		s.fail("settle: %v", err)
	}
	s.watch.settled(ch, answers)
	if fault == 2 {
		s.cover["lost after it was applied"]++
		answers = s.revoke(len(ch.ss))
	}
	s.answers = append(s.answers, simAnswer{chunk: ch, answers: answers, err: err})
}

// highest is the last hand-out that a chunk settles.
func highest(ch *chunk) uint64 {
	var most uint64
	for i := range ch.ss {
		most = max(most, ch.ss[i].Receipt.B)
	}
	return most
}

// takeLetters makes room for dead letters, as an operator does who has seen the alarm.
func (s *sim) takeLetters() {
	n, limit, err := s.mem.Count(s.t.Context())
	if err != nil || n < limit {
		return
	}
	page, err := s.mem.Letters(s.t.Context(), supervision.Filter{}, "", limit)
	if err != nil {
		s.fail("letters: %v", err)
	}
	for _, l := range page.Letters {
		count(s.dropped, l)
		if err := s.mem.Remove(s.t.Context(), []supervision.Removal{{ID: l.ID}})[0]; err != nil {
			s.fail("remove letter %s: %v", l.ID, err)
		}
	}
}

func count(m map[string]map[actors.ID]int, l supervision.DeadLetter) {
	if m[l.Organ] == nil {
		m[l.Organ] = map[actors.ID]int{}
	}
	m[l.Organ][l.Event.ID()]++
}

// revoke takes everything in flight from the owner, and says so n times.
func (s *sim) revoke(n int) []Answer {
	s.mem.stream.mu.Lock()
	defer s.mem.stream.mu.Unlock()
	s.mem.service.revoke()
	s.watch.revoked()
	answers := make([]Answer, n)
	for i := range answers {
		answers[i] = Answer{Code: Lost, Handouts: s.mem.stream.handouts}
	}
	return answers
}

func (s *sim) deliverAnswer() {
	a := s.answers[0]
	s.answers = s.answers[1:]
	s.watch.answers(a)
	s.step(func(now time.Time) { s.c.settled(now, a.chunk, a.answers, a.err) })
	s.watch.answered(a)
}
