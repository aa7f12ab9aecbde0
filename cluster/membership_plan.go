package cluster

import (
	"slices"
	"time"
)

// patience is for how long a node has seen the same need for another plan.
type patience struct {
	members []Member
	pins    uint64
	plan    string
	since   time.Time
}

// over reports whether the need has been the same for as long as given.
func (p *patience) over(x patience, wait time.Duration) bool {
	if !slices.Equal(p.members, x.members) || p.pins != x.pins || p.plan != x.plan {
		*p = x
	}
	return x.since.Sub(p.since) >= wait
}

// aBeat is the shortest time after which a reading counts as one beat later than another: beats vary by a tenth.
func (m *membership) aBeat() time.Duration { return m.beat * 4 / 5 }

// eligible returns the members that a plan is to be made for: alive, not leaving, and of no older program than another one
// of them, whose shards the leases would refuse to them.
func (m *membership) eligible() []Member {
	live := m.view.Live()
	old := outdated(live, m.last.records)
	return slices.DeleteFunc(live, func(x Member) bool { return old[x.ID] })
}

func (m *membership) isFirst(members []Member) bool {
	return len(members) > 0 && members[0].ID == m.id
}

// proposal returns the plan that this node is to put in force now, if any. The first member proposes at once, and so does one
// that leaves; the others only what is still needed a beat later, so that few of them lose the race. Joins, and pins, wait
// until they have been read for a beat: of many nodes that start together, most would have to give again what they have
// just taken.
func (m *membership) proposal() *accord {
	members := m.eligible()
	if m.accord.madeFor(members, m.last.pins) {
		m.waiting = patience{}
		return nil
	}
	leaves := m.life.Phase() == Draining
	known := slices.ContainsFunc(m.view.Live(), func(x Member) bool { return x.ID == m.id })
	if !known && !leaves {
		return nil // given up by the others, as the next beat will tell
	}
	var wait time.Duration
	if m.onlyJoins(members) {
		wait += m.aBeat()
	}
	if !leaves && !m.isFirst(members) {
		wait += m.aBeat()
	}
	need := patience{members: members, pins: m.last.pins.Version, plan: m.accord.text, since: m.last.at}
	if !m.waiting.over(need, wait) {
		return nil
	}
	next, err := m.accord.next(members, m.last.pins)
	if err != nil {
		return nil // what was read is valid, each piece of it
	}
	return next
}

// onlyJoins reports whether nobody has lost its place in the plan.
func (m *membership) onlyJoins(members []Member) bool {
	return !slices.ContainsFunc(m.accord.members, func(x Member) bool { return !slices.Contains(members, x) })
}
