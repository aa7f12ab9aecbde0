package redisstream

import (
	"flag"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"runtime/debug"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/necrostack/necrostack/actors"
)

var (
	simSeeds = flag.Int("redis.seeds", 100, "how many seeds TestRedisSimulation runs")
	simFirst = flag.Uint64("redis.first", 1, "the first seed of TestRedisSimulation")
	simSeed  = flag.Uint64("redis.seed", 0, "run this seed alone, and tell all that happens")
)

// TestRedisSimulation drives nodes with scripted Spines on a store of our own, over a network that loses, delays and cuts
// short, and checks after every seed what redis.md promises: see (*redisSim).check. A failure names its
// seed; run it again with -redis.seed.
//
// One goroutine runs at a time, as far as it matters: the simulation acts only when all others wait. What a seed does not
// decide is the order of two goroutines that one act has woken, the order of maps, and the text of tokens. So a
// seed repeats as a rule, not always.
func TestRedisSimulation(t *testing.T) {
	t.Parallel()
	if *simSeed > 0 {
		runRedisSeed(t, *simSeed, fakeFlaws{}, true)
		return
	}
	var mu sync.Mutex
	cover := map[string]int{}
	simEach(*simFirst, *simSeeds, func(seed uint64) bool {
		s := runRedisSeed(t, seed, fakeFlaws{}, false)
		mu.Lock()
		defer mu.Unlock()
		for what, n := range s.cover {
			cover[what] += n
		}
		if s.failed != "" {
			t.Errorf("seed %d: %s\ngo test ./spine/redisstream -run RedisSimulation -redis.seed=%d", seed, s.failed, seed)
		}
		return s.failed == ""
	})
	t.Logf("%d seeds: %v", *simSeeds, cover)
	for _, what := range simCovered {
		if cover[what] == 0 && *simSeeds >= 100 && !t.Failed() {
			t.Errorf("the simulation never saw %s", what)
		}
	}
	for _, what := range simSeldom {
		if cover[what] == 0 && *simSeeds >= 1000 && !t.Failed() {
			t.Errorf("the simulation never saw %s", what)
		}
	}
}

// simCovered is what must happen in a hundred seeds, or the simulation is not what it is meant to be.
var simCovered = []string{
	string(simAnswered), string(simReplyLost), string(simRequestLost), string(simLate), string(simPart), "arrived late",
	"crash", "freeze", "steal", "rollback", "rollback noticed", "clock", "FENCED", "REACQUIRE", "HELD", "lost", "told of a loss",
	"retry", "defer", "waits", "dead letter", "cell loaded", "snapshot saved", "delayed", "duplicate", "trim",
	"commit and pull", "commit, and pull", "handed over",
	"claim", "agreed", "struck off", "handover", "handover that took too long", "takeover", "taken when free",
	"asked, and answered", "asked, and no cell", "asked, and no owner", "asked, and moved", "answered while it changed",
	"answer: reply", "answer: moved", "settled by an older program", "an older program is refused",
}

// simSeldom is what must happen in a thousand.
var simSeldom = []string{"expired", "snapshot refused"}

// simWorkers is how many seeds run side by side.
const simWorkers = 2

// simEach runs seeds until one says stop.
func simEach(first uint64, seeds int, run func(seed uint64) bool) {
	var mu sync.Mutex
	next, stop := first, false
	take := func() (uint64, bool) {
		mu.Lock()
		defer mu.Unlock()
		next++
		return next - 1, !stop && next <= first+uint64(seeds)
	}
	var all sync.WaitGroup
	for range simWorkers {
		all.Go(func() {
			for seed, ok := take(); ok; seed, ok = take() {
				if !run(seed) {
					mu.Lock()
					stop = true
					mu.Unlock()
				}
			}
		})
	}
	all.Wait()
}

// redisSim is one run.
type redisSim struct {
	t       *testing.T
	seed    uint64
	rnd     *rand.Rand
	verbose bool
	failed  string
	cover   map[string]int
	steps   int

	keys     keyring
	shards   int
	store    *fakeStore
	saved    []*fakeStore
	net      *simNet
	patience time.Duration
	nodes    []*simNode
	services []*simService

	faulty     int // one request in so many meets another fate
	calm       bool
	budget     int // events to publish
	serial     int
	changes    int // that organs have made so far
	root       *actors.Stamper
	rollbacks  int
	trick      int // the commit of this number, once all is calm, is taken back; 0: none
	expires    bool
	claims     bool          // nodes serve what they agree on
	handover   time.Duration // see WithHandover
	plans      int           // drawn so far
	asks       bool          // cells are asked for
	asked      []*simAsk     // without an answer
	questions  int           // so far
	upgrades   bool          // some nodes begin with a program of fewer organs
	watch      simWatch
	joinable   int
	accepted   map[actors.ID]bool // answered so, and not taken back by a rollback
	published  []actors.Event     // with an id that may be published again
	serverTime time.Duration      // the server's clock is ahead by this
}

func runRedisSeed(t *testing.T, seed uint64, flaws fakeFlaws, verbose bool) *redisSim {
	var s *redisSim
	synctest.Test(t, func(t *testing.T) {
		s = newRedisSim(t, seed, flaws, verbose)
		defer s.closeAll()
		defer func() {
			if v := recover(); v != nil {
				s.fail("panic: %v\n%s", v, debug.Stack())
			}
		}()
		s.run()
	})
	if verbose && s.failed != "" {
		t.Errorf("seed %d: %s", seed, s.failed)
	}
	return s
}

func newRedisSim(t *testing.T, seed uint64, flaws fakeFlaws, verbose bool) *redisSim {
	s := &redisSim{
		t: t, seed: seed, rnd: rand.New(rand.NewPCG(seed, 3)), verbose: verbose, cover: map[string]int{}, keys: keyring{"sim"},
		store: newFakeStore(), net: &simNet{}, patience: 500 * time.Millisecond, budget: 14, accepted: map[actors.ID]bool{},
		root: actors.NewStamper(actors.StamperOptions{Service: "sim", Encode: true}), watch: newSimWatch(),
	}
	s.shards = 1 + s.rnd.IntN(4)
	s.faulty = 6 + s.rnd.IntN(30)
	s.joinable = s.rnd.IntN(2) * s.rnd.IntN(2*mostJoined)
	s.expires = s.chance(4) || flaws.tornCells // the weather that shows it
	s.store.flaws = flaws
	s.store.now = func() time.Time { return time.Now().Add(s.serverTime) }
	for _, x := range allScripts {
		s.store.loaded[x.name] = true
	}
	_, _ = s.store.exec(fakeCall{createScript, []string{s.keys.meta()}, []string{layout, fmt.Sprint(s.shards), "sim"}})
	s.planServices()
	s.planLives()
	return s
}

func (s *redisSim) chance(n int) bool { return s.rnd.IntN(n) == 0 }

func (s *redisSim) fail(format string, args ...any) {
	if s.failed == "" {
		s.failed = fmt.Sprintf(format, args...)
	}
}

func (s *redisSim) trace(format string, args ...any) {
	if s.verbose {
		s.t.Logf("%4d %s "+format, append([]any{s.steps, time.Now().Format("05.000000")}, args...)...)
	}
}

// run is one seed: a time with faults, then one without, in which everything must be finished.
func (s *redisSim) run() {
	for _, n := range s.nodes {
		if s.mayStart(n) {
			n.start()
		}
	}
	s.settle()
	for range 150 + s.rnd.IntN(250) {
		s.act()
		if s.failed != "" {
			return
		}
	}
	s.calmDown()
	if s.failed == "" {
		s.check()
	}
}

// settle lets everybody run until all wait, and takes what they have brought.
func (s *redisSim) settle() {
	synctest.Wait()
	for s.asks && s.answerPolls() {
		synctest.Wait()
	}
	for _, n := range s.nodes {
		n.collect()
	}
	s.collectAsks()
	s.steps++
}

// act does one random thing that is possible now.
func (s *redisSim) act() {
	var can []func()
	add := func(weight int, possible bool, f func()) {
		for range weight {
			if possible {
				can = append(can, f)
			}
		}
	}
	open := s.net.open(func(r *simRequest) bool { return !r.server.node.frozen })
	add(2+2*len(open), len(open) > 0, func() { s.deliver(open[s.rnd.IntN(len(open))], s.fate()) })
	late := s.net.underway()
	add(1, late > 0, func() { s.deliverLate(s.rnd.IntN(late)) })
	add(2, true, s.passTime)
	for _, n := range s.nodes {
		if n.frozen {
			add(1, s.chance(4), n.thaw)
			continue
		}
		n.offer(add)
	}
	s.offerFaults(add)
	can[s.rnd.IntN(len(can))]()
	s.settle()
}

// fate draws what becomes of a request.
func (s *redisSim) fate() simFate {
	if s.calm || !s.chance(s.faulty) {
		return simAnswered
	}
	fates := []simFate{simReplyLost, simRequestLost, simLate, simPart}
	return fates[s.rnd.IntN(len(fates))]
}

func (s *redisSim) passTime() {
	most := 30 * time.Millisecond
	if s.claims && s.chance(3) {
		most = simBeat // leases are renewed and looked at, one after the other
	}
	if s.chance(6) {
		most = time.Second
	}
	time.Sleep(time.Duration(1 + s.rnd.Int64N(int64(most))))
}

// calmDown ends the faults, and waits until nothing is left to do.
func (s *redisSim) calmDown() {
	s.calm = true
	s.trick = s.rnd.IntN(30)
	s.trace("calm")
	for _, n := range s.nodes {
		if n.frozen {
			n.thaw()
		}
		n.upgrade()
	}
	for s.net.underway() > 0 {
		if r := s.net.arrive(0); s.chance(2) {
			s.executeLate(r)
		}
	}
	for step := range simPatience {
		s.calmStep()
		if s.drained() {
			return
		}
		if s.failed != "" {
			return
		}
		if step > simPatience/4 {
			time.Sleep(simBeat) // clocks may be wrong by seconds
		}
	}
	s.fail("stuck: %s", s.leftover())
}

// simPatience is how many rounds without faults everything may take.
const simPatience = 800

// simBeat is how often a lease is renewed.
const simBeat = 200 * time.Millisecond

// calmStep lets everybody do all that can be done now.
func (s *redisSim) calmStep() {
	s.settle()
	busy := s.carry()
	for _, n := range s.nodes {
		busy = n.calmStep() || busy
	}
	s.settle()
	if !busy {
		time.Sleep(20 * time.Millisecond)
	}
}

// carry delivers requests for as long as there are any, and reports whether there were.
func (s *redisSim) carry() bool {
	busy := false
	for range simCarry {
		carried := false
		for _, r := range s.net.open(func(*simRequest) bool { return true }) {
			s.deliver(r, simAnswered)
			s.settle()
			carried = carried || !r.block
		}
		if !carried {
			break
		}
		busy = true
	}
	return busy
}

// simCarry bounds how many requests in a row may follow one from another.
const simCarry = 50

// closeAll ends all processes, whatever they are at.
func (s *redisSim) closeAll() {
	for _, n := range s.nodes {
		n.die()
	}
}

var simLog = slog.New(slog.NewTextHandler(io.Discard, &slog.HandlerOptions{Level: slog.LevelError + 1}))
