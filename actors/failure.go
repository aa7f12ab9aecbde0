package actors

import (
	"errors"
	"fmt"
	"time"
)

// Kind says what went wrong.
type Kind uint8

// The kinds of failure. Their text (String) is the reason in dead letters and filters.
const (
	KindError       Kind = iota + 1 // the handler returned an error
	KindPermanent                   // the handler returned Permanent(err), or a Step any error
	KindPanic                       // the handler panicked, or ended its goroutine
	KindTimeout                     // the handler did not finish in time
	KindUndecodable                 // the payload does not decode into the handler's type
	KindInvalid                     // the payload's Validate refused it
	KindLimit                       // a limit was exceeded
	KindHops                        // the chain of emissions is too long
	KindEnqueue                     // what the handler emitted cannot be appended
	KindNoKey                       // a keyed organ was given an event without a key
	KindCrash                       // the process died three times while handling it
	KindQuarantine                  // the cell's stored state cannot be trusted
)

var kindNames = [...]string{"", "error", "permanent", "panic", "timeout", "undecodable", "invalid",
	"limit", "hops", "enqueue", "no_key", "crash", "quarantine"}

// String returns the lower-case word for k, such as "timeout".
func (k Kind) String() string {
	if int(k) < len(kindNames) && k > 0 {
		return kindNames[k]
	}
	return fmt.Sprintf("kind(%d)", uint8(k))
}

// KindOf is the inverse of Kind.String; it returns 0 for an unknown word.
func KindOf(s string) Kind {
	for k, name := range kindNames {
		if k > 0 && name == s {
			return Kind(k)
		}
	}
	return 0
}

// Permanent reports whether trying again cannot help.
func (k Kind) Permanent() bool {
	switch k {
	case KindError, KindPanic, KindTimeout:
		return false
	default:
		return true
	}
}

// Failure is one organ's failed attempt at one event.
type Failure struct {
	Organ   string
	Kind    Kind
	Err     error         // never nil
	Attempt int           // 1 for the first
	Stack   string        // of a panic, else empty
	First   time.Time     // of the first failed attempt
	Last    time.Time     // of this one
	After   time.Duration // the handler's own wish for the next attempt (RetryAfter), else 0
}

func (f Failure) Error() string {
	return fmt.Sprintf("organ %s, attempt %d, %s: %v", f.Organ, f.Attempt, f.Kind, f.Err)
}

// Unwrap returns the handler's error.
func (f Failure) Unwrap() error { return f.Err }

// Permanent marks err as one that trying again cannot mend. Permanent(nil) is nil.
func Permanent(err error) error {
	if err == nil {
		return nil
	}
	return &permanentError{err}
}

type permanentError struct{ err error }

func (e *permanentError) Error() string { return e.err.Error() }
func (e *permanentError) Unwrap() error { return e.err }

// RetryAfter asks for the next attempt after d instead of the policy's backoff, if
// attempts are left. RetryAfter(d, nil) is nil.
func RetryAfter(d time.Duration, err error) error {
	if err == nil {
		return nil
	}
	return &retryAfterError{max(d, 0), err}
}

type retryAfterError struct {
	after time.Duration
	err   error
}

func (e *retryAfterError) Error() string { return e.err.Error() }
func (e *retryAfterError) Unwrap() error { return e.err }

// kindedError is an error of the library's own that knows its kind.
type kindedError struct {
	kind Kind
	err  error
}

func (e *kindedError) Error() string { return e.err.Error() }
func (e *kindedError) Unwrap() error { return e.err }

// OfKind gives err the kind that Classify then finds. OfKind(k, nil) is nil. For runtimes.
func OfKind(k Kind, err error) error {
	if err == nil {
		return nil
	}
	return &kindedError{k, err}
}

// Classify tells the kind of a handler's error and the delay it asked for. The outermost mark
// counts where several of one sort wrap each other; the library's own and Permanent count before
// RetryAfter. For runtimes.
func Classify(err error) (Kind, time.Duration) {
	var kinded *kindedError
	if errors.As(err, &kinded) {
		return kinded.kind, 0
	}
	var permanent *permanentError
	if errors.As(err, &permanent) {
		return KindPermanent, 0
	}
	var limit *LimitError
	if errors.As(err, &limit) {
		return KindLimit, 0
	}
	var later *retryAfterError
	if errors.As(err, &later) {
		return KindError, later.after
	}
	return KindError, 0
}
