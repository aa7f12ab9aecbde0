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

// resident is a cell in memory.
type resident struct {
	key        string
	cell       actors.Cell // nil when it is bad
	bad        error       // why there is no cell
	seq        uint64      // changes so far, committed or in the present batch
	snapshot   uint64      // change the last snapshot ends with
	weight     int         // bytes of the inputs since then
	stateBytes int         // of the last snapshot
	at         time.Time   // of the last change
	used       time.Time   // by an event, or loaded
	reset      bool        // the next change starts from the fresh state
	fresh      bool        // in residents.changed
	prev, next *resident
}

// unsaved reports whether r has changed since its last snapshot.
func (r *resident) unsaved() bool { return r.bad == nil && r.seq > r.snapshot }

// residents are the cells of one lane that are in memory.
type residents struct {
	byKey   map[string]*resident
	order   lru
	limit   int
	changed []*resident // by the last batch
	counts  *cellCounters
}

func (rs *residents) add(r *resident) {
	rs.byKey[r.key] = r
	rs.order.push(r)
	rs.counts.resident.Add(1)
}

func (rs *residents) drop(r *resident) {
	if rs.byKey[r.key] != r {
		return
	}
	delete(rs.byKey, r.key)
	rs.order.remove(r)
	rs.counts.resident.Add(-1)
}

func (rs *residents) forget() {
	rs.counts.resident.Add(-int64(len(rs.byKey)))
	clear(rs.byKey)
	clear(rs.changed)
	rs.changed = rs.changed[:0]
	rs.order = lru{}
}

// touched notes that r has changed in this batch.
func (rs *residents) touched(r *resident) {
	if !r.fresh {
		r.fresh = true
		rs.changed = append(rs.changed, r)
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
