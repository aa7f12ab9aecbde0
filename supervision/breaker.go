package supervision

import (
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/failsafe-go/failsafe-go/circuitbreaker"
)

// Breaker holds back the events of an organ that keeps failing. While it is closed it lets
// everything through and counts failures in a row; open, it lets nothing through; after a while it
// is half-open and lets one probe through, whose result closes or opens it again.
//
// It is safe for concurrent use and does not block. Results carry no name: one that arrives late,
// of an attempt begun before the breaker opened, counts as the probe's while a probe is
// out, and counts for nothing while none is.
type Breaker struct {
	quiet atomic.Bool // closed, and nothing has failed since the last success: nobody needs the lock

	mu      sync.Mutex
	circuit circuitbreaker.CircuitBreaker[any]
	counts  bool // failures in a row open it
	probing bool // half-open, and the probe is out
}

// State is what a Breaker lets through.
type State uint8

// The states of a Breaker.
const (
	Closed   State = iota // everything
	Open                  // nothing
	HalfOpen              // one probe at a time
)

// String returns "closed", "open" or "half_open".
func (s State) String() string {
	switch s {
	case Closed:
		return "closed"
	case Open:
		return "open"
	case HalfOpen:
		return "half_open"
	default:
		return fmt.Sprintf("state(%d)", uint8(s))
	}
}

// NewBreaker returns a closed breaker. The zero fields of p mean their defaults.
func NewBreaker(p BreakerPolicy) *Breaker {
	p = p.withDefaults()
	// A breaker that does not count has no use for a threshold, but the library wants one.
	threshold := uint(max(p.Failures, 1))
	circuit := circuitbreaker.NewBuilder[any]().
		WithFailureThreshold(threshold).
		WithSuccessThreshold(1).
		WithDelay(p.Open).
		Build()
	b := &Breaker{circuit: circuit, counts: p.Failures > 0}
	b.quiet.Store(true)
	return b
}

// Allow reports whether an attempt may begin. After a true it owes the breaker a Success, a Failure
// or a Release: a half-open breaker lets nobody else through before. While it is closed, Allow
// does not allocate.
func (b *Breaker) Allow() bool {
	if b.quiet.Load() {
		return true
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	switch b.state() {
	case Closed:
		return true
	case HalfOpen:
		first := !b.probing
		b.probing = true
		return first
	default:
		return false
	}
}

// Success records an attempt that went well. It closes a breaker that was probing.
func (b *Breaker) Success() {
	if b.quiet.Load() {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.counted() {
		b.circuit.RecordSuccess()
		b.quiet.Store(b.circuit.IsClosed())
	}
}

// Failure records an attempt that failed. It opens a breaker that was probing.
func (b *Breaker) Failure() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.counted() {
		b.quiet.Store(false)
		b.circuit.RecordFailure()
	}
}

// Release records an attempt that has no result: it was interrupted, or its event was
// deferred. A probe that ends so says nothing, and the next may begin.
func (b *Breaker) Release() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.probing = false
}

// Trip opens the breaker, whatever the count. One that is open already does not stay open longer
// for it.
func (b *Breaker) Trip() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.state() != Open {
		b.quiet.Store(false)
		b.circuit.Open()
		b.probing = false
	}
}

// State returns what the breaker lets through now.
func (b *Breaker) State() State {
	if b.quiet.Load() {
		return Closed
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.state()
}

// Remaining returns how long it takes until the breaker is half-open, 0 when it is not open.
func (b *Breaker) Remaining() time.Duration {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.circuit.RemainingDelay()
}

// state returns the state and lets an open breaker become half-open when its time has come. The
// library does that at an attempt only, and would tell an observer that it is still open.
func (b *Breaker) state() State {
	switch {
	case b.circuit.IsClosed():
		return Closed
	case b.circuit.IsHalfOpen():
		return HalfOpen
	case b.circuit.RemainingDelay() > 0:
		return Open
	default:
		b.circuit.HalfOpen()
		return HalfOpen
	}
}

// counted reports whether a result that arrives now says something, and ends the probe.
func (b *Breaker) counted() bool {
	switch b.state() {
	case Closed:
		return b.counts
	case HalfOpen:
		probed := b.probing
		b.probing = false
		return probed
	default:
		return false
	}
}
