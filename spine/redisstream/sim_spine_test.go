package redisstream

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/necrostack/necrostack/actors"
	"github.com/necrostack/necrostack/persistence"
	"github.com/necrostack/necrostack/spine"
	"github.com/necrostack/necrostack/supervision"
)

// simWork is one organ's part of a delivery.
type simWork struct {
	organ    int
	event    actors.Event
	shard    uint32
	token    string // of the owner who handed it out
	receipt  spine.Receipt
	handout  uint64
	position spine.Position
	attempts int
	first    time.Time
	state    simState
	settled  spine.Settlement // once it is handled
}

func (w *simWork) String() string {
	return fmt.Sprintf("%s key %q of shard %d at %d-%d, organ %d, hand-out %d", w.event.ID().String()[:13], w.event.Key(), w.shard,
		w.position.Hi, w.position.Lo, w.organ, w.handout)
}

type simState uint8

const (
	simInHand simState = iota
	simParked          // until it shows whether it has to go back
	simStaged          // handled, to be settled
	simOnItsWay
)

// simHold keeps the order of a key while its events go back, as package spine does.
type simHold struct {
	unanswered int
	after      uint64 // what was handed out later is in its place
}

// simCell is the state of a cell in a node's memory: the events it has handled, and when.
type simCell struct {
	events []string
	at     time.Time // of the last change
	saved  uint64
}

func (n *simNode) key(w *simWork) simKey { return simKey{w.organ, w.event.Key()} }

func (n *simNode) ordered(w *simWork) bool {
	return w.organ >= 0 && n.service.organs[w.organ].ordered && w.event.HasKey()
}

func (n *simNode) keyed(w *simWork) bool {
	return w.organ >= 0 && n.service.organs[w.organ].keyed && w.event.HasKey()
}

func (n *simNode) cell(w *simWork) persistence.Cell {
	return persistence.Cell{Organ: n.service.spec.Organs[w.organ].Name, Key: w.event.Key()}
}

// receive takes a delivery apart.
func (n *simNode) receive(d *spine.Delivery) {
	if d.Lost {
		n.s.cover["told of a loss"]++
		n.lost(d.Shard, d.Handout)
		return
	}
	todo := d.Todo
	switch {
	case todo == nil:
		for i, o := range n.service.organs {
			if o.types[d.Event.Type()] {
				todo = append(todo, spine.Todo{Organ: i})
			}
		}
		if len(todo) == 0 {
			todo = []spine.Todo{{Organ: spine.NoOrgan}}
		}
	case len(todo) == 0:
		todo = []spine.Todo{{Organ: spine.NoOrgan}}
	}
	token := n.tokenOf(d)
	for _, t := range todo {
		n.admit(&simWork{
			organ: t.Organ, event: d.Event, shard: d.Shard, token: token, receipt: d.Receipt, handout: d.Handout, position: d.Position,
			attempts: t.Attempts, first: t.First,
		})
	}
}

// tokenOf is the token under which a delivery came, "" when the shard was lost since.
func (n *simNode) tokenOf(d *spine.Delivery) string {
	n.b.mu.Lock()
	defer n.b.mu.Unlock()
	if x := n.b.shards[d.Shard]; d.Handout > x.lostMark {
		return x.token
	}
	return ""
}

func (n *simNode) admit(w *simWork) {
	for _, x := range n.works {
		back := x.state == simOnItsWay // it, or its shard, may come again before the answer
		if x.organ == w.organ && x.event.ID() == w.event.ID() && !back {
			n.s.fail("%s: event %s was handed out to organ %d, which has it in hand", n.name, w.event.ID(), w.organ)
		}
	}
	n.works = append(n.works, w)
	n.s.trace("%s gets %v", n.name, w)
	if h := n.holds[n.key(w)]; h != nil && n.ordered(w) {
		n.decide(w, h)
	}
}

// decide says what becomes of an arrival whose key has gone back before.
func (n *simNode) decide(w *simWork, h *simHold) {
	switch {
	case w.handout <= h.after:
		n.back(w, 0)
	case h.unanswered > 0:
		w.state = simParked
	default:
		w.state = simInHand
	}
}

// back stages that w comes again.
func (n *simNode) back(w *simWork, failed int) {
	s := n.s
	later := &spine.Later{Attempts: w.attempts + failed, First: w.first, Due: n.now().Add(time.Duration(s.rnd.IntN(400)) * time.Millisecond)}
	if failed > 0 && w.attempts == 0 {
		later.First = n.now()
	}
	kind := spine.Defer
	if failed > 0 {
		kind = spine.Retry
		s.cover["retry"]++
	} else {
		s.cover["defer"]++
	}
	if s.chance(4) {
		later.Waits, later.Due = true, time.Time{}
		s.cover["waits"]++
	}
	n.stage(w, spine.Settlement{Kind: kind, Later: later})
	if !n.ordered(w) {
		return
	}
	h := n.holds[n.key(w)]
	if h == nil {
		h = &simHold{}
		n.holds[n.key(w)] = h
	}
	h.unanswered++
	// What comes later in the key's order goes back too.
	for _, x := range n.works {
		if x != w && x.state == simInHand && x.organ == w.organ && n.ordered(x) && x.event.Key() == w.event.Key() && w.position.Before(x.position) {
			n.back(x, 0)
		}
	}
}

func (n *simNode) now() time.Time { return time.Now().Add(time.Duration(n.clock.Load())) }

func (n *simNode) stage(w *simWork, x spine.Settlement) {
	x.Receipt, x.Shard, x.Organ = w.receipt, w.shard, w.organ
	w.state, w.settled = simStaged, x
	n.s.trace("%s stages %v: kind %d, %+v", n.name, w, x.Kind, x.Later)
}

// inspect says which works may be handled now, whether any is staged, and for which a cell is to be loaded.
func (n *simNode) inspect() (ready []*simWork, staged bool, load *simWork) {
	for _, w := range n.works {
		staged = staged || w.state == simStaged
		if w.state != simInHand || n.ordered(w) && n.behind(w) {
			continue
		}
		if n.keyed(w) && n.cells[n.cell(w)] == nil {
			load = w
			continue
		}
		ready = append(ready, w)
	}
	return ready, staged, load
}

// behind reports whether w has to wait for another of its key: one that is before it, or is on its way to the store.
func (n *simNode) behind(w *simWork) bool {
	for _, x := range n.works {
		if x == w || x.organ != w.organ || x.event.Key() != w.event.Key() || !x.event.HasKey() {
			continue
		}
		if x.state == simOnItsWay || x.state == simInHand && x.position.Before(w.position) {
			return true
		}
	}
	return false
}

// handle does with an event what its organ does.
func (n *simNode) handle(w *simWork) {
	s := n.s
	if w.organ < 0 {
		n.stage(w, spine.Settlement{Kind: spine.Done})
		return
	}
	o := &n.service.organs[w.organ]
	fails := o.fails(w.event)
	if w.attempts > fails || w.attempts >= simAttempts {
		s.fail("%s: event %s comes to organ %s with %d attempts, it fails %d times", n.name, w.event.ID(), o.name, w.attempts, fails)
	}
	switch {
	case !s.calm && s.chance(12):
		n.back(w, 0)
	case w.attempts < fails && w.attempts+1 < simAttempts:
		n.back(w, 1)
	case w.attempts < fails:
		n.dead(w)
	default:
		n.succeed(w, o)
	}
}

func (n *simNode) dead(w *simWork) {
	n.s.cover["dead letter"]++
	f := actors.Failure{Organ: n.service.spec.Organs[w.organ].Name, Kind: actors.KindError, Err: errSimNet, Attempt: simAttempts, First: n.now(), Last: n.now()}
	letter := supervision.NewDeadLetter(n.service.spec.Name, w.event, f)
	n.stage(w, spine.Settlement{Kind: spine.Dead, Letter: &letter})
}

func (n *simNode) succeed(w *simWork, o *simOrgan) {
	n.s.changes++
	at := n.now().Add(time.Duration(n.s.changes) * time.Microsecond) // time stands still where nobody waits, and no two steps run at once
	emitted, err := o.emissions(w.event, at)
	if err != nil {
		n.s.fail("emission: %v", err)
	}
	x := spine.Settlement{Kind: spine.Done, Emitted: emitted}
	if n.keyed(w) {
		c := n.cells[n.cell(w)]
		x.Change = &persistence.Change{Base: uint64(len(c.events)), Version: 1, At: at}
		c.events, c.at = append(c.events, stepOf(w.event.ID().String(), at.UnixMicro())), at
		if o.whole {
			x.Change.State = c.encode()
		}
	}
	n.stage(w, x)
}

// settle settles what is staged, or a part of it.
func (n *simNode) settle() {
	works := n.staged()
	works = works[:min(1+n.s.rnd.IntN(12), len(works))]
	var ss []spine.Settlement
	for _, w := range works {
		w.state = simOnItsWay
		n.s.trace("%s settles %v", n.name, w)
		ss = append(ss, w.settled)
	}
	if n.s.chance(4) {
		n.b.mu.Lock()
		for _, s := range n.b.shards {
			s.settled = trimEvery
		}
		n.b.mu.Unlock()
		n.s.cover["trim"]++
	}
	b, ctx := n.b, n.ctx
	stop := func() {}
	if n.s.chance(10) && !n.s.calm {
		c, cancel := contextFor(n, 700*time.Millisecond)
		ctx, stop = c, cancel
	}
	n.settling = n.begin(func() func() {
		defer stop()
		answers, err := b.Settle(ctx, ss)
		return func() { n.answered(works, answers, err) }
	})
}

// staged are the works that are handled, those of a key in the order of the stream.
func (n *simNode) staged() []*simWork {
	var works []*simWork
	for _, w := range n.works {
		if w.state == simStaged {
			works = append(works, w)
		}
	}
	slices.SortStableFunc(works, func(a, b *simWork) int {
		return cmp.Or(cmp.Compare(a.shard, b.shard), cmp.Compare(a.position.Hi, b.position.Hi), cmp.Compare(a.position.Lo, b.position.Lo))
	})
	return works
}

func (n *simNode) answered(works []*simWork, answers []spine.Answer, err error) {
	void := map[uint32]uint64{}
	for i, w := range works {
		switch {
		case err != nil:
			void[w.shard] = max(void[w.shard], w.handout)
		case answers[i].Code == spine.Lost:
			void[w.shard] = max(void[w.shard], answers[i].Handouts)
		case answers[i].Code == spine.LettersFull:
			n.s.fail("there is no room for a dead letter")
		}
	}
	for i, w := range works {
		if !slices.Contains(n.works, w) {
			continue // the shard was lost meanwhile
		}
		n.s.trace("%s has an answer for %v: %v %v", n.name, w, answers, err)
		handouts := void[w.shard]
		if err == nil {
			handouts = max(handouts, answers[i].Handouts)
		}
		n.drop(w)
		if w.settled.Later != nil && n.ordered(w) {
			n.lift(w, handouts)
		}
	}
	for _, shard := range sortedKeys(void) {
		n.s.cover["lost"]++
		n.lost(shard, void[shard])
	}
}

func (n *simNode) drop(w *simWork) {
	n.works = slices.DeleteFunc(n.works, func(x *simWork) bool { return x == w })
}

// lift notes that a hand-back is in the store, and decides about what has waited for that.
func (n *simNode) lift(w *simWork, handouts uint64) {
	h := n.holds[n.key(w)]
	h.after = max(h.after, handouts)
	if h.unanswered--; h.unanswered > 0 {
		return
	}
	for _, x := range slices.Clone(n.works) {
		if x.state == simParked && x.organ == w.organ && x.event.Key() == w.event.Key() {
			n.decide(x, h)
		}
	}
}

// lost drops what was handed out of a shard up to a number, and begins anew with what was handed out later.
func (n *simNode) lost(shard uint32, handouts uint64) {
	n.s.trace("%s loses shard %d up to hand-out %d", n.name, shard, handouts)
	for _, w := range slices.Clone(n.works) {
		switch {
		case w.shard != shard:
		case w.handout <= handouts:
			n.drop(w)
			if w.settled.Later != nil && n.ordered(w) {
				n.lift(w, 0)
			}
		case w.state == simStaged && w.settled.Kind == spine.Done:
			w.state, w.settled = simInHand, spine.Settlement{}
		}
	}
	for cell := range n.cells {
		if n.b == nil || n.b.shardOf(cell.Key).index == shard {
			delete(n.cells, cell)
		}
	}
}
