package persistence

import "time"

// memoryCell is what Memory holds of a cell. It is kept small: there may be a million of them.
type memoryCell struct {
	key          string
	older, newer *memoryCell // in the order of the last change
	last         uint64
	at           time.Time
	snapshot     Snapshot
	records      []Record
}

// changes is the number of changes so far; none for the nil cell, which is one that is not known.
func (c *memoryCell) changes() uint64 {
	if c == nil {
		return 0
	}
	return c.last
}

// history is a view that later changes leave alone: they append behind it or copy.
func (c *memoryCell) history() History {
	n := len(c.records)
	return History{Snapshot: c.snapshot, Records: c.records[:n:n], Last: c.last, At: c.at}
}

// memoryOrgan holds the cells of an organ, by key and in the order of their last change.
type memoryOrgan struct {
	cells map[string]*memoryCell
	order memoryCell // the list's anchor: newer is the oldest cell, older the newest
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
	return o.cells[key]
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
}

func (c *memoryCell) unlink() {
	c.older.newer, c.newer.older = c.newer, c.older
}
