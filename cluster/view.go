package cluster

import (
	"slices"
	"strings"
	"time"
)

// LeastReadings is how often a beat must have been read unchanged before its member counts as dead,
// whatever the time to live.
const LeastReadings = 4

// Record is what a member says of itself where all others read it.
type Record struct {
	// Beat is counted up by the member. That it changes is all that matters: also a lower one, of a store
	// that was set back, is a sign of life.
	Beat uint64
	// Weight is the member's weight; see Member.
	Weight float64
	// Leaving is set by a member that drains: it is to get no shards and to give those it has.
	Leaving bool
}

// View is what one reader knows of the members. It is for one goroutine; make it with NewView.
type View struct {
	ttl      time.Duration
	last     time.Time // of the last reading
	sighted  map[string]*sighting
	readings uint64
}

// sighting is what a reader knows of one member.
type sighting struct {
	record  Record
	since   time.Time // of the first reading since which the beat stands still
	still   int       // readings since then, that one included
	dead    bool
	reading uint64 // the last one with this member
}

// status is what a sighting makes of a member.
type status int

const (
	absent status = iota
	dead
	leaving
	alive
)

func (s *sighting) status() status {
	switch {
	case s.still == 0: // not compared with a record yet
		return absent
	case s.dead:
		return dead
	case s.record.Leaving:
		return leaving
	}
	return alive
}

// Change says what a reading has changed. Every list is sorted by ID.
type Change struct {
	Joined  []string // new, or alive again
	Left    []string // was alive and says that it leaves, or has no record any more
	Died    []string // silent for too long; one that leaves may die of it, too
	Weighed []string // alive before and now, with another weight
}

// Empty reports whether nothing has changed.
func (c Change) Empty() bool {
	return len(c.Joined)+len(c.Left)+len(c.Died)+len(c.Weighed) == 0
}

// NewView returns the view of a reader that has read nothing yet. ttl is for how long a beat may stand
// still; where it is not above 0, nobody ever dies.
func NewView(ttl time.Duration) *View {
	return &View{ttl: ttl, sighted: make(map[string]*sighting)}
}

// Read takes a reading: the records of all members by ID, read successfully, and the time of the reader's
// own monotonic clock at which they were. The map is not kept. What could not be read is not
// to be handed in.
//
// A member is taken for alive when it is first seen. It dies when its beat has stood still over at least
// LeastReadings readings that span at least the time to live, and lives again when the beat
// moves. When a reading comes later than half the time to live after the one before, or before
// it, the reader or the store has stood still: then every silence begins anew with this reading.
func (v *View) Read(now time.Time, records map[string]Record) Change {
	gap := now.Sub(v.last)
	anew := gap < 0 || gap > v.ttl/2
	v.last = now
	v.readings++
	var c Change
	for id, r := range records {
		s, known := v.sighted[id]
		if !known {
			s = &sighting{}
			v.sighted[id] = s
		}
		was, weight := s.status(), s.record.Weight
		s.reading = v.readings
		s.see(r, now, anew, v.ttl)
		c.note(id, was, s.status(), r.Weight != weight)
	}
	v.forget(&c)
	c.sort()
	return c
}

// see compares a record with the one before.
func (s *sighting) see(r Record, now time.Time, anew bool, ttl time.Duration) {
	moved := r.Beat != s.record.Beat || s.still == 0
	s.record = r
	if moved {
		s.dead = false
	}
	if moved || anew {
		s.since, s.still = now, 0
	}
	s.still++
	if s.still >= LeastReadings && now.Sub(s.since) >= ttl {
		s.dead = true
	}
}

func (c *Change) note(id string, was, is status, weighed bool) {
	switch {
	case is == alive && was != alive:
		c.Joined = append(c.Joined, id)
	case is == alive && weighed:
		c.Weighed = append(c.Weighed, id)
	case is == leaving && was == alive:
		c.Left = append(c.Left, id)
	case is == dead && was > dead:
		c.Died = append(c.Died, id)
	}
}

// forget drops the members that the last reading did not have.
func (v *View) forget(c *Change) {
	for id, s := range v.sighted {
		if s.reading == v.readings {
			continue
		}
		if s.status() == alive {
			c.Left = append(c.Left, id)
		}
		delete(v.sighted, id)
	}
}

func (c *Change) sort() {
	for _, ids := range [][]string{c.Joined, c.Left, c.Died, c.Weighed} {
		slices.Sort(ids)
	}
}

// Live returns the members that are alive and not leaving, by ID.
func (v *View) Live() []Member {
	members := make([]Member, 0, len(v.sighted))
	for id, s := range v.sighted {
		if s.status() == alive {
			members = append(members, Member{ID: id, Weight: s.record.Weight})
		}
	}
	slices.SortFunc(members, func(a, b Member) int { return strings.Compare(a.ID, b.ID) })
	return members
}

// Dead returns the members that have died and still have a record, with the beat at which they stand. With
// it a store can be asked to remove a record only if nothing has been heard of its member since.
func (v *View) Dead() map[string]uint64 {
	beats := make(map[string]uint64)
	for id, s := range v.sighted {
		if s.status() == dead {
			beats[id] = s.record.Beat
		}
	}
	return beats
}
