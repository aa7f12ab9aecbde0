package spine

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/necrostack/necrostack/actors"
	"github.com/necrostack/necrostack/actors/host"
	"github.com/necrostack/necrostack/persistence"
	"github.com/necrostack/necrostack/supervision"
)

// sim is a Spine's core in a world of its own: lanes, store and time are played.
type sim struct {
	t     *testing.T
	seed  uint64
	rnd   *rand.Rand
	cover simCover

	mem     *Memory
	service Service
	plan    []simOrgan
	root    *actors.Stamper
	budget  int // events still to publish
	serial  int

	c       *core
	epoch   int
	ended   bool
	wake    time.Time
	pull    *simPull
	chunks  []*chunk // told to settle, in order
	answers []simAnswer
	running []simRun
	downs   []*lane
	cells   map[string]map[string]uint64 // organ, key: changes, as its lanes believe
	asked   int
	dropped map[string]map[actors.ID]int // dead letters an operator took away
}

// simOrgan is an organ's behaviour.
type simOrgan struct {
	name    string
	types   []string
	ordered bool
	keyed   bool
	workers int
	policy  supervision.Policy
	stamper *actors.Stamper
}

type simPull struct {
	want Want
	done bool // executed by the store; the answer is on its way
	ds   []Delivery
	over bool // cancelled
}

type simAnswer struct {
	chunk   *chunk
	answers []Answer
	err     error
}

type simRun struct {
	lane  *lane
	batch *host.Batch
}

// simEvent is a payload of the simulation, simMark what every final handling leaves behind.
type simEvent struct {
	T string `json:"-"`
	N int
}

func (e simEvent) EventType() string { return e.T }

type simMark struct {
	Organ string
	Of    actors.ID
	Final string // "done" or "failed"
}

func (simMark) EventType() string { return "MARK" }

const (
	simTypes = 4
	simHops  = 4
)

func simType(i int) string { return fmt.Sprintf("T%d", i) }

func newSim(t *testing.T, seed uint64) *sim {
	s := &sim{
		t: t, seed: seed, rnd: rand.New(rand.NewPCG(seed, 1)), cover: newSimCover(),
		cells: map[string]map[string]uint64{}, budget: 60, dropped: map[string]map[actors.ID]int{},
	}
	s.root = actors.NewStamper(actors.StamperOptions{Service: "sim"})
	letters := 1 << 20
	if s.rnd.IntN(5) == 0 {
		letters = 2 // and nobody takes any away while there are faults
	}
	s.mem = NewMemory(WithRetain(1_000_000*time.Hour), WithLetterLimit(letters))
	s.plan = s.planOrgans(2 + s.rnd.IntN(4))
	s.service = Service{Name: "sim"}
	for _, o := range s.plan {
		s.service.Organs = append(s.service.Organs, OrganSpec{
			Name: o.name, Types: o.types, Ordered: o.ordered, Keyed: o.keyed,
		})
	}
	s.open()
	return s
}

func newSimCover() simCover {
	c := simCover{}
	for _, what := range []string{
		"retry", "dead letter", "logged", "panic", "timeout", "interrupted", "lost shard", "lost after it was applied",
		"crash", "drain", "pause", "breaker", "hop limit", "letters full", "delayed", "starvation phases", "held", "redelivery",
	} {
		c[what] = 0
	}
	return c
}

func (s *sim) planOrgans(n int) []simOrgan {
	plan := make([]simOrgan, n)
	for i := range plan {
		o := simOrgan{name: fmt.Sprintf("o%d", i), workers: 1 + s.rnd.IntN(3)}
		switch s.rnd.IntN(3) {
		case 0:
			o.ordered = true
		case 1:
			o.ordered, o.keyed = true, true
		}
		for k := range simTypes {
			if s.rnd.IntN(2) == 0 || k == i%simTypes {
				o.types = append(o.types, simType(k))
			}
		}
		o.policy = supervision.Policy{
			Retry:         supervision.Retry{Attempts: 1 + s.rnd.IntN(4), Backoff: supervision.Exponential(time.Second, 5*time.Second)},
			Exhausted:     supervision.Strategy(1 + s.rnd.IntN(3)),
			MaxDeliveries: 5,
			Breaker:       supervision.BreakerPolicy{Failures: s.rnd.IntN(2) * 3, Open: 10 * time.Second},
		}.WithDefaults()
		o.stamper = actors.NewStamper(actors.StamperOptions{Service: "sim", Organ: o.name})
		plan[i] = o
	}
	return plan
}

// open starts a core on the store, as after a start of the process.
func (s *sim) open() {
	if err := s.mem.Open(s.t.Context(), s.service); err != nil {
		s.fail("open: %v", err)
	}
	s.epoch++
	s.ended, s.wake = false, time.Time{}
	s.pull, s.chunks, s.answers, s.running, s.downs = nil, nil, nil, nil, nil
	clear(s.cells)
	cfg := coreConfig{
		service: "sim", maxEvents: 4 + s.rnd.IntN(40), maxBytes: 1 << 20, maxBatch: 1 + s.rnd.IntN(6),
		maxHops: simHops, maxAsks: 4, abandoned: 1 << 30,
	}
	s.c = newCore(cfg, s.service, s.rnd.Float64)
	for i, p := range s.plan {
		o := &organ{
			index: int32(i), name: p.name, keyed: p.keyed, ordered: p.ordered, policy: p.policy,
			breaker: supervision.NewBreaker(p.policy.Breaker), wantsFailed: func(string) bool { return true }, stats: &organBook{},
		}
		if p.ordered {
			o.holds = newHolds()
		}
		for k := range p.workers {
			o.lanes = append(o.lanes, &lane{organ: o, index: int32(k)})
		}
		s.c.organs = append(s.c.organs, o)
	}
	s.c.credit = newCredit(cfg.maxEvents, len(s.plan))
	s.step(s.c.tick)
}

// step is what the shell does with a message: one step of the core, then its effects.
func (s *sim) step(f func(now time.Time)) {
	f(time.Now())
	s.c.flush()
	s.perform(&s.c.out)
	if n := s.c.ledger.events; n > s.c.config.maxEvents {
		s.fail("%d events in hand, at most %d are allowed", n, s.c.config.maxEvents)
	}
}

func (s *sim) perform(out *effects) {
	for _, l := range out.forgets {
		for _, p := range s.plan {
			if p.name == l.organ.name {
				delete(s.cells, fmt.Sprint(p.name, l.index))
			}
		}
	}
	for _, r := range out.runs {
		for _, x := range s.running {
			if x.lane == r.lane {
				s.fail("lane %s/%d has two batches", r.lane.organ.name, r.lane.index)
			}
		}
		s.running = append(s.running, simRun{r.lane, r.batch})
	}
	if out.chunk != nil {
		s.chunks = append(s.chunks, out.chunk)
	}
	if out.cancelPull && s.pull != nil {
		s.pull.over = true
	}
	if out.pull {
		if s.pull != nil {
			s.fail("two pulls at a time")
		}
		w := s.c.credit.want
		w.Organs = append([]int(nil), w.Organs...)
		s.pull = &simPull{want: w}
	}
	if !out.wake.IsZero() && (s.wake.IsZero() || out.wake.Before(s.wake)) {
		s.wake = out.wake
	}
	for _, n := range out.notes {
		s.see(n)
	}
	s.ended = s.ended || out.ended
	out.reset()
}

func (s *sim) see(n Note) {
	switch n.Kind {
	case NoteRetry:
		s.cover["retry"]++
	case NoteDeadLetter:
		s.cover["dead letter"]++
		if n.Failure.Kind == actors.KindHops {
			s.cover["hop limit"]++
		}
	case NoteLogged:
		s.cover["logged"]++
	case NoteLettersFull:
		s.cover["letters full"]++
	case NoteOnFailed:
		s.fail("OnFailed failed: %v", n.Failure)
	}
}

// --- what the world does ---------------------------------------------------------------

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
	// A pull waits for something; one that was cancelled ends with nothing.
	s.pull.done = len(s.pull.ds) > 0 || s.pull.over
}

func (s *sim) deliverPull() {
	ds := s.pull.ds
	s.pull = nil
	for _, d := range ds {
		if d.Todo != nil && len(d.Todo) > 0 {
			s.cover["redelivery"]++
		}
	}
	s.step(func(now time.Time) { s.c.arrived(now, ds, nil) })
}

var errSim = errors.New("the store did not answer")

// executeChunk has the store settle the oldest chunk. As faults, the shard is lost: before
// it was applied, or after.
func (s *sim) executeChunk(faults bool) {
	ch := s.chunks[0]
	s.chunks = s.chunks[1:]
	fault := 0
	if faults && s.rnd.IntN(12) == 0 {
		fault = 1 + s.rnd.IntN(2)
	}
	if fault == 1 {
		s.cover["lost shard"]++
		s.answers = append(s.answers, simAnswer{ch, s.revoke(len(ch.ss)), nil})
		return
	}
	if !faults {
		s.takeLetters()
	}
	answers, err := s.mem.Settle(s.t.Context(), ch.ss)
	if err != nil {
		s.fail("settle: %v", err)
	}
	if fault == 2 {
		s.cover["lost after it was applied"]++
		answers = s.revoke(len(ch.ss))
	}
	s.answers = append(s.answers, simAnswer{ch, answers, err})
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
		if n, err := s.mem.Drop(s.t.Context(), l.ID); n != 1 || err != nil {
			s.fail("drop letter %s: %d, %v", l.ID, n, err)
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
	answers := make([]Answer, n)
	for i := range answers {
		answers[i] = Answer{Code: Lost, Handouts: s.mem.stream.handouts}
	}
	return answers
}

func (s *sim) deliverAnswer() {
	a := s.answers[0]
	s.answers = s.answers[1:]
	s.step(func(now time.Time) { s.c.settled(now, a.chunk, a.answers, a.err) })
}

func (s *sim) reviveLane() {
	i := s.rnd.IntN(len(s.downs))
	l := s.downs[i]
	s.downs = append(s.downs[:i], s.downs[i+1:]...)
	s.step(func(now time.Time) { s.c.laneReady(now, l) })
}

// passTime lets time pass to the next thing that waits for it, or a little.
func (s *sim) passTime() {
	now := time.Now()
	next := now.Add(time.Duration(s.rnd.IntN(int(2 * time.Second))))
	if due, ok := s.mem.nextDue(); ok && due.After(now) && due.Before(next.Add(20*time.Second)) {
		next = due
	}
	if !s.wake.IsZero() && s.wake.Before(next) {
		next = s.wake
	}
	if d := next.Sub(now); d > 0 {
		time.Sleep(d)
	}
	if !s.wake.IsZero() && !time.Now().Before(s.wake) {
		s.wake = time.Time{}
		s.step(s.c.tick)
	}
}

func (s *sim) togglePause() {
	s.cover["pause"]++
	o := s.c.organs[s.rnd.IntN(len(s.c.organs))]
	s.step(func(now time.Time) { s.c.pause(now, o, !o.paused) })
}

func (s *sim) resumeAll() {
	for _, o := range s.c.organs {
		if o.paused {
			s.step(func(now time.Time) { s.c.pause(now, o, false) })
		}
	}
}

func (s *sim) tripBreaker() {
	s.cover["breaker"]++
	o := s.c.organs[s.rnd.IntN(len(s.c.organs))]
	s.step(func(now time.Time) { s.c.budgetSpent(now, o) })
}

// crash drops everything but the store, and starts again.
func (s *sim) crash() {
	s.cover["crash"]++
	s.open()
}

// drain ends the run in good order: afterwards nothing is in flight.
func (s *sim) drain() {
	s.cover["drain"]++
	s.step(s.c.drain)
	for range 10_000 {
		if s.ended {
			break
		}
		switch {
		case len(s.running) > 0 && s.rnd.IntN(3) == 0:
			s.finishBatch(true)
		case len(s.chunks) > 0:
			s.executeChunk(false)
		case len(s.answers) > 0:
			s.deliverAnswer()
		case s.pull != nil && !s.pull.done && s.pull.over && s.rnd.IntN(2) == 0:
			s.pull.ds, s.pull.done = nil, true
		case s.pull != nil && !s.pull.done:
			s.executePull()
		case s.pull != nil:
			s.deliverPull()
		case len(s.running) > 0:
			s.finishBatch(true)
		}
		if s.t.Failed() {
			return
		}
	}
	b, _ := s.mem.Backlog(s.t.Context())
	if !s.ended || b.InFlight > 0 || s.c.ledger.inHand() > 0 {
		s.fail("drained: ended %v, backlog %+v, in hand %d", s.ended, b, s.c.ledger.inHand())
	}
}

// --- what the lanes do -----------------------------------------------------------------

// nature is how an event fares with an organ, always the same: how often it fails first, and
// how.
func (s *sim) nature(organ string, ev actors.Event) (fails int, kind actors.Kind) {
	id := ev.ID()
	h := binary.BigEndian.Uint64(id[8:]) ^ uint64(organ[1])*0x9E3779B97F4A7C15
	h ^= h >> 29
	h *= 0xBF58476D1CE4E5B9
	h ^= h >> 32
	switch h % 16 {
	case 0, 1:
		return int(h >> 8 % 4), actors.KindError
	case 2:
		return int(h >> 8 % 3), actors.KindPanic
	case 3:
		return 1 + int(h>>8%2), actors.KindTimeout
	case 4:
		return 1 << 20, actors.KindPermanent
	case 5:
		return 1 << 20, actors.KindError
	default:
		return 0, 0
	}
}

// finishBatch gives a running batch back, as the host would.
func (s *sim) finishBatch(faults bool) {
	i := s.rnd.IntN(len(s.running))
	r := s.running[i]
	s.running = append(s.running[:i], s.running[i+1:]...)
	b, l := r.batch, r.lane
	b.Started, b.Ended = time.Now(), time.Now()
	p := &s.plan[l.organ.index]
	failed := map[string]bool{}
	stopAt := len(b.Items)
	if s.c.stop.draining {
		stopAt = s.rnd.IntN(len(b.Items) + 1)
	}
	for k := range b.Items {
		it := &b.Items[k]
		key := it.Event.Key()
		switch {
		case b.Down || k >= stopAt:
			b.Outcomes = append(b.Outcomes, host.Outcome{Code: host.Undone})
		case p.ordered && failed[key]:
			s.cover["held"]++
			b.Outcomes = append(b.Outcomes, host.Outcome{Code: host.Held})
		case s.c.stop.draining && s.rnd.IntN(5) == 0:
			s.cover["interrupted"]++
			failed[key] = true
			s.forgetCell(p, l, key)
			b.Outcomes = append(b.Outcomes, host.Outcome{Code: host.Interrupted})
		default:
			out := s.handle(p, l, it, b)
			failed[key] = failed[key] || out.Code == host.Failed
			b.Outcomes = append(b.Outcomes, out)
		}
	}
	if b.Down {
		s.downs = append(s.downs, l)
	}
	_ = faults
	s.step(func(now time.Time) { s.c.finished(now, l, b) })
}

func (s *sim) handle(p *simOrgan, l *lane, it *host.Item, b *host.Batch) host.Outcome {
	ev := it.Event
	if it.Failed != nil {
		return host.Outcome{Emitted: s.emit(p, ev, simMark{p.name, ev.ID(), "failed"})}
	}
	if most := s.mostAttempts(p); int(it.Attempt) > most {
		s.fail("organ %s tries event %s %s for the time %d, the policy allows %d", p.name, ev.Type(), ev.ID(), it.Attempt, most)
	}
	fails, kind := s.nature(p.name, ev)
	if int(it.Attempt) <= fails {
		return s.failing(p, l, it, b, kind)
	}
	out := []actors.Payload{simMark{p.name, ev.ID(), "done"}}
	id := ev.ID()
	if t := int(ev.Type()[1] - '0'); t+1 < simTypes && id[0]%2 == 0 {
		out = append(out, s.child(t+1, ev))
	} else if t == simTypes-1 && id[0]%4 == 1 {
		out = append(out, s.child(t, ev)) // a cycle, which the hop limit ends
	}
	o := host.Outcome{Emitted: s.emit(p, ev, out...)}
	if p.keyed {
		o.Change = s.change(p, l, ev)
	}
	return o
}

// child is an emission that depends on its parent alone.
func (s *sim) child(t int, parent actors.Event) actors.Payload {
	id := parent.ID()
	p := actors.With(simEvent{T: simType(t), N: int(id[1])}, actors.Key(fmt.Sprintf("k%d", id[2]%5)))
	if id[3]%4 == 0 {
		s.cover["delayed"]++
		return actors.After(time.Duration(1+int(id[4]))*10*time.Millisecond, p)
	}
	return p
}

func (s *sim) emit(p *simOrgan, parent actors.Event, ps ...actors.Payload) []actors.Event {
	evs := make([]actors.Event, len(ps))
	for i, x := range ps {
		ev, err := p.stamper.Emission(parent, i, x, time.Now())
		if err != nil {
			s.fail("emission: %v", err)
			return nil
		}
		evs[i] = ev
	}
	return evs
}

func (s *sim) failing(p *simOrgan, l *lane, it *host.Item, b *host.Batch, kind actors.Kind) host.Outcome {
	if kind == actors.KindPanic || kind == actors.KindTimeout {
		s.cover[kind.String()]++
		b.Down = true
	}
	s.forgetCell(p, l, it.Event.Key())
	if kind == actors.KindTimeout {
		delete(s.cells, fmt.Sprint(p.name, l.index))
	}
	now := time.Now()
	return host.Outcome{Code: host.Failed, Failure: &actors.Failure{
		Organ: p.name, Kind: kind, Err: errSim, Attempt: int(it.Attempt), First: now, Last: now,
	}}
}

func (s *sim) mostAttempts(p *simOrgan) int {
	if p.policy.Exhausted == supervision.Nack {
		return max(p.policy.MaxDeliveries, p.policy.Retry.Attempts)
	}
	return p.policy.Retry.Attempts
}

// change is what a step does to its cell, computed on what the lane believes.
func (s *sim) change(p *simOrgan, l *lane, ev actors.Event) *persistence.Change {
	home := fmt.Sprint(p.name, l.index)
	if s.cells[home] == nil {
		s.cells[home] = map[string]uint64{}
	}
	seq, known := s.cells[home][ev.Key()]
	if !known {
		h, err := s.mem.Load(s.t.Context(), []persistence.Cell{{Organ: p.name, Key: ev.Key()}})
		if err != nil {
			s.fail("load: %v", err)
			return nil
		}
		seq = h[0].Last
	}
	s.cells[home][ev.Key()] = seq + 1
	return &persistence.Change{Base: seq, Version: 1, At: time.Now()}
}

func (s *sim) forgetCell(p *simOrgan, l *lane, key string) {
	delete(s.cells[fmt.Sprint(p.name, l.index)], key)
}
