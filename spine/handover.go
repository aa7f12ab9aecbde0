package spine

import (
	"sync/atomic"
	"time"
)

// Handover is the ability of a backend whose shards go to other nodes while a Spine runs. What is saved before is not stepped
// through by who comes next, and a newer program can go on from it: another Version cannot step through the records.
type Handover interface {
	// Leave says what saves cells before their shard is given to another node. nil: nothing does any more, and need
	// not.
	Leave(save SaveFunc)
}

// SaveFunc saves what has changed in the cells of some keys, none of which has an event in hand, and calls saved when that has
// been tried with all of them. It does not block.
type SaveFunc func(of func(key string) bool, saved func())

// saving is a call of SaveFunc.
type saving struct {
	of    func(key string) bool
	left  atomic.Int32 // lanes that have not saved, and one for who asks them
	saved func()
}

func (s *saving) done() {
	if s.left.Add(-1) == 0 {
		s.saved()
	}
}

// save has each lane that has cells save some of them, as soon as it is free.
func (c *core) save(now time.Time, s *saving) {
	c.begin(now)
	for _, o := range c.organs {
		if !o.keyed {
			continue
		}
		for _, l := range o.lanes {
			s.left.Add(1)
			l.saves = append(l.saves, s)
			c.touch(l)
		}
	}
	s.done()
}

// tidy has a free lane forget and save what it is to.
func (c *core) tidy(l *lane) {
	if l.forget {
		l.forget = false
		c.out.forgets = append(c.out.forgets, l)
	}
	for _, s := range l.saves {
		c.out.saves = append(c.out.saves, laneSave{l, s})
	}
	clear(l.saves)
	l.saves = l.saves[:0]
}

// save is the SaveFunc of a run.
func (r *run) save(of func(key string) bool, saved func()) {
	s := &saving{of: of, saved: saved}
	s.left.Store(1)
	r.tell(saveMsg{s})
}
