package host

import (
	"sync/atomic"
	"time"

	"github.com/necrostack/necrostack/actors"
)

// cellCounters counts what happens to an organ's cells.
type cellCounters struct {
	resident, loaded, passivated, expired, quarantined, snapshots atomic.Int64
}

// CellStats counts an organ's cells. Resident is a present number, the others are totals: cells
// loaded or begun, put to rest, begun anew or forgotten by the store because they had expired,
// quarantined, and snapshots saved.
type CellStats struct {
	Resident, Loaded, Passivated, Expired, Quarantined, Snapshots int64
}

// CellStats returns the numbers of a keyed organ.
func (o *Organ) CellStats() CellStats {
	c := &o.cells
	return CellStats{
		Resident: c.resident.Load(), Loaded: c.loaded.Load(), Passivated: c.passivated.Load(),
		Expired: c.expired.Load(), Quarantined: c.quarantined.Load(), Snapshots: c.snapshots.Load(),
	}
}

// resident is a cell in memory. What every change touches comes first, within a cache line.
type resident struct {
	cell       actors.Cell // nil when it is bad
	seq        uint64      // changes so far, committed or in the present batch
	snapshot   uint64      // change the last snapshot ends with
	at         instant     // of the last change
	used       instant     // by an event, or loaded
	stateBytes int         // of the last snapshot
	reset      bool        // the next change starts from the fresh state
	recorded   bool        // in residents.recorded
	gone       bool        // not in residents any more
	weight     int         // bytes of the inputs since the last snapshot
	prev, next *resident
	key        string
	bad        error // why there is no cell
}

// instant is nanoseconds since 1970. A time.Time is three times as large, and a pointer to the collector.
type instant int64

func instantOf(t time.Time) instant { return instant(t.UnixNano()) }

func (i instant) time() time.Time { return time.Unix(0, int64(i)) }

// since is the time from an earlier instant.
func (i instant) since(earlier instant) time.Duration { return time.Duration(i - earlier) }

// unsaved reports whether r has changed since its last snapshot.
func (r *resident) unsaved() bool { return r.bad == nil && r.seq > r.snapshot }

// residents are the cells of one lane that are in memory.
type residents struct {
	byKey    map[string]*resident
	order    lru
	limit    int
	recorded []*resident // those with a new record, from the last batch
	spare    []*resident // that were put to rest, for those to come
	counts   *cellCounters
}

// spareResidents is as many as a batch needs, where all of its keys are new.
const spareResidents = 256

// add makes a resident that has no cell yet.
func (rs *residents) add(key string) *resident {
	r := rs.room()
	r.key = key
	rs.byKey[key] = r
	rs.order.push(r)
	rs.counts.resident.Add(1)
	return r
}

// room returns a zero resident.
func (rs *residents) room() *resident {
	n := len(rs.spare)
	if n == 0 {
		return &resident{}
	}
	r := rs.spare[n-1]
	rs.spare = rs.spare[:n-1]
	*r = resident{}
	return r
}

// retire drops r, which nobody has a use for any more, to be another cell's.
func (rs *residents) retire(r *resident) {
	rs.drop(r)
	if len(rs.spare) < spareResidents {
		r.cell = nil
		rs.spare = append(rs.spare, r)
	}
}

func (rs *residents) drop(r *resident) {
	if r.gone {
		return
	}
	r.gone = true
	delete(rs.byKey, r.key)
	rs.order.remove(r)
	rs.counts.resident.Add(-1)
}

func (rs *residents) forget() {
	rs.counts.resident.Add(-int64(len(rs.byKey)))
	for _, r := range rs.byKey {
		r.gone = true
	}
	clear(rs.byKey)
	clear(rs.recorded)
	rs.recorded = rs.recorded[:0]
	rs.order = lru{}
}

// record notes that r has got a record in this batch.
func (rs *residents) record(r *resident) {
	if !r.recorded {
		r.recorded = true
		rs.recorded = append(rs.recorded, r)
	}
}

// lru is a list of residents, the least recently used first.
type lru struct{ first, last *resident }

func (l *lru) push(r *resident) {
	r.prev, r.next = l.last, nil
	if l.last != nil {
		l.last.next = r
	} else {
		l.first = r
	}
	l.last = r
}

func (l *lru) remove(r *resident) {
	if r.prev != nil {
		r.prev.next = r.next
	} else {
		l.first = r.next
	}
	if r.next != nil {
		r.next.prev = r.prev
	} else {
		l.last = r.prev
	}
	r.prev, r.next = nil, nil
}

func (l *lru) touch(r *resident) {
	if l.last == r {
		return
	}
	l.remove(r)
	l.push(r)
}
