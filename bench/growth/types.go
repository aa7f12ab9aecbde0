package growth

import (
	"context"
	"fmt"

	"github.com/necrostack/necrostack/actors"
	"github.com/necrostack/necrostack/bench/load"
)

// typed is a payload that has its event type from the outside, as a gateway's would. A thousand Go types
// would do the same and take the compiler a gigabyte.
type typed struct {
	typ string
	load.Body
}

// EventType implements actors.Payload.
func (t typed) EventType() string { return t.typ }

func typeName(i int) string { return fmt.Sprintf("BENCH_%03d", i) }

// typedSink is an organ that counts the events of a type.
func typedSink(name, typ string, w *load.Window) actors.Organ {
	return actors.NewOrgan(name, actors.OnAny([]string{typ}, func(context.Context, actors.Event) ([]actors.Payload, error) {
		w.Done()
		return nil, nil
	}))
}

// sink is an organ that counts the events of a payload type.
func sink[P actors.Payload](name string, w *load.Window) actors.Organ {
	return actors.NewOrgan(name, actors.Sink(func(context.Context, actors.EventOf[P]) error {
		w.Done()
		return nil
	}))
}
