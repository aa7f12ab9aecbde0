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
	// at is which item of batch it is, doubled, and one more once somebody has looked, or asked which attempt it is. In
	// one word, so that a look is either before a step to the next item, which is not taken then, or after it.
	at atomic.Int32

	mu      sync.Mutex
	batch   *Batch          // nil when it is over
	was     Item            // that it was, if anybody has used it
	started int32           // the item that start is of
	start   time.Time       // of another item it is not read, and the first look is then the start
	inner   context.Context // made at the first look
	cancel  context.CancelFunc
}

// item is which handling it is. a.mu is held.
func (a *attempt) item() *Item {
	if a.batch == nil {
		return &a.was
	}
	return &a.batch.Items[a.at.Load()>>1]
}

func (a *attempt) used() bool { return a.at.Load()&1 != 0 }

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
		if a.batch != nil {
			a.at.Or(1) // first: then it stays the item
		}
		it := a.item()
		if it.Event.IsZero() {
			return nil // between two batches: there is none
		}
		return &actors.AttemptInfo{Event: it.Event.ID(), Organ: a.organ.name, Attempt: int(it.Attempt)}
	}
	return a.look().Value(key)
}

func (a *attempt) look() context.Context {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.at.Or(1)
	if a.inner == nil {
		start := a.start
		if a.batch == nil || a.start.IsZero() || a.at.Load()>>1 != a.started {
			start = clock()
		}
		a.inner, a.cancel = context.WithDeadline(a.organ.base, start.Add(a.organ.config.Policy.Timeout))
		if a.batch == nil {
			a.cancel()
		}
	}
	return a.inner
}

// again makes a the attempt at item i of b, if nobody has used it; else it is over for good. start is the zero time where
// nobody has read the clock.
func (a *attempt) again(b *Batch, i int, start time.Time) bool {
	at := a.at.Load()
	if a.batch == b && start.IsZero() && at&1 == 0 && a.at.CompareAndSwap(at, int32(i)<<1) {
		return true // the usual case: neither lock nor clock
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.used() {
		a.end()
		return false
	}
	a.batch, a.started, a.start = b, int32(i), start
	a.at.Store(int32(i) << 1)
	return true
}

// returned says that the handler is done. It reports whether anybody has used the attempt, whose derived
// contexts are cancelled then, and the error it had before.
func (a *attempt) returned() (used bool, err error) {
	if !a.used() {
		return false, nil
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.inner != nil {
		err = a.inner.Err()
	}
	a.end()
	return true, err
}

// rest ends the attempt until it serves again: who looks now, from a goroutine that should not be
// there any more, finds it cancelled. An idle lane keeps no event alive.
func (a *attempt) rest() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.end()
}

// end lets go of the batch. a.mu is held.
func (a *attempt) end() {
	if a.batch != nil && a.used() {
		a.was = *a.item()
	}
	a.batch = nil
	if a.cancel != nil {
		a.cancel()
	}
}
