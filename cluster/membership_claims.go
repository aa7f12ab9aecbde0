package cluster

import (
	"slices"
	"time"
)

// claims returns the shards that the node is to serve, ascending, and whether some of them are only kept for others.
//
// It claims what the plan gives it. A shard that the plan gives to another it keeps until that one says that it
// follows the plan, or for two beats: then the successor waits at the door, and the shard is without an owner for
// a moment only. And it claims the shards that would be its own if those were dead who have just missed a beat: their
// leases are watched from now on, not only when they are given up, so that they run out no later than that.
func (m *membership) claims(owned []uint32) (claims []uint32, keeps bool) {
	phase := m.life.Phase()
	if !phase.Owns() {
		return nil, false
	}
	if phase.Takes() {
		claims = append(m.accord.owners.Of(m.id), m.inherited()...)
	}
	for _, s := range owned {
		if m.keeps(s) {
			claims, keeps = append(claims, s), true
		}
	}
	slices.Sort(claims)
	return slices.Compact(claims), keeps
}

// keeps reports whether a shard that the node owns has a next owner who is not ready for it. For a node that leaves that
// includes those of which nobody has said yet who is next.
func (m *membership) keeps(s uint32) bool {
	next := m.accord.owners[s]
	switch {
	case next == m.id:
		return m.life.Phase() == Draining
	case next == "" || m.last.at.Sub(m.since) >= m.handover():
		return false
	}
	r, there := m.last.records[next]
	return there && !r.Leaving && r.Plan != m.accord.version
}

// handover is for how long shards are kept for a successor that is not ready.
func (m *membership) handover() time.Duration { return 2 * m.beat }

// inherited returns the shards that would come to this node if those who have missed a beat were dead. It does not change
// who owns them as long as their leases are kept.
func (m *membership) inherited() []uint32 {
	silent := m.silent()
	if len(silent) == 0 || silent[m.id] {
		return nil
	}
	rest := slices.DeleteFunc(m.eligible(), func(x Member) bool { return silent[x.ID] })
	plan, err := Assign(rest, m.last.pins.Pins, m.accord.owners)
	if err != nil {
		return nil // what was read is valid, each piece of it
	}
	return slices.DeleteFunc(plan.Of(m.id), func(s uint32) bool { return !silent[m.accord.owners[s]] })
}

// silent returns the members of the plan that have missed a beat.
func (m *membership) silent() map[string]bool {
	silent := make(map[string]bool)
	for _, x := range m.accord.members {
		if p, there := m.pulses[x.ID]; there && m.last.at.Sub(p.since) >= m.missed() {
			silent[x.ID] = true
		}
	}
	return silent
}

// missed is for how long a beat must have stood still to be taken for missed. The slack is for the way to the store: who
// is suspected for nothing may lose a shard to a wrong heir while it hands it to the right one.
func (m *membership) missed() time.Duration { return m.beat * 23 / 20 }

// doubt returns how long it takes until a member whose beat stood still in the last reading will have missed one, if that is less
// than wait: then is the time to look again.
func (m *membership) doubt(wait time.Duration) time.Duration {
	for _, x := range m.accord.members {
		age := m.last.at.Sub(m.pulses[x.ID].since)
		if x.ID != m.id && age > 0 && age < m.missed() {
			wait = min(wait, m.missed()-age)
		}
	}
	return wait
}
