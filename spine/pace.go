package spine

import (
	"time"

	"github.com/necrostack/necrostack/actors"
	"github.com/necrostack/necrostack/actors/host"
)

// batchSize is how many items a lane of o gets at once: as many as it handles in batchTime, since their
// outcomes come back together.
func (c *core) batchSize(o *organ) int {
	switch {
	case o.batching:
		return min(c.config.maxBatch, actors.BatchLimit)
	case o.pace == 0:
		return min(c.config.maxBatch, firstBatch)
	default:
		return min(c.config.maxBatch, max(1, int(batchTime/o.pace)))
	}
}

const (
	batchTime  = 5 * time.Millisecond
	firstBatch = 8
)

// paced takes the time a batch needed into account.
func (o *organ) paced(b *host.Batch) {
	n := len(b.Items)
	if n == 0 || b.Down {
		return
	}
	per := max(b.Ended.Sub(b.Started)/time.Duration(n), 1)
	if o.pace == 0 {
		o.pace = per
	}
	o.pace += (per - o.pace) / 4
}

// turns bounds how many lanes of quick organs are at work at a time. A thousand of them with an event each,
// set off together, cost more in cold memory than in handling; a few at a time, the
// others gather what comes meanwhile and get it in one batch. Lanes that are slow, or turn out to be, do
// not count: they may be waiting for something, and then the more of them the better.
type turns struct {
	most        int
	taken       int
	first, last *lane   // of those that have a turn, linked in the order of their start
	waiting     []*lane // in line, from head
	head        int
}

const (
	quickPace  = 20 * time.Microsecond // of a handling, at most
	quickTime  = 5 * time.Millisecond  // a batch that takes longer gives up its turn
	quickTurns = 64                    // not fewer than processors that could work on them
)

// quick reports whether the organ's handlings are so short that there is nothing to be won by having many of
// them under way. An organ nobody knows yet is not.
func (o *organ) quick() bool { return o.pace > 0 && o.pace < quickPace }

// wait puts a lane in line that has to wait for its turn.
func (t *turns) wait(l *lane) bool {
	if !l.organ.quick() || t.taken < t.most {
		return false
	}
	if !l.inLine {
		l.inLine = true
		t.waiting = append(t.waiting, l)
	}
	return true
}

// begin and end note that a lane is at work, and is no longer.
func (t *turns) begin(l *lane) {
	if !l.organ.quick() {
		return
	}
	l.turn = true
	l.before = t.last
	if t.last != nil {
		t.last.after = l
	} else {
		t.first = l
	}
	t.last = l
	t.taken++
}

func (t *turns) end(l *lane) {
	if !l.turn {
		return
	}
	l.turn = false
	if l.before != nil {
		l.before.after = l.after
	} else {
		t.first = l.after
	}
	if l.after != nil {
		l.after.before = l.before
	} else {
		t.last = l.before
	}
	l.before, l.after = nil, nil
	t.taken--
}

// takeTurns lets those in line have the turns that are free.
func (c *core) takeTurns() {
	t := &c.turns
	for t.head < len(t.waiting) && (t.taken < t.most || c.turnOver()) {
		c.dispatch(t.next())
	}
}

// mindTurns asks for a look when the turn that was taken first is over, if somebody waits for it.
func (c *core) mindTurns() {
	if t := &c.turns; t.head < len(t.waiting) {
		c.wakeAt(t.first.started.Add(quickTime))
	}
}

// next takes the first in line.
func (t *turns) next() *lane {
	l := t.waiting[t.head]
	l.inLine = false
	t.waiting[t.head] = nil
	t.head++
	if t.head*2 > len(t.waiting) {
		n := copy(t.waiting, t.waiting[t.head:])
		clear(t.waiting[n:])
		t.waiting, t.head = t.waiting[:n], 0
	}
	return l
}

// turnOver frees the turn that was taken first, if its batch takes too long.
func (c *core) turnOver() bool {
	first := c.turns.first
	if c.now.Sub(first.started) < quickTime {
		return false
	}
	c.turns.end(first)
	return true
}
