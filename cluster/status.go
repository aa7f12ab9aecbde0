package cluster

import (
	"maps"
	"slices"
	"strings"
	"time"
)

// Status is what a node knows of its cluster, as of its last reading.
type Status struct {
	ID    string
	Phase Phase
	// Age is how old the last reading is; 0 where there is none.
	Age     time.Duration
	Members []MemberStatus // by ID
	Version uint64         // of the plan in force; 0 where there is none
	Plan    Plan
	Pins    Pins
	Owned   []uint32 // the shards that this node holds, now
}

// MemberStatus is what a node knows of a member.
type MemberStatus struct {
	Member
	// Age is for how long the member's beat has stood still, as far as this node has seen.
	Age      time.Duration
	Leaving  bool
	Dead     bool // silent for too long, and about to be struck off
	Outdated bool // an older program than another member's: it gets no shards
	Version  uint64
	Organs   []string
}

// Status returns what the node knows of its cluster. It asks nobody; a node that does not run knows what it has last read.
func (n *Node) Status() Status {
	n.mu.Lock()
	defer n.mu.Unlock()
	m, now := n.member, time.Now()
	s := Status{
		ID: m.id, Phase: m.life.Phase(), Version: m.accord.version, Plan: slices.Clone(m.accord.owners),
		Pins: maps.Clone(m.last.pins.Pins), Owned: n.store.Owned(),
	}
	if !m.last.at.IsZero() {
		s.Age = now.Sub(m.last.at)
	}
	dead, old := m.view.Dead(), outdated(m.view.Live(), m.last.records)
	for id, r := range m.last.records {
		_, died := dead[id]
		s.Members = append(s.Members, MemberStatus{
			Member: Member{ID: id, Weight: r.Weight}, Age: now.Sub(m.pulses[id].since), Leaving: r.Leaving, Dead: died,
			Outdated: old[id], Version: r.Plan, Organs: slices.Clone(r.Organs),
		})
	}
	slices.SortFunc(s.Members, func(a, b MemberStatus) int { return strings.Compare(a.ID, b.ID) })
	return s
}
