package cluster_test

import (
	"encoding/binary"
	"maps"
	"slices"
	"time"

	"github.com/necrostack/necrostack/cluster"
)

// simNode is a process with a view, readings and a clock of its own. It is the smallest node that uses
// the package as it is meant: beat and read; when the live members are not those of the plan in force,
// put the next plan in force; drain and release what the plan takes away, take what it gives.
type simNode struct {
	w     *simWorld
	name  string
	id    string
	life  cluster.Life
	view  *cluster.View
	start time.Time // what its clock shows at the beginning of time
	drift float64

	entered bool // its record has been written
	latest  uint64
	plan    *simPlan
	live    []cluster.Member // when there were joins only, as last read
	mine    []uint32
	held    map[uint32]simLease
	giving  map[uint32]simLease // released, not confirmed
	going   map[uint32]bool     // drains
	asked   map[uint32]simAsk   // acquisitions without an answer

	ended  bool // crashed, or gone
	paused time.Duration
}

// simAsk is an acquisition of which it is not known whether it was executed. It is repeated with its token, or
// released by it: a token that its own node does not know would be nobody's for good.
type simAsk struct {
	token uint64
	at    time.Duration
	again bool // ask once more when the answer is no
}

func newSimNode(w *simWorld, name string) *simNode {
	var nonce [8]byte
	binary.LittleEndian.PutUint64(nonce[:], w.rng.Uint64())
	return &simNode{
		w: w, name: name, id: cluster.MemberID(name, nonce), view: cluster.NewView(w.shape.lease),
		start: time.Unix(w.rng.Int64N(1e9), 0), drift: 0.99 + 0.02*w.rng.Float64(), plan: &simPlan{},
		held: make(map[uint32]simLease), giving: make(map[uint32]simLease), going: make(map[uint32]bool),
		asked: make(map[uint32]simAsk),
	}
}

func (n *simNode) clock() time.Time {
	return n.start.Add(time.Duration(float64(n.w.now) * n.drift))
}

func (n *simNode) works() bool { return !n.ended && n.w.now >= n.paused }

func (n *simNode) serves(s uint32) bool {
	l, has := n.held[s]
	return has && n.works() && n.w.store.leases[s] == l
}

// resume goes on now, or when the process does, or never.
func (n *simNode) resume(do func()) {
	switch {
	case n.ended:
	case n.w.now < n.paused:
		n.w.after(n.paused-n.w.now, func() { n.resume(do) })
	default:
		do()
	}
}

func (n *simNode) later(d time.Duration, do func()) { n.w.after(d, func() { n.resume(do) }) }

// call asks the store. A request once sent is executed, unless the store is down; of the answers
// some are lost.
func (n *simNode) call(kind string, at func(*simStore), then func()) {
	w := n.w
	w.after(w.trip(), func() {
		if w.down {
			return
		}
		w.stat.traffic.count(w.now, kind)
		at(w.store)
		if !w.lost(500) {
			n.later(w.trip(), then)
		}
	})
}

// tick is what a node does once per beat.
func (n *simNode) tick() {
	n.later(n.w.between(n.w.shape.beat*9/10, n.w.shape.beat*11/10), n.tick)
	if !n.entered {
		n.call("enter", func(s *simStore) { s.enter(n.id) }, func() { n.entered = true; n.read() })
		return
	}
	n.beat()
	n.read()
	for _, s := range sorted(n.asked) {
		if a := n.asked[s]; n.plan.owners[s] != n.id && n.w.now-a.at > n.w.shape.beat/2 {
			n.giving[s] = simLease{token: a.token}
			delete(n.asked, s)
		}
	}
	for _, s := range sorted(n.giving) {
		n.release(s)
	}
	if len(n.mine) > 0 {
		n.commit(n.mine[n.w.rng.IntN(len(n.mine))])
	}
}

func (n *simNode) beat() {
	var there bool
	var lost []uint32
	held := maps.Clone(n.held)
	n.call("beat", func(s *simStore) { there, lost = s.beat(n.id, held) }, func() {
		if !there {
			n.giveUp()
			return
		}
		for _, s := range lost {
			if n.held[s] == held[s] {
				delete(n.held, s)
			}
		}
	})
}

// read takes a reading, at the moment at which the store answers: the way back is left out.
func (n *simNode) read() {
	n.call("reading", func(s *simStore) {
		if n.works() {
			n.view.Read(n.clock(), s.members)
			n.latest = s.plan.version
		}
	}, n.decide)
}

// decide goes on from a reading. It acts on the plan that was in force when it was read only: whom a newer
// one knows, this view may not.
func (n *simNode) decide() {
	if n.latest != n.plan.version || n.mine == nil {
		n.fetch()
		return
	}
	live, dead := n.view.Live(), n.view.Dead()
	if slices.Equal(live, n.plan.members) && len(dead) == 0 {
		n.pursue()
		return
	}
	if n.onlyJoins(live, dead) && !slices.Equal(live, n.live) {
		n.live = live
		return
	}
	known := slices.ContainsFunc(live, func(m cluster.Member) bool { return m.ID == n.id })
	if !known && n.life.Phase() != cluster.Draining {
		return // given up by the others, as the next beat will tell
	}
	n.propose(live, dead)
}

// onlyJoins reports whether nobody has lost its place. Such a change waits until a node has read the same
// members twice: of many that start at once most would have to give again what they have just taken.
func (n *simNode) onlyJoins(live []cluster.Member, dead map[string]uint64) bool {
	for _, m := range n.plan.members {
		if !slices.Contains(live, m) {
			return false
		}
	}
	return len(dead) == 0
}

func (n *simNode) propose(live []cluster.Member, dead map[string]uint64) {
	current := n.plan.owners
	if n.w.flaws.forgetOwners {
		current = cluster.NewPlan(len(current))
	}
	owners, err := cluster.Assign(live, nil, current)
	if err != nil {
		n.w.violated("assign: %w", err)
		return
	}
	next := &simPlan{version: n.plan.version + 1, members: live, owners: owners}
	var done bool
	n.call("decide", func(s *simStore) {
		if done = s.decide(next, dead); done {
			n.w.announce()
		}
	}, func() {
		if done {
			n.adopt(next)
		}
	})
}

func (n *simNode) fetch() {
	var plan *simPlan
	n.call("plan", func(s *simStore) { plan = s.plan }, func() { n.adopt(plan) })
}

func (n *simNode) adopt(p *simPlan) {
	if p.version < n.plan.version {
		return
	}
	n.plan = p
	n.mine = append([]uint32{}, p.owners.Of(n.id)...)
	if n.life.Phase() == cluster.Joining && p.has(n.id) {
		n.enterPhase(cluster.Serving)
	}
	n.pursue()
}

// pursue brings what the node has closer to the plan.
func (n *simNode) pursue() {
	for _, s := range n.mine {
		n.acquire(s)
	}
	for _, s := range sorted(n.held) {
		if !n.going[s] && (n.life.Phase() == cluster.Draining || n.plan.owners[s] != n.id) {
			n.going[s] = true
			n.later(n.w.between(5*time.Millisecond, 50*time.Millisecond), func() { n.drained(s) })
		}
	}
	if n.life.Phase() == cluster.Draining && len(n.held)+len(n.giving) == 0 {
		n.call("remove", func(s *simStore) { s.remove(n.id) }, func() { n.enterPhase(cluster.Gone) })
	}
}

func (n *simNode) acquire(s uint32) {
	_, has := n.held[s]
	_, gives := n.giving[s]
	if has || gives || !n.life.Phase().Takes() || n.plan.owners[s] != n.id {
		return
	}
	a, asked := n.asked[s]
	if asked && n.w.now-a.at < n.w.shape.beat/2 {
		a.again = true // one at a time: of two answers nobody could tell which is the later
		n.asked[s] = a
		return
	}
	if !asked {
		a.token = n.w.rng.Uint64()
	}
	a.at, a.again = n.w.now, false
	n.asked[s] = a
	var l simLease
	var got bool
	n.call("acquire", func(st *simStore) {
		if l, got = st.acquire(s, n.id, a.token); got {
			n.w.acquired(s, n.id)
		}
	}, func() {
		again := n.asked[s].again
		delete(n.asked, s)
		if got {
			n.held[s] = l
		} else if again {
			n.acquire(s)
		}
	})
}

// drained ends the service of a shard: what was running is committed, nothing new was begun.
func (n *simNode) drained(s uint32) {
	delete(n.going, s)
	l, has := n.held[s]
	if !has || n.w.flaws.releaseLate {
		return
	}
	delete(n.held, s)
	n.giving[s] = l
	n.release(s)
}

func (n *simNode) release(s uint32) {
	l := n.giving[s]
	n.call("release", func(st *simStore) {
		if st.release(s, l.token) {
			n.w.seen.released[s] = n.w.now
			n.w.wake(s)
		}
	}, func() {
		delete(n.giving, s)
		n.pursue()
	})
}

// wake tells the next owner of a shard that it is free; it may not hear it.
func (w *simWorld) wake(s uint32) {
	next := w.byID[w.store.plan.owners[s]]
	if next == nil || w.lost(20) {
		return
	}
	w.stat.traffic.count(w.now, "notice")
	w.after(w.trip(), func() { next.resume(func() { next.acquire(s) }) })
}

func (n *simNode) commit(s uint32) {
	l, has := n.held[s]
	if !has {
		return
	}
	var accepted bool
	n.call("", func(st *simStore) {
		accepted = st.commit(s, l.token)
		n.w.committed(n, s, l.epoch, accepted)
	}, func() {
		if !accepted && n.held[s] == l {
			delete(n.held, s)
		}
	})
}

// leave begins to drain, or ends a node that has nothing to drain.
func (n *simNode) leave() {
	if n.life.Phase() == cluster.Joining {
		n.enterPhase(cluster.Gone)
		return
	}
	n.enterPhase(cluster.Draining)
	n.call("leave", func(s *simStore) { s.leave(n.id) }, n.read)
	n.pursue()
}

// giveUp ends a node that has no record any more. The process begins again as another member, unless it was
// about to end.
func (n *simNode) giveUp() {
	leaves := n.life.Phase() == cluster.Draining
	n.enterPhase(cluster.Gone)
	if leaves {
		return
	}
	n.w.after(n.w.between(10*time.Millisecond, 200*time.Millisecond), func() { n.w.start(n.name) })
}

func (n *simNode) enterPhase(p cluster.Phase) {
	if err := n.life.Enter(p); err != nil {
		n.w.violated("%s: %w", n.id, err)
	}
	if p == cluster.Gone {
		n.end()
	}
}

// end makes the process do nothing any more.
func (n *simNode) end() {
	n.ended = true
	n.w.stopped(n)
}

func sorted[V any](m map[uint32]V) []uint32 { return slices.Sorted(maps.Keys(m)) }
