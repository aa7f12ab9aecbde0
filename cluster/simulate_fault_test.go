package cluster_test

import (
	"time"
)

// simFault is something that happens to a cluster, and what must hold after it.
type simFault struct {
	name string
	do   func(w *simWorld) time.Duration // returns when the last of it has happened
	// How often a shard may get another owner, and how many nodes' shares may move.
	times, shares int
	silent        bool // the shards of some are lost without a release
	rest          int  // after how many leases everything has settled
}

var simFaults = []simFault{
	{name: "crash", rest: 1, times: 1, shares: 1, silent: true, do: func(w *simWorld) time.Duration { return w.crash(1) }},
	{name: "three crashes at once", rest: 1, times: 1, shares: 3, silent: true, do: func(w *simWorld) time.Duration { return w.crash(3) }},
	{name: "a second crash before the first is noticed", rest: 1, times: 1, shares: 2, silent: true, do: func(w *simWorld) time.Duration {
		w.crash(1)
		d := w.between(w.shape.lease/4, w.shape.lease*3/4)
		w.after(d, func() { w.crash(1) })
		return d
	}},
	{name: "leave", rest: 1, times: 1, shares: 1, do: func(w *simWorld) time.Duration { w.victim().leave(); return 0 }},
	{name: "leave, and a crash while it drains", rest: 1, times: 1, shares: 1, silent: true, do: func(w *simWorld) time.Duration {
		n := w.victim()
		n.leave()
		d := w.between(0, 30*time.Millisecond)
		w.after(d, func() {
			if !n.ended {
				w.fellSilent(n)
				n.end()
			}
		})
		return d
	}},
	{name: "join", rest: 1, times: 1, shares: 1, do: func(w *simWorld) time.Duration { w.startNew(); return w.shape.beat }},
	{name: "three joins", rest: 1, times: 3, shares: 3, do: func(w *simWorld) time.Duration {
		for range 3 {
			w.startNew()
		}
		return w.shape.beat
	}},
	{name: "pause past the lease, another member after it", rest: 4, times: 2, shares: 2, silent: true, do: func(w *simWorld) time.Duration {
		w.pause(w.between(2*w.shape.lease, 3*w.shape.lease))
		return 0
	}},
	{name: "pause within the lease", rest: 2, do: func(w *simWorld) time.Duration {
		d := w.between(w.shape.lease/4, w.shape.lease/2)
		w.pause(d)
		return d
	}},
	{name: "store down", rest: 2, do: func(w *simWorld) time.Duration {
		d := w.between(w.shape.lease/4, 3*w.shape.lease)
		w.down = true
		w.after(d, func() { w.down = false })
		return d
	}},
}

// victim is some node that serves and is not paused.
func (w *simWorld) victim() *simNode {
	for {
		n := w.running[w.rng.IntN(len(w.running))]
		if n.works() && n.life.Phase().Takes() {
			return n
		}
	}
}

func (w *simWorld) crash(count int) time.Duration {
	for range min(count, len(w.running)-1) {
		n := w.victim()
		w.fellSilent(n)
		n.end()
	}
	return 0
}

// pause stops a process. When it goes on, the first it does is to commit what it was at.
func (w *simWorld) pause(d time.Duration) {
	n := w.victim()
	if d >= w.shape.lease {
		w.fellSilent(n)
	}
	n.paused = w.now + d
	n.later(d, func() {
		for _, s := range sorted(n.held) {
			n.commit(s)
		}
	})
}

// strike lets a fault happen and checks what must hold after it.
func (w *simWorld) strike(f simFault) {
	w.fault = f.name
	clear(w.seen.moved)
	nodes := len(w.running)
	over := f.do(w)
	if f.silent {
		w.run(over + w.shape.takeover() + w.late())
		w.checkServed(f.name)
		over = 0
	}
	w.run(over + time.Duration(f.rest)*w.shape.lease + w.late())
	w.checkServed(f.name)
	w.checkBalance(f.name)

	for s, times := range w.seen.moved {
		if times > f.times {
			w.violated("%s: shard %d has moved %d times", f.name, s, times)
		}
	}
	moves, share := w.moves(), ceil(w.shape.shards, min(nodes, len(w.running)))
	if 10*moves > 11*share*f.shares {
		w.violated("%s: %d shards have moved, of %d nodes and %d shards", f.name, moves, nodes, w.shape.shards)
	}
	e := w.stat.effect(f.name)
	e.moves = append(e.moves, moves)
}

func (w *simWorld) checkServed(after string) {
	lost := 0
	for s, l := range w.store.leases {
		n := w.byID[l.owner]
		if n == nil || !n.serves(uint32(s)) {
			lost++
		}
	}
	if lost > 0 {
		w.violated("%s: nobody serves %d shards", after, lost)
	}
}

func (w *simWorld) checkBalance(after string) {
	loads := make(map[string]int)
	for _, l := range w.store.leases {
		loads[l.owner]++
	}
	most := 0
	for _, n := range w.running {
		most = max(most, loads[n.id])
	}
	fair := ceil(w.shape.shards, len(w.running))
	if most > fair {
		w.violated("%s: a node has %d shards, its share is %d", after, most, fair)
	}
	w.stat.balance = max(w.stat.balance, float64(most)*float64(len(w.running))/float64(w.shape.shards))
}

// form starts the first nodes.
func (w *simWorld) form() {
	w.fault = "start"
	w.stat.traffic.phase = simStart
	for range w.shape.nodes {
		w.after(w.between(0, time.Second), w.startNew)
	}
	w.run(time.Second + w.shape.takeover() + w.late())
	w.checkServed(w.fault)
	w.checkBalance(w.fault)
	w.stat.effect(w.fault).moves = append(w.stat.effect(w.fault).moves, w.moves())

	const quiet = 5
	w.stat.traffic.phase = simQuiet
	w.run(quiet * time.Second)
	w.stat.traffic.seconds += quiet
	w.stat.traffic.phase = simLater
}

func (w *simWorld) moves() int {
	moves := 0
	for _, times := range w.seen.moved {
		moves += times
	}
	return moves
}
