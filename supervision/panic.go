package supervision

import (
	"errors"
	"fmt"
	"runtime/debug"
)

// ErrGoexit is the Value of a PanicError for a handler that called runtime.Goexit, as a
// test's FailNow does.
var ErrGoexit = errors.New("supervision: the handler ended its goroutine")

// PanicError is a panic of a handler, or the end of its goroutine.
type PanicError struct {
	Value any    // what was given to panic
	Stack string // of the goroutine that panicked
}

// NewPanicError returns the error for what recover returned, with the stack of the calling
// goroutine; it is to be called in the deferred function. A handler that did not return although
// there is nothing to recover has ended its goroutine: nil stands for ErrGoexit.
func NewPanicError(recovered any) *PanicError {
	if recovered == nil {
		recovered = ErrGoexit
	}
	return &PanicError{Value: recovered, Stack: string(debug.Stack())}
}

// Error is one line without the stack.
func (e *PanicError) Error() string {
	if e.Value == ErrGoexit {
		return ErrGoexit.Error()
	}
	return fmt.Sprintf("panic: %v", e.Value)
}

// Unwrap returns Value when it is an error, else nil.
func (e *PanicError) Unwrap() error {
	err, _ := e.Value.(error)
	return err
}
