package cluster_test

import (
	"container/heap"
	"fmt"
	"math/rand/v2"
	"time"
)

// simShape is the size of a simulated cluster and its times.
type simShape struct {
	nodes, shards int
	lease, beat   time.Duration
}

// takeover is how long a shard of a dead node may be without an owner while no message is lost. The second
// is for those that see the death: they read once per beat, and the last reading before the silence may be as
// old.
func (s simShape) takeover() time.Duration { return s.lease + max(time.Second, 5*s.beat/2) }

// handover is how long a shard may be without an owner that was released to another.
func (s simShape) handover() time.Duration { return 100 * time.Millisecond }

// flaws are mistakes that the simulation has to find.
type flaws struct {
	unfenced     bool // a commit is accepted under any token
	takeTheHeld  bool // a shard is taken from an owner who is alive
	forgetOwners bool // plans are made without the one in force
	releaseLate  bool // a node that leaves does not release
}

// simWorld is a simulated cluster in virtual time: everything that happens is an event of its queue.
type simWorld struct {
	shape simShape
	flaws flaws
	rng   *rand.Rand
	now   time.Duration
	queue simQueue
	order uint64

	store   *simStore
	down    bool // the store does not answer
	lossy   bool // notices and answers get lost now and then, and are made up for by a later beat
	running []*simNode
	byID    map[string]*simNode
	named   int

	fault string // the last one
	seen  simSeen
	stat  *simStat
	errs  []error
}

// simSeen is what checks need to know of the past of each shard.
type simSeen struct {
	owner    []string        // the last one
	accepted []uint64        // the highest epoch that has committed
	moved    []int           // new owners since the last fault
	silent   []time.Duration // when its owner fell silent, or 0
	released []time.Duration // when it was released, or 0
}

func newSimWorld(shape simShape, seed uint64, flaws flaws, stat *simStat) *simWorld {
	n := shape.shards
	return &simWorld{
		shape: shape, flaws: flaws, rng: rand.New(rand.NewPCG(seed, 0)), now: time.Hour,
		lossy: seed%2 == 0, store: newSimStore(n, flaws), byID: make(map[string]*simNode), stat: stat,
		seen: simSeen{
			owner: make([]string, n), accepted: make([]uint64, n), moved: make([]int, n),
			silent: make([]time.Duration, n), released: make([]time.Duration, n),
		},
	}
}

// simEvent is something that happens at a time; of one time, in the order in which it was planned.
type simEvent struct {
	at    time.Duration
	order uint64
	do    func()
}

type simQueue []simEvent

func (q simQueue) Len() int { return len(q) }
func (q simQueue) Less(i, j int) bool {
	return q[i].at < q[j].at || q[i].at == q[j].at && q[i].order < q[j].order
}
func (q simQueue) Swap(i, j int) { q[i], q[j] = q[j], q[i] }
func (q *simQueue) Push(x any)   { *q = append(*q, x.(simEvent)) }
func (q *simQueue) Pop() any {
	last := len(*q) - 1
	e := (*q)[last]
	(*q)[last] = simEvent{}
	*q = (*q)[:last]
	return e
}

func (w *simWorld) after(d time.Duration, do func()) {
	w.order++
	heap.Push(&w.queue, simEvent{w.now + d, w.order, do})
}

// run lets time pass.
func (w *simWorld) run(d time.Duration) {
	end := w.now + d
	for len(w.queue) > 0 && w.queue[0].at <= end {
		e := heap.Pop(&w.queue).(simEvent)
		w.now = e.at
		e.do()
	}
	w.now = end
}

// between draws a time.
func (w *simWorld) between(least, most time.Duration) time.Duration {
	return least + time.Duration(w.rng.Int64N(int64(most-least)+1))
}

// trip is how long one way between a node and the store takes.
func (w *simWorld) trip() time.Duration { return w.between(200*time.Microsecond, 3*time.Millisecond) }

// lost is true once in n times, where messages are lost.
func (w *simWorld) lost(n int) bool { return w.lossy && w.rng.IntN(n) == 0 }

// late is by how much more everything may be late where messages are lost: two of them in a row.
func (w *simWorld) late() time.Duration {
	if w.lossy {
		return 5 * w.shape.beat / 2
	}
	return 0
}

func (w *simWorld) violated(format string, args ...any) {
	if len(w.errs) < 10 {
		w.errs = append(w.errs, fmt.Errorf("at %v: %w", w.now-time.Hour, fmt.Errorf(format, args...)))
	}
}

// announce tells the nodes that a plan is in force; some do not hear it.
func (w *simWorld) announce() {
	for _, n := range w.running {
		if !w.lost(20) {
			w.stat.traffic.count(w.now, "notice")
			w.after(w.trip(), func() { n.resume(n.fetch) })
		}
	}
}

// start begins a process.
func (w *simWorld) start(name string) {
	n := newSimNode(w, name)
	w.running = append(w.running, n)
	w.byID[n.id] = n
	n.tick()
}

func (w *simWorld) startNew() {
	w.named++
	w.start(fmt.Sprintf("node-%d", w.named))
}

func (w *simWorld) stopped(n *simNode) {
	for i, x := range w.running {
		if x == n {
			w.running = append(w.running[:i:i], w.running[i+1:]...)
			return
		}
	}
}

// fellSilent notes the shards of a node that works no more.
func (w *simWorld) fellSilent(n *simNode) {
	for s, l := range w.store.leases {
		if l.owner == n.id {
			w.seen.silent[s] = w.now
		}
	}
}

// acquired checks and measures that a shard has an owner.
func (w *simWorld) acquired(s uint32, id string) {
	x := &w.seen
	if x.owner[s] == id {
		return
	}
	if _, there := w.store.members[x.owner[s]]; there && x.released[s] == 0 {
		w.violated("shard %d goes to %q while %q has it", s, id, x.owner[s])
	}
	x.owner[s] = id
	x.moved[s]++
	w.without(x.silent[s], x.released[s])
	x.silent[s], x.released[s] = 0, 0
}

// without measures how long a shard had no owner, and checks it where nobody had to find it out.
func (w *simWorld) without(silent, released time.Duration) {
	times := w.stat.effect(w.fault).times(w.lossy)
	switch {
	case silent > 0:
		times.takeovers = append(times.takeovers, w.now-silent)
	case released > 0:
		times.handovers = append(times.handovers, w.now-released)
		if w.now-released > w.shape.handover()+w.late() {
			w.violated("%s: a shard that was released has an owner after %v", w.fault, w.now-released)
		}
	}
}

// committed checks that no owner of the past is believed.
func (w *simWorld) committed(n *simNode, s uint32, epoch uint64, accepted bool) {
	if !accepted {
		w.stat.refused++
		return
	}
	w.stat.accepted++
	if epoch < w.seen.accepted[s] || w.store.leases[s].owner != n.id {
		w.violated("shard %d: a commit of %q in epoch %d is accepted after epoch %d", s, n.id, epoch, w.seen.accepted[s])
	}
	w.seen.accepted[s] = max(epoch, w.seen.accepted[s])
}
