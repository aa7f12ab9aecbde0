package host

import (
	"context"
	"sync"
	"time"

	"github.com/necrostack/necrostack/actors"
)

// attempt is the context of one handling. Most handlers never look at theirs, so what
// costs something (a timer, a context tree) is made at the first look, and one that nobody has
// touched serves for the next handling.
type attempt struct {
	base    context.Context
	timeout time.Duration

	mu     sync.Mutex
	info   actors.AttemptInfo
	start  time.Time       // zero: not read; the first look is then the start
	inner  context.Context // made at the first look
	cancel context.CancelFunc
	used   bool // somebody has looked, or asked which attempt it is
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
		a.used = true
		info := a.info
		return &info
	}
	return a.look().Value(key)
}

func (a *attempt) look() context.Context {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.used = true
	if a.inner == nil {
		start := a.start
		if start.IsZero() {
			start = clock()
		}
		a.inner, a.cancel = context.WithDeadline(a.base, start.Add(a.timeout))
		if a.over {
			a.cancel()
		}
	}
	return a.inner
}

// end ends the attempt: contexts derived from it are cancelled. It reports whether anybody
// had used it, in which case it must not serve for another attempt, and the error it had
// before.
func (a *attempt) end() (used bool, err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.over = true
	if a.inner == nil {
		return a.used, nil
	}
	err = a.inner.Err()
	a.cancel()
	return true, err
}

// again sets a up for the next attempt. Only for one that nobody has used.
func (a *attempt) again(info actors.AttemptInfo, start time.Time) {
	a.mu.Lock()
	a.info, a.start, a.over = info, start, false
	a.mu.Unlock()
}
