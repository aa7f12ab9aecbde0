package spine

import (
	"flag"
	"fmt"
	"runtime/debug"
	"testing"
	"testing/synctest"
	"time"
)

var (
	simSeeds = flag.Int("sim.seeds", 300, "how many seeds TestSimulation runs")
	simSeed  = flag.Uint64("sim.seed", 0, "run this seed alone")
)

// TestSimulation drives the core with scripted lanes and a faulty way to the in-memory backend,
// and checks after every seed what design promises: see (*sim).check. A failure names its seed;
// run it again with -sim.seed.
func TestSimulation(t *testing.T) {
	if *simSeed > 0 {
		runSeed(t, *simSeed, nil)
		return
	}
	total, handed := simCover{}, simHandouts{}
	for seed := uint64(1); seed <= uint64(*simSeeds); seed++ {
		s := runSeed(t, seed, nil)
		total.add(s.cover)
		handed.add(s.watch)
		if t.Failed() {
			t.Fatalf("seed %d failed: go test ./spine -run TestSimulation -sim.seed=%d", seed, seed)
		}
	}
	t.Logf("%d seeds: %v", *simSeeds, total)
	t.Logf("hand-outs of an event to an organ, without faults: %v", handed)
	if handed.many() {
		t.Errorf("too many events are handed out more than %d times", simManyHandouts)
	}
	for what, n := range total {
		if n == 0 {
			t.Errorf("the simulation never saw %s", what)
		}
	}
}

// TestSimulationRepeats holds the simulation to its promise that a seed says everything: what fails once
// can be looked at again.
func TestSimulationRepeats(t *testing.T) {
	t.Parallel()
	for seed := uint64(1); seed <= 20; seed++ {
		first, second := newSimTrace(), newSimTrace()
		runSeed(t, seed, first)
		runSeed(t, seed, second)
		if first.sum() != second.sum() {
			t.Errorf("seed %d: two runs differ", seed)
		}
	}
}

func runSeed(t *testing.T, seed uint64, trace *simTrace) *sim {
	var s *sim
	synctest.Test(t, func(t *testing.T) {
		s = newSim(t, seed)
		s.trace = trace
		defer func() {
			if v := recover(); v != nil {
				t.Errorf("seed %d: panic: %v\n%s", seed, v, debug.Stack())
			}
		}()
		s.run()
	})
	return s
}

// simCover counts what a simulation has been through, so that a fault that never happens is noticed.
type simCover map[string]int

func (c simCover) add(x simCover) {
	for what, n := range x {
		c[what] += n
	}
}

// run is one seed: a time with faults, then one without, in which everything must be finished.
func (s *sim) run() {
	for range 150 + s.rnd.IntN(350) {
		s.act(true)
		if s.t.Failed() {
			return
		}
	}
	if s.rnd.IntN(4) == 0 {
		s.starve()
	}
	s.resumeAll()
	s.calm = true
	s.settleDown("after the faults", nil)
	s.drain()
	s.check()
}

// act does one random thing that is possible now.
func (s *sim) act(faults bool) {
	var can []func()
	add := func(weight int, possible bool, f func()) {
		for range weight {
			if possible {
				can = append(can, f)
			}
		}
	}
	add(3, s.budget > 0, s.publish)
	add(4, s.pull != nil && !s.pull.done, s.executePull)
	add(4, s.pull != nil && s.pull.done, s.deliverPull)
	add(4, len(s.chunks) > 0, func() { s.executeChunk(faults) })
	add(4, len(s.answers) > 0, s.deliverAnswer)
	add(6, len(s.running) > 0, func() { s.finishBatch(faults) })
	add(3, len(s.downs) > 0, s.reviveLane)
	add(2, true, s.passTime)
	if faults {
		add(1, s.rnd.IntN(6) == 0, s.togglePause)
		add(1, s.pull != nil && !s.pull.done && s.rnd.IntN(10) == 0, s.failPull)
		add(1, s.rnd.IntN(40) == 0, s.crash)
		add(1, s.rnd.IntN(60) == 0, func() { s.drain(); s.open() })
		add(1, s.rnd.IntN(30) == 0, s.tripBreaker)
	}
	n := s.rnd.IntN(len(can))
	s.trace.act(n, len(can))
	can[n]()
}

// settleDown acts without faults until nothing is left to do, but for the organ except.
func (s *sim) settleDown(when string, except *organ) {
	for range 100_000 {
		if s.quiet(except) {
			return
		}
		s.act(false)
		if s.t.Failed() {
			return
		}
	}
	b, _ := s.mem.Backlog(s.t.Context())
	for _, o := range s.c.organs {
		s.t.Logf("organ %s: ordered %v keyed %v, breaker %v (%v), paused %v, probing %v, in hand %d", o.name, o.ordered, o.keyed,
			o.breaker.State(), o.breaker.Remaining(), o.paused, o.probing, o.inHand)
	}
	s.t.Logf("now %v, wake %v, skim %v, retry %v", time.Now(), s.wake, s.c.credit.skimAt, s.c.credit.retryAt)
	s.fail("stuck %s: backlog %+v, in hand %d, running %d, chunks %d, answers %d, pull %+v, downs %d",
		when, b, s.c.ledger.inHand(), len(s.running), len(s.chunks), len(s.answers), s.pull, len(s.downs))
}

// quiet reports whether everything is finished that any organ but this one has to do, and nothing is in hand
// that need not be.
func (s *sim) quiet(except *organ) bool {
	m := s.mem.service
	if s.budget > 0 || s.mem.stream.delayed.len() > 0 || m.unread() > 0 {
		return false
	}
	for slot := range m.slots.all() {
		for _, w := range slot.works {
			if w.state != workFinished && (except == nil || w.organ != except.index) {
				return false
			}
		}
	}
	switch {
	case except == nil:
		return s.c.ledger.inHand() == 0
	case except.paused:
		return except.inHand == 0 // what waits for it waits in the backend
	default:
		return true
	}
}

func (s *sim) fail(format string, args ...any) {
	s.t.Errorf("seed %d: %s", s.seed, fmt.Sprintf(format, args...))
}

// starve pauses one organ, or lets its handlers not return, and demands that all others finish.
func (s *sim) starve() {
	s.resumeAll()
	o := s.c.organs[s.rnd.IntN(len(s.c.organs))]
	s.budget += 40
	if s.rnd.IntN(2) == 0 {
		s.cover["paused phases"]++
		s.step(func(now time.Time) { s.c.pause(now, o, true) })
	} else {
		s.cover["slow phases"]++
		s.slow = o
	}
	s.settleDown("while "+o.name+" does nothing", o)
	s.slow = nil
	if !s.t.Failed() {
		s.checkEffects(o.name)
	}
}
