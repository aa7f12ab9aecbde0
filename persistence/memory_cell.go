package persistence

import (
	"time"

	"github.com/necrostack/necrostack/actors"
)

// memoryCell is what Memory holds of a cell. It is kept small: there may be a million of them.
type memoryCell struct {
	key          string
	older, newer *memoryCell // in the order of the last change
	last         uint64
	at           time.Time
	snapshot     Snapshot
	records      []memoryRecord // without a gap, up to last
}

// memoryRecord is a Record in half of its size: most of what a Memory writes are records.
type memoryRecord struct {
	event   actors.Event
	digest  uint64
	at      int64 // nanoseconds since 1970
	version int32
	reset   bool
}

// changes is the number of changes so far; none for the nil cell, which is one that is not known.
func (c *memoryCell) changes() uint64 {
	if c == nil {
		return 0
	}
	return c.last
}

func (c *memoryCell) history() History {
	h := History{Snapshot: c.snapshot, Last: c.last, At: c.at}
	first := c.last - uint64(len(c.records)) + 1
	for i, r := range c.records {
		h.Records = append(h.Records, Record{
			Seq: first + uint64(i), Event: r.event, Version: int(r.version), Digest: r.digest, At: time.Unix(0, r.at), Reset: r.reset,
		})
	}
	return h
}

// memoryOrgan holds the cells of an organ, by key and in the order of their last change.
type memoryOrgan struct {
	cells  map[string]*memoryCell
	recent *memoryCell // looked up last: changes come in runs
	order  memoryCell  // the list's anchor: newer is the oldest cell, older the newest
}

func newMemoryOrgan() *memoryOrgan {
	o := &memoryOrgan{cells: map[string]*memoryCell{}}
	o.order.older, o.order.newer = &o.order, &o.order
	return o
}

// cell returns the cell of key, nil when there is none; also for the nil organ.
func (o *memoryOrgan) cell(key string) *memoryCell {
	if o == nil {
		return nil
	}
	if o.recent == nil || o.recent.key != key {
		o.recent = o.cells[key]
	}
	return o.recent
}

func (o *memoryOrgan) add(key string) *memoryCell {
	c := &memoryCell{key: key}
	c.older, c.newer = c, c
	o.cells[key] = c
	return c
}

// changed makes c the one that changed last.
func (o *memoryOrgan) changed(c *memoryCell) {
	if o.order.older == c {
		return
	}
	c.unlink()
	newest := o.order.older
	c.older, c.newer = newest, &o.order
	newest.newer, o.order.older = c, c
}

func (o *memoryOrgan) oldest() *memoryCell {
	if o.order.newer == &o.order {
		return nil
	}
	return o.order.newer
}

func (o *memoryOrgan) remove(c *memoryCell) {
	c.unlink()
	delete(o.cells, c.key)
	o.recent = nil
}

func (c *memoryCell) unlink() {
	c.older.newer, c.newer.older = c.newer, c.older
}
