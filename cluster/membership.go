package cluster

import (
	"crypto/rand"
	"time"
)

// membership is one life of a node under one ID, without its surroundings: it is told what was read, and says what is to be
// done. It has no goroutine and no clock of its own.
type membership struct {
	id      string
	life    Life
	self    record
	entered bool // its record has been written
	shards  int
	beat    time.Duration // between two of its beats, at most

	view    *View
	pulses  map[string]pulse
	last    reading
	accord  *accord
	since   time.Time // of which the accord is followed
	waiting patience
	buried  map[string]bool // dead when last read
	old     bool            // another member's program is newer
}

// pulse is since when a reader has seen the beat of a member stand still.
type pulse struct {
	beat  uint64
	since time.Time
}

// reading is what the store holds of a cluster at one moment.
type reading struct {
	at      time.Time
	records map[string]record
	texts   map[string]string // of the records
	plan    string
	pins    pinning
}

// orders are what is to be done after a reading.
type orders struct {
	change  Change
	adopted *adoption
	propose *accord
	strike  map[string]string // records by ID, as they were read
	soon    bool              // beat again at once
	aged    bool              // there is a newer program now
}

// adoption is that another plan came into force.
type adoption struct {
	moves  int
	gains  bool // some of them are to this node
	joined bool // with it this node is a member to all
	bad    error
}

// beatsPerLease is how often a node beats while a lease runs out. Who watches a lease begins at most one beat and the time of missed
// after its owner's last sign of life: with leases of 2 s, six beats make that 0.72 s, and the takeover end within a
// second of the lease, the leases' own poll included.
const beatsPerLease = 6

// newMembership begins a life of a node of this name.
func newMembership(name string, self record, shards int, lease time.Duration) *membership {
	var nonce [8]byte
	_, _ = rand.Read(nonce[:]) // never fails
	return &membership{
		id: MemberID(name, nonce), self: self, shards: shards, beat: lease / beatsPerLease,
		view: NewView(lease), pulses: make(map[string]pulse), accord: &accord{owners: NewPlan(shards)},
	}
}

// say returns the record that the next beat writes.
func (m *membership) say() string {
	m.self.Beat++
	m.self.Plan = m.accord.version
	m.self.Leaving = m.life.Phase() == Draining
	return m.self.encode()
}

// enter goes on to a phase that follows.
func (m *membership) enter(p Phase) {
	if err := m.life.Enter(p); err != nil {
		panic(err)
	}
}

// leave begins the end of the life: what has nothing to drain is gone.
func (m *membership) leave() {
	switch m.life.Phase() {
	case Joining:
		m.enter(Gone)
	case Serving:
		m.enter(Draining)
	}
}

// read takes a reading.
func (m *membership) read(r reading) orders {
	var o orders
	records := make(map[string]Record, len(r.records))
	for id, x := range r.records {
		records[id] = Record{Beat: x.Beat, Weight: x.Weight, Leaving: x.Leaving}
	}
	m.feel(r)
	m.last = r
	o.change = m.view.Read(r.at, records)
	if r.plan != m.accord.text {
		o.adopted = m.adopt(decodeAccord(r.plan, m.shards))
	}
	old := outdated(m.view.Live(), r.records)[m.id]
	o.aged, m.old = old && !m.old, old
	o.propose = m.proposal()
	o.strike = m.burials()
	o.soon = o.adopted != nil && o.adopted.gains
	return o
}

// feel notes whose beats stand still.
func (m *membership) feel(r reading) {
	for id, x := range r.records {
		if p, known := m.pulses[id]; !known || p.beat != x.Beat {
			m.pulses[id] = pulse{beat: x.Beat, since: r.at}
		}
	}
	for id := range m.pulses {
		if _, there := r.records[id]; !there {
			delete(m.pulses, id)
		}
	}
}

// adopt follows another plan. A damaged one is as good as none.
func (m *membership) adopt(next *accord, err error) *adoption {
	a := &adoption{bad: err}
	for _, move := range m.accord.owners.Moves(next.owners) {
		a.moves++
		a.gains = a.gains || move.To == m.id
	}
	m.accord, m.since = next, m.last.at
	if m.life.Phase() == Joining && next.has(m.id) {
		m.enter(Serving)
		a.joined = true
	}
	return a
}

// burials returns the records of the dead that this node is to strike off: the first member does at once, the others
// what is still there a reading later.
func (m *membership) burials() map[string]string {
	dead := m.view.Dead()
	before := m.buried
	m.buried = make(map[string]bool, len(dead))
	texts := make(map[string]string)
	first := m.isFirst(m.eligible())
	for id := range dead {
		m.buried[id] = true
		if first || before[id] {
			texts[id] = m.last.texts[id]
		}
	}
	return texts
}
