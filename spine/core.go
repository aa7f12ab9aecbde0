package spine

import (
	"fmt"
	"time"

	"github.com/necrostack/necrostack/actors"
	"github.com/necrostack/necrostack/actors/host"
	"github.com/necrostack/necrostack/supervision"
)

// core is the Spine without its surroundings: a state machine that is told what happened and
// says what is to be done. It has no goroutine, clock, randomness or I/O of its own, and belongs
// to one goroutine. Every entry point takes the time, changes the state, and
// leaves in out what the shell must do; flush has to be called after it.
//
//	arrived ─► admit ─► lane queue ─► dispatch ─► finished ─► settlement ─► settled
//
// The rest is in the file of its noun: ledger, route, queue, lane, hold, verdict, credit.
type core struct {
	config coreConfig
	route  *route
	ledger ledger
	organs []*organ
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

// organ is an organ as the core sees it. What is looked at for every event comes first, for every batch next: of a
// thousand organs none is in the cache when it has something to do.
type organ struct {
	lanes    []*lane
	alone    [1]*lane // lanes, where it is one
	holds    *holds   // nil unless ordered
	inHand   int      // works
	pull     uint64   // number of the pull that brought it something last
	pulled   int      // works in that pull
	index    int32
	paused   bool // by Pause
	calm     bool // the breaker is closed, and nothing has failed since the last success
	probing  bool // the breaker is half open, and its probe is in hand
	batching bool // by an OnBatch or SinkBatch: big batches are what they are for

	pace    time.Duration // of a handling, smoothed; 0: not known
	next    int           // lane for the next event without a key
	stats   *organBook
	name    string
	keyed   bool
	ordered bool
	seen    supervision.State // of the breaker, in step seenAt
	seenAt  uint64

	policy      supervision.Policy
	breaker     *supervision.Breaker
	wantsFailed func(typ string) bool
	tending     tending
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

// begin starts a step.
func (c *core) begin(now time.Time) {
	c.now = now
	c.step++
}

// arrived takes the deliveries of pull number n, or the error that ended it.
func (c *core) arrived(now time.Time, ds []Delivery, err error) {
	c.begin(now)
	n := c.credit.ended(err == nil)
	if err != nil {
		c.pullFailed(err)
		return
	}
	for _, o := range c.organs {
		if o.holds != nil {
			o.holds.arrived(n)
		}
	}
	c.credit.last, c.credit.most = len(ds), 0
	c.idle.again = true // also where all of it is settled before anybody looks
	for i := range ds {
		c.deliver(&ds[i])
	}
	c.credit.skimmed()
}

func (c *core) deliver(d *Delivery) {
	if d.Lost {
		c.shardLost(d.Shard, d.Handout)
		return
	}
	if d.Handout <= c.lost[d.Shard] && !d.Acked {
		return // handed out before its shard was lost: it comes again
	}
	c.steps++
	c.stats.received++
	if c.config.maxSteps > 0 && c.steps == c.config.maxSteps+1 {
		c.fail(ErrMaxSteps)
	}
	if d.Acked {
		c.nobodyWants(d)
		c.stats.acked++
		c.stats.processed++
		return
	}
	p := c.ledger.take(d.Event.Size())
	if d.Todo == nil {
		organs := d.organs
		if organs == nil {
			organs = c.route.organs(d.Event.Type(), d.Event.Only())
		}
		for _, o := range organs {
			i, _ := c.ledger.of(d, int(o), p)
			c.receive(i, 0)
		}
	} else {
		for _, t := range d.Todo {
			i, w := c.ledger.of(d, t.Organ, p)
			w.failedAt(t.Attempts, t.First)
			c.receive(i, t.Crashes)
		}
	}
	if c.ledger.parcels[p].left == 0 {
		c.unwanted(d, p)
	}
}

// receive takes one organ's part of a delivery.
func (c *core) receive(i uint32, crashes int) {
	w := &c.ledger.works[i]
	o := c.organs[w.organ]
	o.inHand++
	c.credit.counts(o)
	switch {
	case c.stop.draining:
		c.handBack(i, Later{Due: c.now})
	case crashes >= maxCrashes:
		c.crashed(i, crashes)
	case w.event.Hops() > c.config.maxHops:
		c.tooManyHops(i)
	default:
		c.admit(o, i)
	}
}

// admit gives work i to its lane, unless its key or its organ do not let it.
func (c *core) admit(o *organ, i uint32) {
	w := &c.ledger.works[i]
	if o.holds != nil && w.event.HasKey() {
		switch key := w.event.Key(); o.holds.passage(key, w.position, w.handout) {
		case waits:
			o.holds.park(key, i)
			return
		case goesBack:
			c.handBack(i, Later{Due: c.now})
			return
		}
	}
	if !c.admits(o) {
		c.handBack(i, Later{Waits: true})
		return
	}
	c.credit.found = c.credit.found || o.inHand < c.credit.share/2
	c.enqueue(o, i)
}

// unwanted acknowledges an event that no organ of the service wants.
func (c *core) unwanted(d *Delivery, p uint32) {
	c.nobodyWants(d)
	i, _ := c.ledger.of(d, NoOrgan, p)
	c.settle(i, Done, nil)
}

func (c *core) nobodyWants(d *Delivery) {
	if c.stats.unwanted(d.Event.Type()) {
		c.note(Note{Kind: NoteUnwanted, Event: d.Event})
	}
}

// maxCrashes is at which hand-out alone (Todo.Crashes) an event is given up. Two deaths would do for one that kills, but not to
// spare one that has the bad luck to be in hand whenever somebody kills the process: a desk killed every
// second lost an order to that.
const maxCrashes = 5

// crashed settles work i for good: again and again the process has died over it.
func (c *core) crashed(i uint32, crashes int) {
	w := &c.ledger.works[i]
	o := c.organs[w.organ]
	o.stats.failed(actors.KindCrash)
	f := actors.Failure{
		Organ: o.name, Kind: actors.KindCrash, Attempt: int(w.attempts) + 1, First: c.now, Last: c.now,
		Err: fmt.Errorf("the process has died every time it had the event in hand, %d times with nothing else", crashes-1),
	}
	if c.final(i, f, false) {
		c.admit(o, i)
	}
}

func (c *core) tooManyHops(i uint32) {
	w := &c.ledger.works[i]
	f := actors.Failure{
		Organ: c.organs[w.organ].name, Kind: actors.KindHops, Attempt: int(w.attempts) + 1, First: c.now, Last: c.now,
		Err: &actors.LimitError{What: "the chain of " + w.event.Type(), Got: w.event.Hops(), Limit: c.config.maxHops, Unit: "hops"},
	}
	c.organs[w.organ].stats.failed(f.Kind)
	w.failed = &f
	// No OnFailed: what it emits would have come even further.
	c.settleFinal(i, nil)
}

// bookOf and organName also answer for NoOrgan.
func (c *core) bookOf(organ int32) *organBook {
	if organ < 0 {
		return nil
	}
	return c.organs[organ].stats
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
