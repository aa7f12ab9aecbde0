package host

import (
	"fmt"
	"sync/atomic"
	"time"

	"github.com/necrostack/necrostack/supervision"
)

// aside runs a function of the organ's (to make an instance, or to end one) on a goroutine of
// its own, so that it may do what it likes: panic, end its goroutine, or take longer than the
// policy's timeout. After that long it is abandoned like a handler, and aside returns. late, when not
// nil, is called if it returns without an error after all.
func (o *Organ) aside(what string, f func() error, late func()) error {
	a := &asideCall{organ: o, done: make(chan error, 1), late: late}
	go a.run(f) // ends when f does; the caller waits for it, or counts it as abandoned
	timer := time.NewTimer(o.config.Policy.Timeout)
	defer timer.Stop()
	select {
	case err := <-a.done:
		return err
	case <-timer.C:
		return a.giveUp(what)
	}
}

type asideCall struct {
	organ   *Organ
	claimed atomic.Bool // by the function that returned, or by who gave up on it
	done    chan error
	late    func()
}

func (a *asideCall) run(f func() error) {
	var err error
	returned := false
	defer func() {
		if !returned {
			err = supervision.NewPanicError(nil)
		}
		a.returned(err)
	}()
	err = guard(f)
	returned = true
}

func (a *asideCall) returned(err error) {
	if a.claimed.CompareAndSwap(false, true) {
		a.done <- err
		return
	}
	a.organ.system.abandoned.Add(-1)
	a.organ.config.Notify(Notice{Kind: HandlerReturned, Organ: a.organ})
	if err == nil && a.late != nil {
		a.late()
	}
}

func (a *asideCall) giveUp(what string) error {
	a.organ.system.abandoned.Add(1) // before the claim: whoever returns late subtracts
	if !a.claimed.CompareAndSwap(false, true) {
		a.organ.system.abandoned.Add(-1)
		return <-a.done
	}
	timeout := a.organ.config.Policy.Timeout
	err := fmt.Errorf("%s: %w %s", what, errTimeout, timeout)
	a.organ.config.Notify(Notice{Kind: HandlerAbandoned, Organ: a.organ, Err: err})
	return err
}

// guard turns a panic into an error.
func guard(f func() error) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = supervision.NewPanicError(v)
		}
	}()
	return f()
}
