package spine

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/necrostack/necrostack/actors"
	"github.com/necrostack/necrostack/supervision"
)

// sim is a Spine's core in a world of its own: lanes, store and time are played.
type sim struct {
	t     *testing.T
	seed  uint64
	rnd   *rand.Rand
	cover simCover
	trace *simTrace // nil: nobody asks for it

	mem     *Memory
	service Service
	plan    []simOrgan
	root    *actors.Stamper
	budget  int // events still to publish
	serial  int

	c       *core
	ended   bool
	wake    time.Time
	pull    *simPull
	chunks  []*chunk // told to settle, in order
	answers []simAnswer
	running []laneRun
	downs   []*lane
	cells   map[string]map[string]uint64 // organ, key: changes, as its lanes believe
	asked   int
	dropped map[string]map[actors.ID]int // dead letters an operator took away
	watch   *simWatch
	calm    bool   // there are no more faults
	slow    *organ // its handlers do not return
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
	void    uint64 // hand-outs up to this one, when there is an error
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
	s.watch = newSimWatch(s)
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
		"crash", "drain", "pause", "breaker", "hop limit", "letters full", "delayed", "paused phases", "slow phases", "held", "redelivery",
		"unanswered", "failed pull", "problem",
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
	s.watch.reopened()
	s.ended, s.wake = false, time.Time{}
	s.pull, s.chunks, s.answers, s.running, s.downs = nil, nil, nil, nil, nil
	clear(s.cells)
	cfg := coreConfig{
		service: "sim", maxEvents: 4 + s.rnd.IntN(40), maxBytes: 1 << 20, maxBatch: 1 + s.rnd.IntN(6), maxQuick: 1 + s.rnd.IntN(3),
		maxHops: simHops, maxAsks: 4, abandoned: 1 << 30,
	}
	s.c = newCore(cfg, s.service, s.rnd.Float64)
	var organs []*organ
	for _, p := range s.plan {
		o := newOrgan(OrganSpec{Name: p.name, Keyed: p.keyed, Ordered: p.ordered}, p.policy)
		o.wantsFailed = func(string) bool { return true }
		for range p.workers {
			o.add(nil)
		}
		organs = append(organs, o)
	}
	s.c.enlist(organs)
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
		s.trace.run(r)
		s.watch.began(r.lane)
		for _, x := range s.running {
			if x.lane == r.lane {
				s.fail("lane %s/%d has two batches", r.lane.organ.name, r.lane.index)
			}
		}
		s.running = append(s.running, r)
	}
	if out.chunk != nil {
		s.trace.settle(out.chunk)
		s.watch.told(out.chunk)
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
		s.trace.note(n)
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
