package host

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/necrostack/necrostack/actors"
)

// attempt is the context of one handling. Most handlers never look at theirs, so what
// costs something (a timer, a context tree) is made at the first look, and one that nobody has
// touched serves for the next handling.
type attempt struct {
	organ *Organ
	used  atomic.Bool // somebody has looked, or asked which attempt it is

	mu     sync.Mutex
	event  actors.Event
	number int32           // of the attempt, 1 for the first
	start  time.Time       // zero: not read; the first look is then the start
	inner  context.Context // made at the first look
	cancel context.CancelFunc
	over   bool
}

// Deadline implements context.Context.
func (a *attempt) Deadline() (time.Time, bool) { return a.look().Deadline() }

// Done implements context.Context.
func (a *attempt) Done() <-chan struct{} { return a.look().Done() }

// Err implements context.Context.
func (a *attempt) Err() error { return a.look().Err() }

// Value implements context.Context. The inner context answers for everything it knows,
// so that contexts derived from this one hang on it without a goroutine of their own.
func (a *attempt) Value(key any) any {
	if _, ok := key.(actors.AttemptKey); ok {
		a.mu.Lock()
		defer a.mu.Unlock()
		if a.event.IsZero() {
			return nil // between two handlings: there is none
		}
		a.used.Store(true)
		return &actors.AttemptInfo{Event: a.event.ID(), Organ: a.organ.name, Attempt: int(a.number)}
	}
	return a.look().Value(key)
}

func (a *attempt) look() context.Context {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.used.Store(true)
	if a.inner == nil {
		start := a.start
		if start.IsZero() {
			start = clock()
		}
		a.inner, a.cancel = context.WithDeadline(a.organ.base, start.Add(a.organ.config.Policy.Timeout))
		if a.over {
			a.cancel()
		}
	}
	return a.inner
}

// again sets a up for the next attempt, if nobody has used it; else it is over for good.
func (a *attempt) again(ev actors.Event, number int32, start time.Time) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.used.Load() {
		a.close()
		return false
	}
	a.event, a.number, a.start, a.over = ev, number, start, false
	return true
}

// returned says that the handler is done. It reports whether anybody has used the attempt, whose derived
// contexts are cancelled then, and the error it had before.
func (a *attempt) returned() (used bool, err error) {
	if !a.used.Load() {
		return false, nil
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.inner != nil {
		err = a.inner.Err()
	}
	a.close()
	return true, err
}

// rest ends the attempt until it serves again: who looks now, from a goroutine that should not be
// there any more, finds it cancelled. An idle lane keeps no event alive.
func (a *attempt) rest() {
	a.mu.Lock()
	defer a.mu.Unlock()
	if !a.used.Load() {
		a.event = actors.Event{}
	}
	a.close()
}

func (a *attempt) close() {
	a.over = true
	if a.cancel != nil {
		a.cancel()
	}
}
