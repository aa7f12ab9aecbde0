package spine

import (
	"time"

	"github.com/necrostack/necrostack/actors/host"
)

// core is the Spine without its surroundings: a state machine that is told what happened and
// says what is to be done. It has no goroutine, clock, randomness or I/O of its own, and belongs
// to one goroutine. Every entry point takes the time, changes the state, and
// leaves in out what the shell must do; flush has to be called after it.
//
//	arrived ─► admit ─► lane queue ─► dispatch ─► finished ─► settlement ─► settled
//
// The rest is in the file of its noun: arrive, ledger, route, queue, lane, hold, verdict, credit.
type core struct {
	config coreConfig
	route  *route
	ledger ledger
	organs []*organ
	hands  []hand   // of the organs
	inKeys []*organ // those with holds
	now    time.Time
	step   uint64         // of what is remembered within one step
	rnd    func() float64 // in [0,1)

	credit  credit
	turns   turns
	dirty   []*lane // to be looked at by flush
	front   []uint32
	batches []*host.Batch // spare
	chunks  []*chunk      // spare

	stop  stopping
	idle  idling
	lost  map[uint32]uint64 // shard: hand-outs up to this number are void
	steps int

	settling int // works whose settlement has no answer
	stats    statsBook
	out      effects
}

// coreConfig is what the options say, defaults filled.
type coreConfig struct {
	service     string
	maxEvents   int // in flight
	maxBytes    int
	maxBatch    int // items a lane gets at once
	maxQuick    int // lanes of quick organs at work at a time; see turns
	maxHops     int
	maxSteps    int // 0: none
	maxAsks     int // waiting per lane
	abandoned   int // handlers; more end the run
	enqueue     EnqueueMode
	maxFailures int // of pulls in a row; 0: no bound
}

// effects is what the shell has to do after a step.
type effects struct {
	runs       []laneRun
	forgets    []*lane
	saves      []laneSave
	asks       []laneAsk
	sweeps     []*lane
	chunk      *chunk
	notes      []Note
	pull       bool // begin pull number credit.begun with credit.want
	cancelPull bool
	wake       time.Time // call tick at this time at the latest; zero: no need
	inspect    bool      // ask the backend for its backlog
	unhurry    bool
	interrupt  bool
	ended      bool // nothing is left; the run is over
}

type laneRun struct {
	lane  *lane
	batch *host.Batch
}

type laneAsk struct {
	lane *lane
	ask  *ask
}

type laneSave struct {
	lane   *lane
	saving *saving
}

// chunk is what one call of Settle settles.
type chunk struct {
	ss   []Settlement
	refs []uint32 // works
}

// smallChunk is up to how many settlements a chunk takes from others.
const smallChunk = 256

// take moves what is in x to c, if both are small.
func (c *chunk) take(x *chunk) bool {
	if len(c.ss)+len(x.ss) > smallChunk {
		return false
	}
	c.ss, c.refs = append(c.ss, x.ss...), append(c.refs, x.refs...)
	x.empty()
	return true
}

func (c *chunk) empty() {
	clear(c.ss)
	c.ss, c.refs = c.ss[:0], c.refs[:0]
}

func newCore(c coreConfig, s Service, rnd func() float64) *core {
	return &core{
		config: c,
		route:  newRoute(s),
		rnd:    rnd,
		turns:  turns{most: c.maxQuick},
		lost:   map[uint32]uint64{},
		stats:  newStatsBook(),
	}
}

// enlist gives the core its organs, once.
func (c *core) enlist(organs []*organ) {
	c.organs, c.hands = organs, make([]hand, len(organs))
	for i, o := range organs {
		o.index, o.hand = int32(i), &c.hands[i]
		if o.holds != nil {
			c.inKeys = append(c.inKeys, o)
		}
	}
	c.credit = newCredit(c.config.maxEvents, len(organs))
}

// begin starts a step.
func (c *core) begin(now time.Time) {
	c.now = now
	c.step++
}

// bookOf and organName also answer for NoOrgan.
func (c *core) bookOf(organ int32) *organBook {
	if organ < 0 {
		return nil
	}
	return &c.organs[organ].stats
}

func (c *core) organName(organ int32) string {
	if organ < 0 {
		return ""
	}
	return c.organs[organ].name
}

// keepChunk keeps an empty chunk for the next time.
func (c *core) keepChunk(ch *chunk) {
	if len(c.chunks) < spareChunks {
		c.chunks = append(c.chunks, ch)
	}
}

// spareChunks bounds what is kept for the next time: each spare one grows to the largest there was.
const spareChunks = 16

// spareChunk and spareBatch reuse what has come back.
func (c *core) spareChunk() *chunk {
	if n := len(c.chunks); n > 0 {
		ch := c.chunks[n-1]
		c.chunks = c.chunks[:n-1]
		return ch
	}
	return &chunk{}
}

func (c *core) spareBatch() *host.Batch {
	if n := len(c.batches); n > 0 {
		b := c.batches[n-1]
		c.batches = c.batches[:n-1]
		return b
	}
	return &host.Batch{}
}

// flush decides what follows from everything since the last flush: batches for free lanes, the next pull,
// and whether the run is over. The shell then does what out says.
func (c *core) flush() {
	c.takeTurns()
	for _, l := range c.dirty {
		l.dirty = false
		c.dispatch(l)
	}
	clear(c.dirty)
	c.dirty = c.dirty[:0]
	c.mindTurns()
	c.pullNext()
	c.checkIdle()
	c.checkEnd()
}
