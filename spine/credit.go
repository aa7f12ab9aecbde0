package spine

import (
	"errors"
	"time"

	"github.com/necrostack/necrostack/supervision"
)

// credit decides when to pull, and how much.
//
// Events in hand are bounded, in number and in bytes. One organ may have at most its share
// of them: what comes beyond goes back and waits, so that a slow organ cannot keep the
// others from their events. Going back costs something, so pulls are sized to stay within the
// shares while that is possible. When it is not, because some organ stands at its share while another has
// nothing to do, a pull is made all the same now and then, to find what that one may have behind.
type credit struct {
	share int // works of one organ

	begun     uint64 // number of the pull begun last
	pulling   bool   // it has not ended
	cancelled bool   // it was asked to
	want      Want   // of it
	narrow    int    // organs of which it wants nothing that waits
	last      int    // deliveries of the last pull
	most      int    // works in it for the organ that got the most
	skimAt    time.Time
	skimEvery time.Duration
	skimming  bool // the present pull looks for what organs without work may have behind
	found     bool // and has found some
	failures  int  // pulls in a row that ended with an error
	retryAt   time.Time
}

const (
	// A skim that finds nothing makes the next one come later.
	skimTime    = 10 * time.Millisecond
	longestSkim = 160 * time.Millisecond
	skimEvents  = 256 // most of what a skim brings goes back
	// leastShare keeps pulls worth their while when there are very many organs.
	leastShare = 512
)

func newCredit(maxEvents, organs int) credit {
	return credit{
		share:     max(maxEvents/max(organs, 1), min(leastShare, maxEvents/2), 1),
		skimEvery: skimTime,
	}
}

// ended notes the end of the present pull and returns its number.
func (k *credit) ended(ok bool) uint64 {
	k.pulling, k.cancelled = false, false
	if ok {
		k.failures = 0
	}
	return k.begun
}

// skimmed notes the end of a skim, after its deliveries.
func (k *credit) skimmed() {
	if !k.skimming {
		return
	}
	k.skimEvery = min(2*k.skimEvery, longestSkim)
	if k.found {
		k.skimEvery = skimTime
	}
	k.skimming, k.found = false, false
}

// pullNext begins a pull, or ends one that has become too narrow, where that is of use.
func (c *core) pullNext() {
	k := &c.credit
	if c.stop.draining {
		if k.pulling && !k.cancelled {
			k.cancelled, c.out.cancelPull = true, true
		}
		return
	}
	if k.pulling {
		if !k.cancelled && c.widened() {
			k.cancelled, c.out.cancelPull = true, true
		}
		return
	}
	if c.now.Before(k.retryAt) {
		c.wakeAt(k.retryAt)
		return
	}
	n := c.withinSteps(c.pullSize())
	if n == 0 {
		return
	}
	k.begun++
	k.pulling = true
	k.want.Events = n
	k.want.Bytes = c.config.maxBytes - c.ledger.bytes
	k.want.Organs, k.narrow = c.rooms(k.want.Organs)
	c.out.pull = true
}

// pullSize is how many events to pull now; 0: none.
func (c *core) pullSize() int {
	k := &c.credit
	free := c.config.maxEvents - c.ledger.events
	if free < min(k.share, c.config.maxEvents)/8+1 || c.ledger.bytes >= c.config.maxBytes {
		c.relieve()
		return 0
	}
	top, idle := 0, false
	for i := range c.hands {
		n := c.hands[i].inHand
		top = max(top, n)
		idle = idle || n == 0
	}
	if room := k.share - top; room > k.share/8 {
		return min(free, k.fitting(room))
	}
	if !idle {
		return 0 // whatever ends next begins the next pull
	}
	if c.now.Before(k.skimAt) {
		c.wakeAt(k.skimAt)
		return 0
	}
	k.skimAt = c.now.Add(k.skimEvery)
	k.skimming = true
	return min(free, skimEvents)
}

// fitting is how many events to pull so that about room of them are for the organ that gets the most,
// going by the last pull. One event may be for several organs, so that it can be less than room.
func (k *credit) fitting(room int) int {
	if k.most == 0 {
		return room
	}
	return max(room*k.last/k.most, 1)
}

// counts notes that the present pull has brought a work for h's organ.
func (k *credit) counts(h *hand) {
	if h.pull != k.begun {
		h.pull, h.pulled = k.begun, 0
	}
	h.pulled++
	k.most = max(k.most, int(h.pulled))
}

// withinSteps bounds a pull by the steps that are left. When none is, one event more shows that there
// is more to do, once everything before it is through.
func (c *core) withinSteps(n int) int {
	left := c.config.maxSteps - c.steps
	switch {
	case c.config.maxSteps == 0 || left >= n:
		return n
	case left > 0:
		return left
	case c.ledger.events > 0:
		return 0
	default:
		return min(n, 1)
	}
}

// relieve makes room when many slow organs together hold all credits: each gives back what it has not
// begun beyond an equal part.
func (c *core) relieve() {
	k := &c.credit
	part := max(c.config.maxEvents/max(len(c.organs), 1)/2, 1)
	if part >= k.share/2 || c.now.Before(k.skimAt) {
		if part < k.share/2 {
			c.wakeAt(k.skimAt)
		}
		return
	}
	k.skimAt = c.now.Add(skimTime)
	c.wakeAt(k.skimAt)
	for _, o := range c.organs {
		for _, l := range o.lanes {
			spare := o.inHand - part
			if spare <= 0 {
				break
			}
			c.returnTail(l, spare)
		}
	}
}

// returnTail hands back the last n works of the lane's queue; o.inHand falls when the answers come.
func (c *core) returnTail(l *lane, n int) {
	keep := max(l.queue.len()-n, 0)
	at := 0
	l.queue.filter(func(i uint32) bool {
		at++
		if at <= keep || !c.isFresh(i) {
			return true
		}
		c.handBack(i, Later{Waits: true})
		return false
	})
}

// rooms is how much waiting work every organ takes, and how many take none.
func (c *core) rooms(into []int) (rooms []int, none int) {
	into = into[:0]
	for i := range c.hands {
		room := c.room(i)
		if room == 0 {
			none++
		}
		into = append(into, room)
	}
	return into, none
}

// room is how much waiting work organ i takes.
func (c *core) room(i int) int {
	h := &c.hands[i]
	switch {
	case h.paused:
		return 0
	case h.calm:
		return max(c.credit.share-h.inHand, 0)
	}
	switch c.state(c.organs[i]) {
	case supervision.Open:
		return 0
	case supervision.HalfOpen:
		if h.probing || h.inHand > 0 {
			return 0
		}
		return 1
	}
	return max(c.credit.share-h.inHand, 0)
}

// widened reports whether an organ could take waiting work that the present pull does not
// ask for.
func (c *core) widened() bool {
	if c.credit.narrow == 0 {
		return false
	}
	for i := range c.hands {
		if c.credit.want.Organs[i] > 0 {
			continue
		}
		if room := c.room(i); room > 0 && (room > c.credit.share/8 || c.hands[i].inHand == 0) {
			return true
		}
	}
	return false
}

// pullFailed notes a pull that ended with an error, and decides when to try again.
func (c *core) pullFailed(err error) {
	k := &c.credit
	k.failures++
	c.stats.backendErrors++
	c.note(Note{Kind: NoteBackend, Err: err})
	if errors.Is(err, ErrStoreLost) {
		c.fail(err)
		return
	}
	if most := c.config.maxFailures; most > 0 && k.failures >= most {
		c.fail(wrap(ErrBackendUnavailable, err))
		return
	}
	k.retryAt = c.now.Add(pullBackoff.Delay(min(k.failures, pullBackoffSteps), c.rnd()))
}

// pullBackoff spaces pulls from a backend that fails.
var pullBackoff = supervision.Backoff{Base: 10 * time.Millisecond, Factor: 2, Max: time.Second, Jitter: 0.2}

const pullBackoffSteps = 10

// wakeAt asks for a tick at t at the latest.
func (c *core) wakeAt(t time.Time) {
	if c.out.wake.IsZero() || t.Before(c.out.wake) {
		c.out.wake = t
	}
}
