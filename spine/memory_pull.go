package spine

import (
	"math"
	"time"
)

// memoryBatch is what one Pull brings.
type memoryBatch struct {
	want Want
	left int // of want.Bytes
	out  []Delivery
}

// roomOf is how much deferred and retried work of an organ a Pull takes.
func roomOf(w Want, organ int) int {
	switch {
	case w.Organs == nil:
		return math.MaxInt
	case organ >= len(w.Organs):
		return 0
	default:
		return max(w.Organs[organ], 0)
	}
}

// takes reports whether an event of this size may be handed out too.
func (b *memoryBatch) takes(size int32) bool {
	return len(b.out) == 0 || len(b.out) < b.want.Events && int(size) <= b.left
}

// add hands out the works of slot that are in flight since handout. plain are the organs if these are all who listen
// to its type, and none has tried.
func (b *memoryBatch) add(slot *memorySlot, handout uint64, plain []int32) {
	b.out = append(b.out, Delivery{})
	d := &b.out[len(b.out)-1]
	d.Event, d.Receipt = slot.event, Receipt{A: uint64(slot.index), B: handout}
	d.Position.Lo, d.Handout = slot.position, handout
	if plain != nil {
		d.organs = plain
	} else {
		d.Todo = slot.todo(handout)
	}
	b.left -= int(slot.size)
}

// pass tells of an event that nobody wants.
func (b *memoryBatch) pass(e *memoryEntry) {
	b.out = append(b.out, Delivery{Event: e.event, number: e.number, Acked: true})
	b.left -= int(e.size)
}

// todo lists the works handed out as handout.
func (s *memorySlot) todo(handout uint64) []Todo {
	todo := []Todo{}
	for i := range s.works {
		w := &s.works[i]
		if w.handout != handout || w.organ == NoOrgan {
			continue
		}
		x := Todo{Organ: int(w.organ), Attempts: int(w.attempts)}
		if w.attempts > 0 {
			x.First = w.delay.first
		}
		todo = append(todo, x)
	}
	return todo
}

// ready is the number of works to be handed out.
func (s *memorySlot) ready() int {
	n := 0
	for i := range s.works {
		if s.works[i].state == workReady {
			n++
		}
	}
	return n
}

// poll hands out what may be handed out now.
func (s *memoryService) poll(w Want) []Delivery {
	now := s.stream.now()
	s.stream.promote(now)
	if w.Organs == nil {
		s.takes = nil
	} else {
		s.takes = append(s.takes[:0], w.Organs...)
	}
	b := &memoryBatch{want: w, left: w.Bytes, out: w.Into[:0]}
	if n := min(w.Events, len(s.again)+s.unread()); cap(b.out) == 0 && n > 0 {
		b.out = make([]Delivery, 0, n)
	}
	if s.pullAgain(b, now) {
		s.pullHeld(b, now)
		s.pullFresh(b, now)
	}
	return b.out
}

// pullAgain hands out what was lost, and reports whether that was all of it: nothing that came
// later may go before it.
func (s *memoryService) pullAgain(b *memoryBatch, now time.Time) bool {
	for i, slot := range s.again {
		if !b.takes(slot.size) {
			s.again = s.again[i:]
			return false
		}
		slot.listed = false
		s.hand(b, slot, now, nil)
	}
	s.again = nil
	return true
}

// pullHeld hands out retried and deferred work that may come now. The organs take turns in being first.
func (s *memoryService) pullHeld(b *memoryBatch, now time.Time) {
	s.turn++
	for i := 0; i < len(s.lines) && s.held > 0; i++ {
		organ := (s.turn + i) % len(s.lines)
		line := &s.lines[organ]
		for room := roomOf(b.want, organ); room > 0; room-- {
			h := line.next(now)
			if h == nil {
				break
			}
			if !b.takes(h.first().size) {
				return
			}
			slot := line.take(h, int32(organ))
			s.held--
			slot.work(int32(organ)).state = workReady
			s.handOut(b, slot, nil)
		}
	}
}

// pullFresh hands out what the service has not seen yet. With an event that nobody wants it is finished then: nothing
// comes of it, so there is nothing that a crash could part.
func (s *memoryService) pullFresh(b *memoryBatch, now time.Time) {
	before := s.cursor
	for s.unread() > 0 {
		e, route := s.next()
		if !b.takes(e.size) {
			break
		}
		switch route {
		case nil:
			s.cursor++
		case unwantedRoute:
			s.cursor++
			b.pass(e)
		default:
			s.hand(b, s.fresh(e, route), now, route.plain())
		}
	}
	s.passed(before)
}

// passed follows up on the events that the cursor has passed since before.
func (s *memoryService) passed(before uint64) {
	if s.cursor > before {
		s.stream.trim()
		s.stream.room.all()
	}
}

// next returns the next event of the log, and where it goes: nil is to another service.
func (s *memoryService) next() (*memoryEntry, *memoryRoute) {
	e := s.stream.log.at(s.cursor)
	return e, s.routes.of(e)
}

// fresh takes the next event of the log, which is e, into a slot.
func (s *memoryService) fresh(e *memoryEntry, route *memoryRoute) *memorySlot {
	s.cursor++
	return s.slots.take(e, s.cursor-1, route.organs, s.stream.handouts)
}

// hand hands out what is ready of slot, unless it has to wait behind what is held.
func (s *memoryService) hand(b *memoryBatch, slot *memorySlot, now time.Time, plain []int32) {
	switch held := s.holdBack(slot, now); {
	case held == 0:
		s.handOut(b, slot, plain)
	case slot.ready() > 0:
		s.handOut(b, slot, nil)
	}
}

// holdBack holds the works of slot that have to wait behind others, and returns how many.
func (s *memoryService) holdBack(slot *memorySlot, now time.Time) int {
	if s.held == 0 {
		return 0
	}
	held := 0
	for i := range slot.works {
		w := &slot.works[i]
		if w.organ < 0 || w.state != workReady || !s.lines[w.organ].holds(slot) {
			continue
		}
		w.hold(waitTurn, now)
		s.hold(slot, w)
		held++
	}
	return held
}

// hold lets the work of slot wait in its organ's line.
func (s *memoryService) hold(slot *memorySlot, w *memoryWork) {
	s.lines[w.organ].add(slot, w)
	s.held++
}

// handOut hands out every work of slot that is ready.
func (s *memoryService) handOut(b *memoryBatch, slot *memorySlot, plain []int32) {
	s.stream.handouts++
	for i := range slot.works {
		w := &slot.works[i]
		if w.state == workReady {
			w.state, w.handout = workInFlight, s.stream.handouts
			s.inFlight++
		}
	}
	b.add(slot, s.stream.handouts, plain)
}
