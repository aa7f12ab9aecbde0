package strategies

import (
	"context"
	"errors"
	"fmt"
	"math"

	"github.com/necrostack/necrostack/actors"
	"github.com/necrostack/necrostack/bench/load"
)

// Fault is how a handler fails.
type Fault string

// The faults.
const (
	Errors   Fault = "errors"
	Panics   Fault = "panics"
	Timeouts Fault = "timeouts" // it waits until its context ends, and says so
)

var errInjected = errors.New("failed, as it should")

// failures is how many attempts at event number fail. It is the same in every run.
func (c Cell) failures(number uint64) int {
	dice := load.Mix(number)
	if dice%1000 >= uint64(c.PerMille) {
		return 0
	}
	switch dice >> 32 % 4 {
	case 0, 1:
		return 1
	case 2:
		return 4
	default:
		return math.MaxInt
	}
}

// handle is the organ's handler.
func (c Cell) handle(ctx context.Context, ev actors.EventOf[load.A]) error {
	if actors.Attempt(ctx) > c.failures(ev.Payload.Number) {
		return nil
	}
	switch c.Fault {
	case Panics:
		panic(errInjected)
	case Timeouts:
		<-ctx.Done()
		return fmt.Errorf("%w: %w", errInjected, ctx.Err())
	default:
		return errInjected
	}
}
