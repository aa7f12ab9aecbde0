package persistence

import (
	"cmp"
	"hash/maphash"
	"slices"
)

// memoryOrgan holds the cells of an organ, by key, and in the order of their last change from the day on when
// somebody asks for the oldest: most organs' cells do not expire, and each place in the order that a change
// touches is somewhere else in memory.
type memoryOrgan struct {
	in        *memoryCells
	hash      func(key string) uint64
	byHash    map[uint64]uint32 // cells by the hash of their key; others of the same hash are its twins
	recent    uint32            // cell looked up last, by recentKey: changes come in runs
	recentKey string
	order     uint32 // anchor of the list, a cell of no key: newer is the oldest cell, older the newest. 0: there is none yet
}

func newMemoryOrgan(in *memoryCells) *memoryOrgan {
	seed := maphash.MakeSeed() // so that nobody can choose keys of one hash
	hash := func(key string) uint64 { return maphash.String(seed, key) }
	return &memoryOrgan{in: in, hash: hash, byHash: map[uint64]uint32{}}
}

// cell returns the cell of key, 0 when there is none; also for the nil organ.
func (o *memoryOrgan) cell(key string) uint32 {
	if o == nil {
		return 0
	}
	if o.recent == 0 || o.recentKey != key {
		o.recent, o.recentKey = o.in.cell(o.first(key), key), key
	}
	return o.recent
}

// first returns the cell that is key's, or the first of those that are its twins; 0 when there is none, also for the
// nil organ.
func (o *memoryOrgan) first(key string) uint32 {
	if o == nil {
		return 0
	}
	return o.byHash[o.hash(key)]
}

// add makes the cell of key.
func (o *memoryOrgan) add(key string) uint32 {
	n, hash := o.in.add(key), o.hash(key)
	o.in.at(n).twin = o.byHash[hash]
	o.byHash[hash] = n
	o.recent, o.recentKey = n, key
	return n
}

// changed makes cell n the one that changed last.
func (o *memoryOrgan) changed(n uint32) {
	if o.order == 0 {
		return
	}
	anchor, c := o.in.at(o.order), o.in.at(n)
	if anchor.older == n {
		return
	}
	o.unlink(c)
	c.older, c.newer = anchor.older, o.order
	o.in.at(c.older).newer, anchor.older = n, n
}

// oldest returns the cell whose last change is the oldest, 0 when there is none.
func (o *memoryOrgan) oldest() uint32 {
	if o.order == 0 {
		o.sort()
	}
	n := o.in.at(o.order).newer
	if n == o.order {
		return 0
	}
	return n
}

// sort puts the cells in order for the first time.
func (o *memoryOrgan) sort() {
	o.order = o.in.cells.take()
	anchor := o.in.at(o.order)
	anchor.older, anchor.newer = o.order, o.order
	var all []uint32
	for _, n := range o.byHash {
		for ; n != 0; n = o.in.at(n).twin {
			all = append(all, n)
		}
	}
	slices.SortFunc(all, func(a, b uint32) int { return cmp.Compare(o.in.at(a).at, o.in.at(b).at) })
	for _, n := range all {
		o.changed(n)
	}
}

// remove ends cell n, which has neither records nor a state.
func (o *memoryOrgan) remove(n uint32) {
	c := o.in.at(n)
	o.unlink(c)
	o.unhash(n, c)
	o.recent = 0
	o.in.remove(n)
}

// unhash takes c, which is cell n, from among its twins.
func (o *memoryOrgan) unhash(n uint32, c *memoryCell) {
	hash := o.hash(o.in.key(c))
	first := o.byHash[hash]
	switch {
	case first == n && c.twin == 0:
		delete(o.byHash, hash)
	case first == n:
		o.byHash[hash] = c.twin
	default:
		before := o.in.at(first)
		for before.twin != n {
			before = o.in.at(before.twin)
		}
		before.twin = c.twin
	}
}

// unlink takes c out of the order, if it has a place there.
func (o *memoryOrgan) unlink(c *memoryCell) {
	if c.older == 0 {
		return
	}
	o.in.at(c.older).newer, o.in.at(c.newer).older = c.newer, c.older
	c.older, c.newer = 0, 0
}
