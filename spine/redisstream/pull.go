package redisstream

import (
	"context"
	"slices"
	"time"

	"github.com/necrostack/necrostack/spine"
)

// Pull implements spine.Backend. Several may wait at a time; each event comes to one of them.
func (b *Backend) Pull(ctx context.Context, w spine.Want) ([]spine.Delivery, error) {
	me := b.begin(w)
	ds, err := b.pull(ctx, me)
	if b.end(me) {
		return nil, spine.ErrHanded
	}
	return ds, err
}

func (b *Backend) pull(ctx context.Context, me *puller) ([]spine.Delivery, error) {
	w := me.want
	for {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		p, err := b.look(me)
		if err != nil {
			return nil, err
		}
		switch {
		case p.handed, len(p.deliveries) > 0:
			return p.deliveries, nil
		case p.arm:
			err = b.aside(ctx, b.arm)
		case p.linger > 0 && (p.fetch || p.behind):
			err = p.await(ctx, p.linger)
		case p.fetch:
			own := w
			own.Organs = slices.Clone(w.Organs) // the caller's, who may have it back before the server has answered
			err = b.aside(ctx, func() error { return b.fetch(own) })
		case p.odd:
			err = b.aside(ctx, func() error { return b.settleOdd(context.Background()) })
		default:
			err = b.await(ctx, p)
		}
		if err != nil {
			return nil, err
		}
	}
}

// prospect is what a Pull can do next.
type prospect struct {
	deliveries []spine.Delivery
	handed     bool          // they were given to somebody else
	arm        bool          // an event that is suspect is to be counted before it is handed out
	fetch      bool          // the server may have something
	linger     time.Duration // a commit is likely to come by then, and has a pull behind it
	behind     bool          // such a one is on its way
	odd        bool          // entries are to be settled without an organ's say
	wait       time.Duration
	busy       bool // there has been something a moment ago
	changed    <-chan struct{}
}

// look hands out what is in hand, or says what can be done else.
func (b *Backend) look(me *puller) (prospect, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if me.handed {
		return prospect{handed: true}, nil
	}
	if err := b.ready(); err != nil {
		return prospect{}, err
	}
	w, now := me.want, b.micro()
	b.note(w)
	p := prospect{
		deliveries: b.bring(w), changed: b.changed, wait: b.beatTime(), busy: time.Since(b.stirred) < peekEvery,
	}
	if len(p.deliveries) > 0 {
		b.leave(me)
		return p, nil
	}
	p.linger, p.behind = lingerTime-time.Since(b.handedAt), b.behind
	if p.behind {
		p.linger = p.wait
	}
	_, e, _ := b.nextSuspect()
	p.arm = e != nil
	for _, s := range b.shards {
		if !s.serves() {
			continue
		}
		p.fetch = p.fetch || s.wants(w, now)
		p.odd = p.odd || len(s.odd) > 0
		if due := s.nextDue(w); due > 0 {
			p.wait = min(p.wait, time.Duration(max(due-now, 0))*time.Microsecond)
		}
	}
	return p, nil
}

// aside does what talks to the server, so that the end of ctx need not wait for its answer. What is done when ctx has
// ended stays in hand for the next.
func (b *Backend) aside(ctx context.Context, do func() error) error {
	done := make(chan error, 1)
	b.mu.Lock()
	if b.closed {
		b.mu.Unlock()
		return errClosed
	}
	b.group.Go(func() { done <- do() }) // ends with the server's answer, or with Close
	b.mu.Unlock()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// await waits until something may be had.
func (b *Backend) await(ctx context.Context, p prospect) error {
	if p.busy {
		p.wait = min(p.wait, peekEvery) // more of our own is to come: to have the server wait as well costs more than it brings
	} else {
		b.listener.listen(b)
	}
	return p.await(ctx, p.wait)
}

// await waits for a change, and for so long at most.
func (p prospect) await(ctx context.Context, most time.Duration) error {
	timer := time.NewTimer(max(most, shortestWait))
	defer timer.Stop()
	select {
	case <-p.changed:
	case <-timer.C:
	case <-ctx.Done():
		return ctx.Err()
	}
	return nil
}

// shortestWait keeps a Pull from spinning when clock and timer disagree.
const shortestWait = 100 * time.Microsecond

// roomOf is how much deferred and retried work of an organ a Pull takes.
func roomOf(w spine.Want, organ int) int {
	switch {
	case w.Organs == nil:
		return mostHandedOut
	case organ >= len(w.Organs):
		return 0
	default:
		return min(max(w.Organs[organ], 0), mostHandedOut)
	}
}

// mostHandedOut is how many deferred entries of an organ one script hands out.
const mostHandedOut = 256

// wants reports whether a pull from the server is of use.
func (s *shard) wants(w spine.Want, now int64) bool {
	if s.missed || s.hot && !s.full() || s.request != nil || len(s.unproven) > 0 || !s.drained || s.nextLate < 0 || s.nextLate > 0 && s.nextLate <= now {
		return true
	}
	if s.checkDue() {
		return true
	}
	for i := range s.due {
		if s.due[i].ripe(now) && roomOf(w, i) > 0 {
			return true
		}
	}
	return false
}

// checkDue reports whether an owner that has nothing to pull pulls all the same: it is what discovers that the store has
// gone back.
func (s *shard) checkDue() bool { return time.Now().UnixNano() >= s.checkAt }

func (d *deferral) ripe(now int64) bool {
	return d.stale || d.waits > 0 || d.count > 0 && d.first > 0 && d.first <= now
}

// nextDue is when the first work that is held or delayed, and that w would take, is due; 0: none.
func (s *shard) nextDue(w spine.Want) int64 {
	next := max(s.nextLate, 0)
	earlier := func(at int64) {
		if at > 0 && (next == 0 || at < next) {
			next = at
		}
	}
	for i := range s.lines {
		if roomOf(w, i) == 0 {
			continue
		}
		earlier(s.lines[i].nextDue())
		if s.due[i].count > 0 {
			earlier(s.due[i].first)
		}
	}
	return next
}

// batch is what one Pull brings.
type batch struct {
	want spine.Want
	left int // of want.Bytes
	out  []spine.Delivery
}

func (b *batch) takes(e *entry) bool {
	return len(b.out) == 0 || len(b.out) < b.want.Events && e.size <= b.left
}

// collect hands out what is in hand and may come now: what was held first, since it has waited longest. The lock must be
// held.
func (b *Backend) collect(w spine.Want, now int64) []spine.Delivery {
	out := &batch{want: w, left: w.Bytes, out: w.Into[:0]}
	b.turn++
	for i := range b.shards {
		s := b.shards[(b.turn+i)%len(b.shards)]
		if s.untold {
			s.untold, s.told = false, b.begun
			out.out = append(out.out, spine.Delivery{Lost: true, Shard: s.index, Handout: s.lostMark})
		}
	}
	if len(out.out) > 0 {
		return out.out
	}
	for i := range b.service.Organs {
		organ := (b.turn + i) % len(b.service.Organs)
		b.collectHeld(out, organ, now)
	}
	for i := range b.shards {
		if s := b.shards[(b.turn+i)%len(b.shards)]; s.serves() {
			b.collectAgain(out, s)
		}
	}
	return out.out
}

// collectHeld hands out held work of an organ.
func (b *Backend) collectHeld(out *batch, organ int, now int64) {
	room := roomOf(out.want, organ)
	for i := range b.shards {
		s := b.shards[(b.turn+i)%len(b.shards)]
		if !s.serves() {
			continue
		}
		l := &s.lines[organ]
		for ; room > 0; room-- {
			h := l.next(now)
			if h == nil {
				break
			}
			e := h.first()
			if !out.takes(e) {
				return
			}
			if e.away {
				s.missed = true // its event is fetched first
				break
			}
			l.take(h)
			s.unpark(e)
			b.handOut(out, s, e, int32(organ))
		}
	}
}

// collectAgain hands out the entries of a shard that are ready.
func (b *Backend) collectAgain(out *batch, s *shard) {
	for i, e := range s.again {
		if !out.takes(e) {
			s.again = s.again[i:]
			return
		}
		b.holdBack(s, e)
		if e.suspect && e.works[0].organ >= 0 && e.ready() > 0 {
			// What comes after it waits: it would be blamed for a crash of others.
			b.collectSuspect(out, s, e)
			s.again = s.again[i:]
			return
		}
		s.again[i] = nil
		if e.ready() > 0 {
			b.handOut(out, s, e, -1)
		}
	}
	s.again = s.again[:0]
}

// holdBack holds the works of e that have to wait behind others of their key.
func (b *Backend) holdBack(s *shard, e *entry) {
	for i := range e.works {
		w := &e.works[i]
		if w.organ < 0 || w.state != workReady || !b.routes.ordered[w.organ] || !s.lines[w.organ].holds(e) {
			continue
		}
		w.wait, w.due = waitTurn, b.micro()
		s.lines[w.organ].add(e, w, true)
	}
	s.park(e)
}

func (b *Backend) handOut(out *batch, s *shard, e *entry, only int32) {
	b.handouts++
	out.left -= e.size
	d, works := e.handOut(s.index, b.handouts, only)
	s.inFlight += works
	out.out = append(out.out, d)
}
