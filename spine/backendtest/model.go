package backendtest

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/necrostack/necrostack/actors"
	"github.com/necrostack/necrostack/spine"
)

// Model runs one random history, which seed alone decides, against a backend and a model of it, and
// fails where the backend does what the model forbids, or holds back what nothing forbids.
func Model(t *testing.T, h Harness, seed uint64) {
	t.Helper()
	h.run(t, fmt.Sprint("Model/seed=", seed), func(t *testing.T) {
		m := newModel(newSuite(t, h), seed)
		for range modelSteps {
			m.step()
		}
		m.end()
	})
}

const modelSteps = 150

// model is what a backend must have of one service: events in stream order, and of each what its
// organs have to do. Organs 0 and 1 get events in any order, 2 and 3 in that of their key.
type model struct {
	*owner
	random  *rand.Rand
	events  []*modelEvent // that are not finished
	byID    map[actors.ID]*modelEvent
	inHand  []handed
	letters int
	made    int

	emitting bool   // in the present Settle
	emitter  uint32 // the shard that does
}

// modelEvent is one event. Those with a key are never delayed, so that the order in which
// they were made is that of the stream.
type modelEvent struct {
	event actors.Event
	works map[int]*modelWork // by organ, NoOrgan with an event that nobody wants
}

type modelWork struct {
	state    modelState
	attempts int
	first    time.Time
	due      time.Time // of a held one; zero: it waits for no time
	doubtful bool      // held through a loss: a backend may take it for lost, and hand it out without room
}

func (e *modelEvent) finished() bool {
	for _, w := range e.works {
		if w.state != isFinished {
			return false
		}
	}
	return true
}

type modelState string

const (
	isFresh    modelState = "fresh"
	isInFlight modelState = "in flight"
	isHeld     modelState = "held"
	isLost     modelState = "lost" // was in flight
	isFinished modelState = "finished"
)

// handed is one organ's part of a delivery that the test has in hand.
type handed struct {
	delivery spine.Delivery
	organ    int
}

func newModel(s *suite, seed uint64) *model {
	return &model{
		owner:  s.serve(organ("a"), organ("b", "MEMO"), ordered("c"), ordered("d")),
		random: rand.New(rand.NewPCG(seed, 1)),
		byID:   map[actors.ID]*modelEvent{},
	}
}

// step does one thing that a runtime, or the world, may do.
func (m *model) step() {
	m.events = slices.DeleteFunc(m.events, (*modelEvent).finished)
	switch dice := m.random.IntN(100); {
	case dice < 25:
		m.publishSome()
	case dice < 55:
		m.pullSome()
	case dice < 85:
		m.settleSome()
	case dice < 95:
		m.store.Advance(time.Duration(m.random.IntN(40)) * time.Second)
	case dice < 97:
		m.lose()
	case dice < 98:
		m.change()
	default:
		m.pullAll()
	}
}

// payload is anything, and whether it is new to the deduplication.
func (m *model) payload() actors.Payload {
	m.made++
	text := fmt.Sprint(m.made)
	switch m.random.IntN(10) {
	case 0:
		return spam{}
	case 1, 2:
		return memo{text}
	case 3:
		return actors.After(time.Duration(m.random.IntN(60))*time.Second, memo{text})
	default:
		return note{fmt.Sprint("k-", m.random.IntN(3)), text}
	}
}

func (m *model) publishSome() {
	var evs []actors.Event
	for range 1 + m.random.IntN(6) {
		ev := m.event(m.payload())
		evs = append(evs, ev)
		m.enter(ev)
	}
	m.publish(evs...)
}

// enter adds an event at the end of the stream.
func (m *model) enter(ev actors.Event) {
	e := &modelEvent{event: ev, works: map[int]*modelWork{}}
	for _, organ := range m.organs(spine.Delivery{Event: ev}) {
		e.works[organ] = &modelWork{state: isFresh}
	}
	if len(e.works) == 0 {
		e.works[spine.NoOrgan] = &modelWork{state: isFresh}
	}
	m.events = append(m.events, e)
	m.byID[ev.ID()] = e
}

// pullSome pulls with any Want.
func (m *model) pullSome() {
	w := spine.Want{Events: 1 + m.random.IntN(12)}
	if m.random.IntN(2) == 0 {
		for range m.service.Organs {
			w.Organs = append(w.Organs, m.random.IntN(4))
		}
	}
	ds := m.attempt(w)
	require.LessOrEqual(m, len(ds), w.Events)
	m.arrived(ds, w.Organs)
}

// pullAll pulls until nothing comes, and then nothing may be left that could have when the last pull began: the clock goes
// on. While more is in flight than is in hand here, some of it is nobody's: a machine that stood still has lost a lease,
// and will have it back.
func (m *model) pullAll() {
	began := time.Now()
	var now time.Time
	for {
		now = m.store.Now()
		ds := m.attempt(spine.Want{Events: math.MaxInt32})
		if len(ds) == 0 && m.owner.backlog().InFlight <= len(m.inHand) {
			break
		}
		require.Less(m, time.Since(began), soon, "something is in flight, and with nobody")
		m.arrived(ds, nil)
	}
	for _, e := range m.events {
		for organ, w := range e.works {
			if w.state != isFinished && w.state != isInFlight {
				require.Falsef(m, m.ripe(e, w, now) && !m.blocked(e, organ), "%s for organ %d is %s, and does not come", m.name(e), organ, w.state)
			}
		}
	}
}

// arrived checks what was handed out, delivery by delivery, and takes it in hand.
func (m *model) arrived(ds []spine.Delivery, room []int) {
	room = slices.Clone(room)
	for _, d := range ds {
		e := m.byID[d.Event.ID()]
		require.NotNilf(m, e, "event %s was never made", d.Event.ID())
		if d.Acked {
			m.owner.unwanted(d)
			m.check(e, spine.NoOrgan, d, nil)
			e.works[spine.NoOrgan].state = isFinished
			continue
		}
		organs := m.owner.organs(d)
		if len(organs) == 0 {
			organs = []int{spine.NoOrgan}
		}
		if d.Todo == nil {
			require.Lenf(m, organs, len(e.works), "%s: Todo is nil, and not all organs have it to do", m.name(e))
		}
		for _, organ := range organs {
			m.check(e, organ, d, room)
			m.inHand = append(m.inHand, handed{d, organ})
		}
	}
}

// check requires that organ may be handed e now, and notes that it was.
func (m *model) check(e *modelEvent, organ int, d spine.Delivery, room []int) {
	m.Helper()
	w := e.works[organ]
	require.NotNilf(m, w, "%s is not for organ %d", m.name(e), organ)
	require.Containsf(m, []modelState{isFresh, isHeld, isLost}, w.state, "%s for organ %d", m.name(e), organ)
	require.Truef(m, m.ripe(e, w, m.store.Now()), "%s for organ %d is not due", m.name(e), organ)
	require.Falsef(m, m.blocked(e, organ), "%s for organ %d overtakes an earlier event of its key", m.name(e), organ)
	for _, todo := range d.Todo {
		if todo.Organ == organ {
			require.Equal(m, w.attempts, todo.Attempts)
			require.Truef(m, w.attempts == 0 && todo.First.IsZero() || w.first.Equal(todo.First), "first failure of %s", m.name(e))
		}
	}
	require.Truef(m, d.Todo != nil || w.attempts == 0, "%s: Todo is nil after an attempt", m.name(e))
	if w.state == isHeld && !w.doubtful && room != nil {
		room[organ]--
		require.GreaterOrEqualf(m, room[organ], 0, "organ %d takes no more", organ)
	}
	w.state = isInFlight
}

// ripe reports whether the time of w has come.
func (m *model) ripe(e *modelEvent, w *modelWork, now time.Time) bool {
	if w.state == isHeld {
		return !w.due.After(now)
	}
	return w.state != isFresh || !e.event.Due().After(now)
}

// blocked reports whether an earlier event of the key has to go to organ before e.
func (m *model) blocked(e *modelEvent, organ int) bool {
	if organ < 0 || !m.service.Organs[organ].Ordered || !e.event.HasKey() {
		return false
	}
	for _, earlier := range m.events {
		if earlier == e {
			return false
		}
		w := earlier.works[organ]
		if w != nil && earlier.event.Key() == e.event.Key() && w.state != isFinished && w.state != isInFlight {
			return true
		}
	}
	return false
}

// settleSome settles some of what is in hand, in any order.
func (m *model) settleSome() {
	m.random.Shuffle(len(m.inHand), func(i, k int) { m.inHand[i], m.inHand[k] = m.inHand[k], m.inHand[i] })
	var ss []spine.Settlement
	var acked []bool
	m.emitting = false
	for range min(len(m.inHand), 1+m.random.IntN(8)) {
		h := m.inHand[0]
		m.inHand = m.inHand[1:]
		ss = append(ss, m.settlement(h))
		acked = append(acked, m.byID[h.delivery.Event.ID()].finished())
	}
	if len(ss) == 0 {
		return
	}
	for i, a := range m.settle(ss...) {
		require.Equal(m, acked[i], a.Acked)
	}
	if m.random.IntN(4) == 0 {
		m.settle(ss...) // once more: all of them were applied
	}
}

// settlement is anything that may become of h, which is noted.
func (m *model) settlement(h handed) spine.Settlement {
	w := m.byID[h.delivery.Event.ID()].works[h.organ]
	dice := m.random.IntN(10)
	switch {
	case h.organ == spine.NoOrgan || dice < 5:
		w.state = isFinished
		return done(h.delivery, h.organ, m.emissions(h)...)
	case dice < 6:
		w.state = isFinished
		m.letters++
		return m.dead(h.delivery, h.organ, "model", m.emissions(h)...)
	}
	l := spine.Later{Attempts: w.attempts, First: w.first, Waits: dice == 6}
	if !l.Waits {
		l.Due = m.store.Now().Add(time.Duration(m.random.IntN(60)-10) * time.Second)
	}
	kind := spine.Defer
	if dice > 7 {
		kind = spine.Retry
		if l.Attempts++; l.Attempts == 1 {
			l.First = m.store.Now().Truncate(time.Millisecond)
		}
	}
	w.state, w.attempts, w.first, w.due, w.doubtful = isHeld, l.Attempts, l.First, l.Due, false
	return later(h.delivery, h.organ, kind, l)
}

func (m *model) emissions(h handed) []actors.Event {
	if h.organ == spine.NoOrgan || m.random.IntN(4) > 0 {
		return nil
	}
	// Among what the shards emit in one Settle there is no order.
	if m.emitting && m.emitter != h.delivery.Shard {
		return nil
	}
	m.emitting, m.emitter = true, h.delivery.Shard
	ev := m.emission(h.delivery, h.organ, 0, m.payload())
	m.enter(ev)
	return []actors.Event{ev}
}

// lose settles with a stranger's receipt, after which everything in hand comes again.
func (m *model) lose() {
	if len(m.inHand) == 0 {
		return
	}
	d := m.inHand[0].delivery
	d.Receipt = spine.Receipt{A: math.MaxUint64, B: math.MaxUint64}
	m.lost(done(d, m.inHand[0].organ))
	m.dropHands(func(h handed) bool { return h.delivery.Shard == d.Shard })
}

// change gives the service another owner.
func (m *model) change() {
	m.owner = m.restart(m.service.Organs...)
	m.dropHands(func(handed) bool { return true })
}

// dropHands notes that what was in hand of some shards is lost.
func (m *model) dropHands(lost func(handed) bool) {
	m.inHand = slices.DeleteFunc(m.inHand, func(h handed) bool {
		if !lost(h) {
			return false
		}
		m.byID[h.delivery.Event.ID()].works[h.organ].state = isLost
		return true
	})
	for _, e := range m.events {
		for _, w := range e.works {
			w.doubtful = w.doubtful || w.state == isHeld
		}
	}
}

// end finishes everything and requires that nothing is left.
func (m *model) end() {
	for {
		m.pullAll()
		if len(m.inHand) > 0 {
			m.finishHands()
			continue
		}
		b := m.backlog()
		if b.Ready > 0 {
			continue // it came since, or comes again from a lost lease; a pull demands that it comes
		}
		if b.Retrying+b.Delayed == 0 {
			break
		}
		m.store.Advance(10 * time.Second)
	}
	require.Equal(m, spine.Backlog{DeadLetters: m.letters}, m.backlog())
	for _, e := range m.events {
		for organ, w := range e.works {
			require.Equalf(m, isFinished, w.state, "%s for organ %d", m.name(e), organ)
		}
	}
}

func (m *model) finishHands() {
	for _, h := range m.inHand {
		m.byID[h.delivery.Event.ID()].works[h.organ].state = isFinished
		m.settle(done(h.delivery, h.organ))
	}
	m.inHand = nil
}

func (m *model) name(e *modelEvent) string {
	return fmt.Sprintf("event %s (%s of %q)", text(e.event), e.event.Type(), e.event.Key())
}
