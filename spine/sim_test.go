package spine

import (
	"flag"
	"fmt"
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
		runSeed(t, *simSeed)
		return
	}
	total := simCover{}
	for seed := uint64(1); seed <= uint64(*simSeeds); seed++ {
		runSeed(t, seed, &total)
		if t.Failed() {
			t.Fatalf("seed %d failed: go test ./spine -run TestSimulation -sim.seed=%d", seed, seed)
		}
	}
	t.Logf("%d seeds: %v", *simSeeds, total)
	for what, n := range total {
		if n == 0 {
			t.Errorf("the simulation never saw %s", what)
		}
	}
}

func runSeed(t *testing.T, seed uint64, covers ...*simCover) {
	synctest.Test(t, func(t *testing.T) {
		s := newSim(t, seed)
		defer func() {
			if v := recover(); v != nil {
				t.Errorf("seed %d: panic: %v", seed, v)
			}
		}()
		s.run()
		for _, c := range covers {
			c.add(s.cover)
		}
	})
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
	s.settleDown("after the faults")
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
		add(1, s.rnd.IntN(40) == 0, s.crash)
		add(1, s.rnd.IntN(60) == 0, func() { s.drain(); s.open() })
		add(1, s.rnd.IntN(30) == 0, s.tripBreaker)
	}
	can[s.rnd.IntN(len(can))]()
}

// settleDown acts without faults until nothing is left to do.
func (s *sim) settleDown(when string) {
	for range 100_000 {
		if s.quiet() {
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

// quiet reports whether everything is finished but what waits for a paused organ.
func (s *sim) quiet() bool {
	b, err := s.mem.Backlog(s.t.Context())
	if err != nil {
		s.fail("backlog: %v", err)
	}
	busy := b.Ready + b.InFlight + b.Retrying + b.Delayed + s.budget + s.c.ledger.inHand() +
		len(s.running) + len(s.chunks) + len(s.answers)
	return busy == 0 && s.waitingFor(false) == 0
}

// waitingFor counts what is held for organs that are paused, or for those that are not.
func (s *sim) waitingFor(paused bool) int {
	n := 0
	for i, o := range s.c.organs {
		if o.paused == paused {
			for _, waiting := range s.mem.service.lines[i].waiting {
				n += waiting
			}
		}
	}
	return n
}

func (s *sim) fail(format string, args ...any) {
	s.t.Errorf("seed %d: %s", s.seed, fmt.Sprintf(format, args...))
}

// starve pauses one organ and demands that all others finish.
func (s *sim) starve() {
	s.cover["starvation phases"]++
	s.resumeAll()
	o := s.c.organs[s.rnd.IntN(len(s.c.organs))]
	s.step(func(now time.Time) { s.c.pause(now, o, true) })
	s.budget += 40
	s.settleDown("while " + o.name + " is paused")
	if s.t.Failed() {
		return
	}
	s.checkEffects(o.name)
}
