package spine

import (
	"time"

	"github.com/necrostack/necrostack/actors"
)

// simWatch keeps its own account of what the store has handed out and what was settled, and holds the
// core and the backend against it.
type simWatch struct {
	s        *sim
	fates    map[simPair]*simFate
	open     map[uint64]int // works in hand, by hand-out
	lost     uint64         // the core was told that hand-outs up to here are void
	unstored map[*lane]int  // changes of cells whose answer the core does not have
	changed  map[*chunk][]*lane
}

// simPair is an event for an organ.
type simPair struct {
	organ int
	event actors.ID
}

type simFate struct {
	handout  uint64
	inHand   bool
	finished bool
	due      time.Time
	attempts int // failed, as the store knows
	failed   int // since the hand-out
	handed   int // how often, while there are no faults
}

func newSimWatch(s *sim) *simWatch {
	w := &simWatch{s: s, fates: map[simPair]*simFate{}}
	w.reopened()
	return w
}

func (w *simWatch) fate(p simPair) *simFate {
	f := w.fates[p]
	if f == nil {
		f = &simFate{}
		w.fates[p] = f
	}
	return f
}

// reopened: what the owner before had in hand is nobody's.
func (w *simWatch) reopened() {
	w.revoked()
	w.lost = 0
	w.unstored, w.changed = map[*lane]int{}, map[*chunk][]*lane{}
}

func (w *simWatch) revoked() {
	for _, f := range w.fates {
		f.inHand = false
	}
	w.open = map[uint64]int{}
}

// handedOut checks what the store gives away.
func (w *simWatch) handedOut(ds []Delivery) {
	for _, d := range ds {
		if d.Acked {
			w.passed(d)
			continue
		}
		for _, x := range w.todo(d) {
			w.handedOne(d, x)
		}
	}
	if n, most := len(w.open), w.s.c.config.maxEvents; n > most {
		w.s.fail("the store has %d events in hand, at most %d are allowed", n, most)
	}
}

// passed checks what the store has acknowledged by itself.
func (w *simWatch) passed(d Delivery) {
	f := w.fate(simPair{NoOrgan, d.Event.ID()})
	if f.finished {
		w.s.fail("event %s was acknowledged by the store twice", d.Event.ID())
	}
	f.finished = true
	for _, p := range w.s.plan {
		if listens(p, d.Event) {
			w.s.fail("event %s was acknowledged by the store, and organ %s wants it", d.Event.ID(), p.name)
		}
	}
}

func (w *simWatch) handedOne(d Delivery, x Todo) {
	f := w.fate(simPair{x.Organ, d.Event.ID()})
	switch {
	case f.finished:
		w.s.fail("event %s was handed out to organ %d, which is finished with it", d.Event.ID(), x.Organ)
	case f.inHand:
		w.s.fail("event %s was handed out to organ %d, which has it in hand", d.Event.ID(), x.Organ)
	case time.Now().Before(f.due):
		w.s.fail("event %s was handed out to organ %d at %v, it is due at %v", d.Event.ID(), x.Organ, time.Now(), f.due)
	case x.Attempts != f.attempts:
		w.s.fail("event %s was handed out to organ %d with %d attempts, want %d", d.Event.ID(), x.Organ, x.Attempts, f.attempts)
	}
	f.handout, f.inHand, f.failed = d.Handout, true, 0
	w.open[d.Handout]++
	if !w.s.calm {
		return
	}
	if f.handed++; f.handed > simMostHandouts {
		w.s.fail("event %s was handed out to organ %d for the time %d without faults", d.Event.ID(), x.Organ, f.handed)
	}
}

// Hand-outs of one event to one organ. An event goes back when it fails, when an earlier one of its key does, when
// its organ's breaker opens, and when its organ has its share. 2,000 seeds saw 25 at most; when events and their
// successors send each other back, one in 2,000 has more.
const (
	simMostHandouts = 48
	simManyHandouts = 24
)

// todo is what a delivery asks of whom, spelt out.
func (w *simWatch) todo(d Delivery) []Todo {
	todo := d.Todo
	if todo == nil {
		for i, p := range w.s.plan {
			if listens(p, d.Event) {
				todo = append(todo, Todo{Organ: i})
			}
		}
	}
	return todo
}

// told checks what the core wants settled.
func (w *simWatch) told(ch *chunk) {
	for k, x := range ch.ss {
		work := &w.s.c.ledger.works[ch.refs[k]]
		f := w.fate(simPair{x.Organ, work.event.ID()})
		if x.Receipt.B <= w.lost {
			w.s.fail("hand-out %d is settled, those up to %d are lost", x.Receipt.B, w.lost)
		}
		if most := f.attempts + f.failed; x.Later != nil && x.Receipt.B == f.handout && f.inHand &&
			(x.Later.Attempts > most || x.Kind == Retry && x.Later.Attempts < most) {
			w.s.fail("event %s goes back from organ %d with %d attempts, it has failed %d times", work.event.ID(), x.Organ, x.Later.Attempts, most)
		}
		if x.Change != nil {
			l := w.s.c.organs[work.organ].lanes[work.lane]
			w.unstored[l]++
			w.changed[ch] = append(w.changed[ch], l)
		}
	}
}

// began checks that a lane does not run ahead of the store.
func (w *simWatch) began(l *lane) {
	if n := w.unstored[l]; n > 0 {
		w.s.fail("lane %s/%d has a batch while %d changes of its cells are not stored", l.organ.name, l.index, n)
	}
}

// tried notes a failed attempt, unless it is of a hand-out that was lost.
func (w *simWatch) tried(ref uint32) {
	x := &w.s.c.ledger.works[ref]
	if f := w.fate(simPair{int(x.organ), x.event.ID()}); f.handout == x.handout {
		f.failed++
	}
}

// settled follows what the store has answered. refs are the events.
func (w *simWatch) settled(ch *chunk, answers []Answer) {
	for k, a := range answers {
		if a.Code == Lost {
			w.revoked()
			return
		}
		x := &ch.ss[k]
		f := w.fate(simPair{x.Organ, w.s.c.ledger.works[ch.refs[k]].event.ID()})
		if a.Code == LettersFull || !f.inHand || f.handout != x.Receipt.B {
			continue
		}
		f.inHand = false
		if w.open[f.handout]--; w.open[f.handout] == 0 {
			delete(w.open, f.handout)
		}
		f.finished = x.Kind == Done || x.Kind == Dead
		f.due = time.Time{}
		if x.Later == nil {
			continue
		}
		f.attempts = x.Later.Attempts
		if !x.Later.Waits {
			f.due = x.Later.Due
		}
	}
}

// answers notes that the core is about to take an answer.
func (w *simWatch) answers(a simAnswer) {
	for _, l := range w.changed[a.chunk] {
		w.unstored[l]--
	}
	delete(w.changed, a.chunk)
}

// answered notes what the core has learnt from it.
func (w *simWatch) answered(a simAnswer) {
	w.lost = max(w.lost, a.void)
	for _, x := range a.answers {
		if x.Code == Lost {
			w.lost = max(w.lost, x.Handouts)
		}
	}
}
