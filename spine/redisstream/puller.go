package redisstream

import (
	"time"

	"github.com/necrostack/necrostack/spine"
)

// puller is a Pull that waits.
type puller struct {
	want   spine.Want
	handed bool // it has been given what it waited for
}

// begin and end count the Pulls that wait. What one wants is known even if its ctx ends before it has looked.
func (b *Backend) begin(w spine.Want) *puller {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.note(w)
	b.pulling++
	b.begun++
	me := &puller{want: w}
	if w.Hand != nil {
		b.handy = me
	}
	return me
}

// end reports whether somebody else was given what it waited for.
func (b *Backend) end(me *puller) (handed bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.pulling--
	b.leave(me)
	return me.handed
}

// leave has a Pull given nothing more. The lock must be held.
func (b *Backend) leave(me *puller) {
	if b.handy == me {
		b.handy = nil
	}
}

// handOver gives what has come to the Pull that lets somebody else have it, if one does. What it returns is
// to be called without the lock. The lock must be held.
func (b *Backend) handOver() func() {
	me := b.handy
	if me == nil || b.ready() != nil {
		return func() {}
	}
	ds := b.bring(me.want)
	if len(ds) == 0 {
		return func() {}
	}
	me.handed = true
	b.leave(me)
	return func() { me.want.Hand(ds) }
}

// bring hands out what is in hand. The lock must be held.
func (b *Backend) bring(w spine.Want) []spine.Delivery {
	ds := b.collect(w, b.micro())
	if n := len(ds); n > 0 {
		b.handedAt = time.Time{}
		if n < leastPull {
			b.handedAt = time.Now()
		}
	}
	return ds
}

// note remembers what a Pull wants, for pulls that go behind a commit. The lock must be held.
func (b *Backend) note(w spine.Want) {
	organs := append(b.want.Organs[:0], w.Organs...)
	if w.Organs == nil {
		organs = nil
	}
	b.want = spine.Want{Events: w.Events, Bytes: w.Bytes, Organs: organs}
}
