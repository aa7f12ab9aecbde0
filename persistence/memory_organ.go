package persistence

import (
	"cmp"
	"maps"
	"slices"
)

// memoryOrgan holds the cells of an organ, by key, and in the order of their last change from the day on when
// somebody asks for the oldest: most organs' cells do not expire, and each place in the order that a change
// touches is somewhere else in memory.
type memoryOrgan struct {
	cells     map[string]*memoryCell
	recent    *memoryCell // looked up last, by recentKey: changes come in runs
	recentKey string
	ordered   bool
	order     memoryCell // the list's anchor: newer is the oldest cell, older the newest
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
	if o.recent == nil || o.recentKey != key {
		o.recent, o.recentKey = o.cells[key], key
	}
	return o.recent
}

func (o *memoryOrgan) add(key string) *memoryCell {
	c := &memoryCell{key: key}
	o.cells[key] = c
	return c
}

// changed makes c the one that changed last.
func (o *memoryOrgan) changed(c *memoryCell) {
	if !o.ordered || o.order.older == c {
		return
	}
	c.unlink()
	newest := o.order.older
	c.older, c.newer = newest, &o.order
	newest.newer, o.order.older = c, c
}

// oldest returns the cell whose last change is the oldest, nil when there is none.
func (o *memoryOrgan) oldest() *memoryCell {
	if !o.ordered {
		o.sort()
	}
	if o.order.newer == &o.order {
		return nil
	}
	return o.order.newer
}

// sort puts the cells in order for the first time.
func (o *memoryOrgan) sort() {
	o.ordered = true
	byTime := func(a, b *memoryCell) int { return cmp.Compare(a.at, b.at) }
	for _, c := range slices.SortedFunc(maps.Values(o.cells), byTime) {
		o.changed(c)
	}
}

func (o *memoryOrgan) remove(c *memoryCell) {
	c.unlink()
	delete(o.cells, c.key)
	o.recent = nil
}

// unlink takes c out of the order, if it has a place there.
func (c *memoryCell) unlink() {
	if c.older == nil {
		return
	}
	c.older.newer, c.newer.older = c.newer, c.older
	c.older, c.newer = nil, nil
}
