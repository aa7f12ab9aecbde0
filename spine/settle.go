package spine

import (
	"time"

	"github.com/necrostack/necrostack/persistence"
)

// settle appends a settlement for work i, whose rest the caller fills in.
func (c *core) settle(i uint32, kind SettleKind, change *persistence.Change) *Settlement {
	w := &c.ledger.works[i]
	w.state = workSettling
	c.settling++
	ch := c.out.chunk
	if ch == nil {
		ch = c.spareChunk()
		c.out.chunk = ch
	}
	ch.refs = append(ch.refs, i)
	ch.ss = append(ch.ss, Settlement{})
	s := &ch.ss[len(ch.ss)-1]
	s.Receipt, s.Shard, s.Organ, s.Kind = w.receipt, w.shard, int(w.organ), kind
	if change != nil {
		s.Change = change
	}
	if c.keepsLane(s) {
		c.organs[w.organ].lanes[w.lane].unanswered++
	}
	return s
}

// outlook is what of the work in hand may be done soon.
func (c *core) outlook() outlook {
	switch {
	case c.turns.taken > 0:
		return quickAtWork
	case c.ledger.inHand() > c.settling:
		return someAtWork
	default:
		return allDone
	}
}

// keepsLane reports whether the lane gets nothing more before the settlement is answered: its cell is
// ahead of the store, or its key is not free to go on, since a dead letter may find no room.
func (c *core) keepsLane(s *Settlement) bool {
	return s.Change != nil || s.Kind == Dead && c.organs[s.Organ].ordered
}

// handBack returns work i to the backend without counting an attempt.
func (c *core) handBack(i uint32, later Later) {
	w := &c.ledger.works[i]
	o := c.organs[w.organ]
	later.Attempts, later.First = int(w.attempts()), w.firstFailure()
	if w.trouble != nil {
		w.trouble.failed = nil
	}
	o.stats.deferred++
	c.hold(o, i)
	c.settle(i, Defer, nil).Later = &later
}

// hold keeps later events of the key of work i from overtaking it on its way back.
func (c *core) hold(o *organ, i uint32) {
	w := &c.ledger.works[i]
	if o.holds == nil || !w.event.HasKey() {
		return
	}
	w.back = true
	o.holds.begin(w.event.Key(), c.ledger.positions[i])
}

// settled takes the answers to a chunk. An error means that its shards are lost.
func (c *core) settled(now time.Time, ch *chunk, answers []Answer, err error) {
	c.begin(now)
	c.settling -= len(ch.refs)
	if err != nil {
		c.stats.backendErrors++
	}
	for k, i := range ch.refs {
		// Without an answer nobody knows what was handed out before the loss. To drop too much would strand
		// what was handed out after it; what is dropped too late is settled in vain.
		a := Answer{Code: Lost, Handouts: c.ledger.works[i].handout}
		if err == nil {
			a = answers[k]
		}
		c.answered(i, &ch.ss[k], a)
	}
	ch.empty()
	c.keepChunk(ch)
}

func (c *core) answered(i uint32, s *Settlement, a Answer) {
	w := &c.ledger.works[i]
	if c.keepsLane(s) {
		l := c.organs[w.organ].lanes[w.lane]
		l.unanswered--
		c.touch(l)
	}
	switch {
	case a.Code == Lost:
		// Also of a void work: the shard may have been lost once more.
		c.shardLost(w.shard, a.Handouts)
	case w.state == workVoid:
	case a.Code == LettersFull:
		c.lettersFull(i)
		return
	default:
		c.stats.settled(c.bookOf(w.organ), s, a)
	}
	if w.back {
		c.backAnswered(w, a)
	}
	c.release(i)
}

// backAnswered goes on with what is parked of w's key, now that it shows what is stale.
func (c *core) backAnswered(w *work, a Answer) {
	o := c.organs[w.organ]
	for _, i := range o.holds.answered(w.event.Key(), a.Handouts, c.credit.begun+1) {
		if c.stop.draining {
			c.handBack(i, Later{Due: c.now})
		} else {
			c.admit(o, i)
		}
	}
}

// lettersFull keeps an event whose dead letter has no room: it comes again later.
func (c *core) lettersFull(i uint32) {
	w := &c.ledger.works[i]
	o := c.organs[w.organ]
	c.stats.lettersFull++
	c.note(Note{Kind: NoteLettersFull, Event: w.event, Organ: o.name})
	c.handBack(i, Later{Due: c.now.Add(lettersFullDelay)})
	if w.back {
		c.returnHeld(o.lanes[w.lane])
	}
}

// lettersFullDelay is how long an event waits whose dead letter had no room.
const lettersFullDelay = 30 * time.Second

// release ends work i.
func (c *core) release(i uint32) {
	if o := c.ledger.works[i].organ; o >= 0 {
		c.hands[o].inHand--
	}
	c.ledger.release(i)
}
