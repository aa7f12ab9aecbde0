package spine

import (
	"errors"
	"fmt"

	"github.com/necrostack/necrostack/actors/host"
)

// Errors that Run, RunUntilIdle, WaitIdle, Publish and Ask return; callers branch on them with
// errors.Is.
var (
	// ErrRunning: this Spine runs already.
	ErrRunning = errors.New("spine: it runs already")
	// ErrNotRunning: what was asked needs a running Spine.
	ErrNotRunning = errors.New("spine: it does not run")
	// ErrMaxSteps: the bound of WithMaxSteps was reached.
	ErrMaxSteps = errors.New("spine: step limit reached")
	// ErrWaiting: all that is left waits for a paused organ or an open breaker.
	ErrWaiting = errors.New("spine: only paused organs and open breakers hold work")
	// ErrDrain: the drain time was over before everything had finished; what was left went back.
	ErrDrain = errors.New("spine: not drained in time")
	// ErrTooManyAbandoned: too many handlers ignore the end of their context.
	ErrTooManyAbandoned = errors.New("spine: too many abandoned handlers")
	// ErrBackendUnavailable: the backend failed as often in a row as WithBackendFailures allows.
	ErrBackendUnavailable = errors.New("spine: backend unavailable")
	// ErrStoreLost: what the backend has worked with is gone or damaged. Nothing is begun anew in its place; Run ends at once.
	ErrStoreLost = errors.New("spine: the store is lost")
	// ErrEnqueue: an emission cannot be appended, and WithEnqueueFailure says to fail.
	ErrEnqueue = errors.New("spine: emission cannot be appended")
	// ErrNoOrgan: there is no organ of this name, or not of this kind.
	ErrNoOrgan = errors.New("spine: no such organ")
	// ErrNoCell: the organ has no cell for this key.
	ErrNoCell = host.ErrNoCell
	// ErrBusy: too many questions wait for this lane, or between the nodes.
	ErrBusy = errors.New("spine: too many questions are waiting")
	// ErrNoOwner: no node has the cell that was asked.
	ErrNoOwner = errors.New("spine: no node has the cell")
	// ErrMoved: the cell is another node's, or on its way to one.
	ErrMoved = errors.New("spine: the cell has moved to another node")
)

// DrainError says what was left when the drain time was over. It wraps ErrDrain.
type DrainError struct {
	Interrupted int // events whose handlers were interrupted, and that went back
	Unanswered  int // events whose settlement the backend has not answered
}

func (e *DrainError) Error() string {
	return fmt.Sprintf("%v: %d events interrupted, %d settlements unanswered", ErrDrain, e.Interrupted, e.Unanswered)
}

// Unwrap returns ErrDrain.
func (e *DrainError) Unwrap() error { return ErrDrain }
