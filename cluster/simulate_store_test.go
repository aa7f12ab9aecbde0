package cluster_test

import (
	"maps"
	"slices"

	"github.com/necrostack/necrostack/cluster"
)

// simStore is what a store would keep for a cluster. Every method is one call that is executed
// whole; the tests of what a real store does are elsewhere.
type simStore struct {
	members map[string]cluster.Record
	plan    *simPlan
	leases  []simLease
	flaws   flaws
}

// simPlan is the plan in force and whom it was made for. It is never changed.
type simPlan struct {
	version uint64
	members []cluster.Member
	owners  cluster.Plan
}

func (p *simPlan) has(id string) bool {
	return slices.ContainsFunc(p.members, func(m cluster.Member) bool { return m.ID == id })
}

// simLease is the ownership of a shard. It ends when its owner releases it, or has been removed from the
// members and another one takes it.
type simLease struct {
	owner string
	token uint64
	epoch uint64
}

func newSimStore(shards int, flaws flaws) *simStore {
	return &simStore{
		members: make(map[string]cluster.Record),
		plan:    &simPlan{owners: cluster.NewPlan(shards)},
		leases:  make([]simLease, shards),
		flaws:   flaws,
	}
}

func (s *simStore) enter(id string) {
	if _, there := s.members[id]; !there {
		s.members[id] = cluster.Record{Beat: 1, Weight: cluster.DefaultWeight}
	}
}

// beat renews everything that a member has: its record, and with that its leases. It returns
// which leases are no longer its own.
func (s *simStore) beat(id string, held map[uint32]simLease) (there bool, lost []uint32) {
	r, there := s.members[id]
	if !there {
		return false, nil
	}
	r.Beat++
	s.members[id] = r
	for shard, l := range held {
		if s.leases[shard].token != l.token {
			lost = append(lost, shard)
		}
	}
	return true, lost
}

func (s *simStore) leave(id string) {
	if r, there := s.members[id]; there {
		r.Leaving = true
		s.members[id] = r
	}
}

func (s *simStore) remove(id string) { delete(s.members, id) }

// decide puts a plan in force if it follows the one in force, and if nothing was heard of the dead that
// it buries.
func (s *simStore) decide(next *simPlan, dead map[string]uint64) bool {
	if next.version != s.plan.version+1 {
		return false
	}
	for id, beat := range dead {
		if r, there := s.members[id]; there && r.Beat != beat {
			return false
		}
	}
	maps.DeleteFunc(s.members, func(id string, _ cluster.Record) bool { _, is := dead[id]; return is })
	s.plan = next
	return true
}

// acquire gives a shard to a member if it is free, or of one that is no member any more. To ask again with
// the same token gives the same answer.
func (s *simStore) acquire(shard uint32, id string, token uint64) (simLease, bool) {
	l := &s.leases[shard]
	if _, there := s.members[id]; !there {
		return simLease{}, false
	}
	if l.token == token {
		return *l, true
	}
	if _, there := s.members[l.owner]; there && !s.flaws.takeTheHeld {
		return simLease{}, false
	}
	*l = simLease{owner: id, token: token, epoch: l.epoch + 1}
	return *l, true
}

func (s *simStore) release(shard uint32, token uint64) bool {
	l := &s.leases[shard]
	if l.token != token {
		return false
	}
	l.owner, l.token = "", 0
	return true
}

func (s *simStore) commit(shard uint32, token uint64) bool {
	return s.leases[shard].token == token || s.flaws.unfenced
}
