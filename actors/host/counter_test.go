package host_test

import (
	"errors"
	"runtime"
	"time"

	"github.com/necrostack/necrostack/actors"
)

// count is the state of the counter: the sum of what it was sent, and of how many.
type count struct {
	Sum   int
	Steps int
}

// What a keyed event makes the counter do, by its number; others are added.
const (
	fails   = -1
	panics  = -2
	stucks  = -3
	goexits = -4
	bulks   = -5 // emits what cannot be encoded
)

type total struct{ Sum, Steps int }

func (total) EventType() string { return "TOTAL" }

// sumQuery asks for the state, failQuery for an error, panicQuery for a panic.
type (
	sumQuery    struct{}
	failQuery   struct{}
	panicQuery  struct{}
	goexitQuery struct{}
	stuckQuery  struct{}
)

var errRefused = errors.New("refused")

// counter is the keyed organ of most tests: each Step changes the state before it fails.
func counter(parts ...actors.Part[count]) *actors.Keyed[count] {
	parts = append(parts,
		actors.Step(stepCounter),
		actors.Answer(func(c *count, _ sumQuery) (count, error) { return *c, nil }),
		actors.Answer(func(*count, failQuery) (int, error) { return 0, errRefused }),
		actors.Answer(func(*count, panicQuery) (int, error) { panic("in Answer") }),
		actors.Answer(func(*count, goexitQuery) (int, error) { runtime.Goexit(); return 0, nil }),
		actors.Answer(func(*count, stuckQuery) (int, error) { time.Sleep(time.Hour); return 0, nil }),
	)
	return actors.NewKeyed("counter", func(string) *count { return &count{} }, parts...)
}

func stepCounter(c *count, ev actors.EventOf[keyed]) ([]actors.Payload, error) {
	c.Steps++
	switch ev.Payload.N {
	case fails:
		return nil, errRefused
	case panics:
		panic("in Step")
	case stucks:
		time.Sleep(time.Hour)
	case goexits:
		runtime.Goexit()
	case bulks:
		return actors.Emit(unencodable{}), nil
	}
	c.Sum += ev.Payload.N
	return actors.Emit(total(*c)), nil
}
