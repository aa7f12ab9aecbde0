package host

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/necrostack/necrostack/actors"
)

// watch finds handlers that have not returned in time. It needs no clock and no timer per
// event: a lane says that it has begun something else, and the watch, one tick at a time, how long it
// has not. It ticks only while some lane is busy.
//
// A handler that listens to its context hears of the deadline exactly, from the context.
// The watch is for those that do not: it abandons them a grace later.
type watch struct {
	system *System
	armed  atomic.Bool

	mu    sync.Mutex
	seen  []sighting
	tick  time.Duration
	timer *time.Timer
	ended bool
}

// sighting is when a lane was first seen at what it is at.
type sighting struct {
	lane  *Lane
	turn  *turn
	word  uint64
	since time.Time // from when on its patience counts
	hurry bool      // since is when the watch first saw the interruption
}

const (
	shortestTick = time.Millisecond
	longestTick  = time.Second
	longestGrace = time.Second
)

func newWatch(s *System) *watch { return &watch{system: s, tick: longestTick} }

// graceOf is how long after its deadline a handler may still return.
func graceOf(timeout time.Duration) time.Duration { return min(timeout/10, longestGrace) }

func (w *watch) add(o *Organ) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, l := range o.lanes {
		w.seen = append(w.seen, sighting{lane: l})
	}
	w.tick = min(w.tick, max(o.config.Policy.Timeout/10, shortestTick))
}

func (w *watch) remove(o *Organ) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.seen = slices.DeleteFunc(w.seen, func(s sighting) bool { return s.lane.organ == o })
}

// arm makes the watch tick until no lane is busy. Cheap when it ticks already.
func (w *watch) arm() {
	if w.armed.Load() || !w.armed.CompareAndSwap(false, true) {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.next(w.tick)
}

// hurry makes the watch look at once: handlers have been interrupted.
func (w *watch) hurry() {
	w.armed.Store(true)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.next(shortestTick)
}

func (w *watch) next(tick time.Duration) {
	switch {
	case w.ended:
	case w.timer == nil:
		w.timer = time.AfterFunc(tick, w.look) // ended by stop, or by finding nobody busy
	default:
		w.timer.Reset(tick)
	}
}

func (w *watch) stop() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.ended = true
	if w.timer != nil {
		w.timer.Stop()
	}
}

// look is one tick.
func (w *watch) look() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.lookAt(clock()) {
		w.next(w.tick)
		return
	}
	// A lane that starts between the look and this line finds the watch armed: look
	// once more after saying that it is not.
	w.armed.Store(false)
	if w.lookAt(clock()) && w.armed.CompareAndSwap(false, true) {
		w.next(w.tick)
	}
}

// lookAt compares every lane with its last sighting and reports whether any is busy.
func (w *watch) lookAt(now time.Time) (busy bool) {
	for i := range w.seen {
		s := &w.seen[i]
		t := s.lane.turn.Load()
		word := t.word.Load()
		if word&turnStateMask != turnRunning {
			continue
		}
		busy = true
		if s.turn != t || s.word != word {
			s.turn, s.word, s.since, s.hurry = t, word, now, false
		}
		o := s.lane.organ
		patience := graceOf(o.config.Policy.Timeout)
		switch {
		case o.base.Err() == nil:
			patience += o.config.Policy.Timeout
		case !s.hurry:
			// The grace counts from the interruption, however long it ran before.
			s.since, s.hurry = now, true
		}
		if now.Sub(s.since) >= patience {
			w.abandon(o, s, now)
		}
	}
	return busy
}

// abandon takes the batch from a stuck handler, if it does not finish in this very moment. The
// supervisor does the rest.
func (w *watch) abandon(o *Organ, s *sighting, now time.Time) {
	t := s.turn
	if !t.abandon(s.word) {
		return
	}
	w.system.abandoned.Add(1)
	err := fmt.Errorf("%w %s: the handler ignores its context", errTimeout, o.config.Policy.Timeout)
	if b := t.batch; b != nil {
		giveUp(o, b, t.group, now, err)
	}
	w.system.actors.Root.Send(o.pid, replace{lane: s.lane, turn: t, err: err})
}

// giveUp completes a batch whose handler is stuck with the next group items.
func giveUp(o *Organ, b *Batch, group int, now time.Time, err error) {
	for range group {
		b.Outcomes = append(b.Outcomes, abandoned(o, &b.Items[len(b.Outcomes)], now, err))
	}
	if group == 0 {
		b.Problem = err
	}
	b.rest(Undone)
	b.Ended, b.Down, b.Abandoned = now, true, true
}

func abandoned(o *Organ, it *Item, now time.Time, err error) Outcome {
	if o.base.Err() != nil {
		return Outcome{Code: Interrupted}
	}
	return Outcome{Code: Failed, Failure: &actors.Failure{
		Organ: o.name, Kind: actors.KindTimeout, Err: fmt.Errorf("%w: %w", err, context.DeadlineExceeded),
		Attempt: int(it.Attempt), First: now, Last: now,
	}}
}
