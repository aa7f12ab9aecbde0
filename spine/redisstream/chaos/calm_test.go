package chaos_test

import (
	"fmt"
	"time"
)

// ownerMember is the node that owns a shard; nil: it is none of those that run.
func (r *round) ownerMember(shard int) *member {
	owner := r.watch.ownerOfShard(shard)
	for _, m := range r.nodes {
		if !r.down[m] && m.owner() == owner {
			return m
		}
	}
	return nil
}

// killInCalm measures for how long its shards are without an owner.
func (r *round) killInCalm() (func(), time.Duration) {
	if !r.settle() {
		return nil, 0
	}
	m := r.ownerMember(r.anyShard())
	if m == nil {
		return nil, 0
	}
	r.watch.fell(m.owner(), true)
	m.kill()
	r.down[m] = true
	r.await(stallIn, "the shards of a node that was killed have owners", func() bool { return r.watch.orphans() == 0 })
	r.comeBack(m)
	return func() {}, 0
}

// leave sends a node away while nothing else is amiss, and waits until others have its shards.
func (r *round) leave(m *member) {
	r.down[m] = true
	if err := m.finish(finishIn); err != nil {
		r.find("I12", "%v", err)
	}
	r.awaitServed(stallIn, m.orders.Label+" has left")
}

// wasCalm notes that nothing was amiss since then. On a busy machine that may not be true.
func (r *round) wasCalm(began time.Time) {
	if !r.watch.steady(began) {
		r.counts[unsteady]++
		return
	}
	r.calms = append(r.calms, span{began, time.Now()})
}

func (r *round) leaveInCalm() (func(), time.Duration) {
	if !r.settle() {
		return nil, 0
	}
	began := time.Now()
	m := r.nodes[r.dice.IntN(len(r.nodes))]
	r.leave(m)
	r.comeBack(m)
	r.awaitServed(stallIn, m.orders.Label+" has come back")
	r.wasCalm(began)
	return func() {}, 0
}

// moveByHand has a shard moved by a command.
func (r *round) moveByHand() (func(), time.Duration) {
	if !r.settle() {
		return nil, 0
	}
	began, shard := time.Now(), r.anyShard()
	m := r.nodes[r.dice.IntN(len(r.nodes))]
	var unpin func()
	r.await(stallIn, fmt.Sprintf("shard %d is pinned to %s", shard, m.orders.Label), func() bool {
		var err error
		unpin, err = r.pinShard(uint32(shard), m.orders.Name)
		return err == nil
	})
	r.await(stallIn, fmt.Sprintf("shard %d goes to %s", shard, m.orders.Label), func() bool {
		return r.watch.ownerOfShard(shard) == m.owner()
	})
	r.awaitServed(stallIn, "a shard was moved by hand")
	r.wasCalm(began)
	return unpin, 0
}

func (r *round) restartAll() (func(), time.Duration) { return r.roll(r.program) }

func (r *round) upgradeAll() (func(), time.Duration) {
	if r.program > 1 {
		return nil, 0
	}
	return r.roll(2)
}

// roll has one node after the other leave, and come back with a program.
func (r *round) roll(program int) (func(), time.Duration) {
	if !r.settle() {
		return nil, 0
	}
	began := time.Now()
	r.program = program
	for _, m := range r.nodes {
		r.leave(m)
		r.comeBack(m)
		if !r.awaitServed(stallIn, m.orders.Label+" has come back") {
			break
		}
	}
	r.wasCalm(began)
	return func() {}, 0
}
