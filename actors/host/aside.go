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
	var claimed atomic.Bool // by the function that returned, or by us who gave up
	done := make(chan error, 1)
	// Ended by f. Whoever is late is counted as abandoned until then.
	go func() {
		var err error
		returned := false
		defer func() {
			if !returned {
				err = supervision.NewPanicError(nil)
			}
			if claimed.CompareAndSwap(false, true) {
				done <- err
				return
			}
			o.system.abandoned.Add(-1)
			o.config.Notify(Notice{Kind: HandlerReturned, Organ: o})
			if err == nil && late != nil {
				late()
			}
		}()
		err = guard(f)
		returned = true
	}()
	timer := time.NewTimer(o.config.Policy.Timeout)
	defer timer.Stop()
	select {
	case err := <-done:
		return err
	case <-timer.C:
	}
	o.system.abandoned.Add(1)
	if !claimed.CompareAndSwap(false, true) {
		o.system.abandoned.Add(-1)
		return <-done
	}
	err := fmt.Errorf("%s: %w %s", what, errTimeout, o.config.Policy.Timeout)
	o.config.Notify(Notice{Kind: HandlerAbandoned, Organ: o, Err: err})
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
