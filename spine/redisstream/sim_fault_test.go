package redisstream

import (
	"slices"
	"time"
)

// offerFaults adds what may go wrong beside the network.
func (s *redisSim) offerFaults(add func(weight int, possible bool, f func())) {
	n := s.nodes[s.rnd.IntN(len(s.nodes))]
	add(1, n.b != nil && s.chance(8), func() { s.crash(n) })
	add(1, !n.frozen && s.chance(8), func() { s.freeze(n) })
	add(1, n.b != nil && n.opening == nil && s.chance(5), func() { s.steal(n) })
	add(1, s.joined() && s.chance(4), s.keep)
	add(1, len(s.saved) > 0 && s.rollbacks < simRollbacks && s.chance(12), func() { s.rollBackTo(s.rnd.IntN(len(s.saved))) })
	add(1, s.chance(8), func() { s.jump(n) })
	add(1, s.upgrades && n.b != nil && n.opening == nil && s.chance(2), func() { s.steal(n) })
	if s.claims {
		for _, x := range s.nodes {
			add(4, x.watches(), func() { s.leap(x) })
		}
	}
}

// leap sets a node's clock ahead by more than a lease.
func (s *redisSim) leap(n *simNode) {
	s.cover["clock"]++
	s.trace("the clock of %s leaps", n.name)
	n.clock.Add(int64(2 * beatsPerLease * simBeat))
}

// watches reports whether the node is about to find that a lease has run out.
func (n *simNode) watches() bool {
	if n.b == nil {
		return false
	}
	n.b.mu.Lock()
	defer n.b.mu.Unlock()
	return slices.ContainsFunc(n.b.shards, func(x *shard) bool { return !x.owned() && x.rival.token != "" && x.rival.readings == leastReadings-1 })
}

// crash ends a process.
func (s *redisSim) crash(n *simNode) {
	s.cover["crash"]++
	s.trace("%s crashes", n.name)
	n.die()
}

// freeze stops a process for a while. What it has sent is on its way.
func (s *redisSim) freeze(n *simNode) {
	s.cover["freeze"]++
	s.trace("%s freezes", n.name)
	n.frozen = true
}

// steal makes a node believe that the leases of others have run out.
func (s *redisSim) steal(n *simNode) {
	s.cover["steal"]++
	s.trace("%s steals", n.name)
	n.b.mu.Lock()
	for _, x := range n.b.shards {
		if !x.owned() {
			h, _ := s.store.keys[x.own].(fakeHash)
			x.rival = rival{token: h["tok"], beat: h["beat"], since: time.Now().Add(-time.Hour), readings: leastReadings}
			s.watch.forged[forgery(n.b.owner, x.own, h["tok"], h["beat"])] = true
		}
	}
	n.b.mu.Unlock()
	n.b.keeper.hurry()
}

// joined reports whether the store knows all services. One that goes back behind that is lost, and nodes say so; a service
// that comes later does not see what was trimmed before.
func (s *redisSim) joined() bool {
	for _, v := range s.services {
		if s.store.typeOf(s.keys.service(v.spec.Name)) == "none" {
			return false
		}
	}
	return true
}

// keep notes the store as it is, to go back to.
func (s *redisSim) keep() {
	s.saved = append(s.saved, s.store.clone())
	if len(s.saved) > 3 {
		s.saved = slices.Delete(s.saved, 0, 1)
	}
}

// simRollbacks is how often a store goes back in one run.
const simRollbacks = 3

// rollBackTo takes the end of the store's past away, as a server does that has lost it. At times the nodes notice.
func (s *redisSim) rollBackTo(i int) {
	loaded := s.store.loaded
	if s.forgets(s.saved[i]) {
		s.net.drop()
	}
	s.store = s.saved[i].clone()
	s.saved = s.saved[:i+1]
	s.rollbacks++
	s.cover["rollback"]++
	clear(s.accepted)
	s.published = nil
	s.watch.wentBack(s)
	s.goneBack()
	if s.chance(2) {
		s.store.loaded = loaded // else the server has started again and knows no script
	}
	noticed := s.chance(2)
	s.trace("rollback, noticed %v", noticed)
	if !noticed {
		return
	}
	s.cover["rollback noticed"]++
	for _, n := range s.nodes {
		if n.b == nil {
			continue
		}
		n.b.mu.Lock()
		for _, x := range n.b.shards {
			if x.owned() {
				n.b.lose(x, false)
			}
		}
		n.b.mu.Unlock()
	}
}

// forgets reports whether a store that goes back to past loses entries. Then copies of requests that are still on their way
// do not reach it: connections end with the server that had the entries. A late pull, which finds nothing, and a late commit after it
// would settle what is not there, under numbers that fit.
func (s *redisSim) forgets(past *fakeStore) bool {
	for i := range s.shards {
		key := s.keys.shard(i).in
		now, then := s.store.stream(key), past.stream(key)
		if now != nil && (then == nil || then.last.before(now.last)) {
			return true
		}
	}
	return false
}

// jump sets a clock: of a node or of the server.
func (s *redisSim) jump(n *simNode) {
	s.cover["clock"]++
	by := time.Duration(s.rnd.Int64N(int64(20*time.Second))) - 10*time.Second
	if s.chance(2) {
		s.serverTime = by
		return
	}
	n.clock.Store(int64(by))
}
