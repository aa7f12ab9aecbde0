package chain

import (
	"context"
	"runtime"

	"github.com/necrostack/necrostack/actors"
	"github.com/necrostack/necrostack/bench/load"
	"github.com/necrostack/necrostack/bench/measure"
)

// relay is the handler of all organs but the last: it emits what next makes.
func relay[P load.Carrier, Q actors.Payload](next func(load.Body) Q) func(context.Context, actors.EventOf[P]) (Q, error) {
	return func(_ context.Context, ev actors.EventOf[P]) (Q, error) {
		return next(ev.Payload.Content().Next()), nil
	}
}

// start makes the payload of a start.
func start(i uint64) actors.Payload { return load.A{Body: load.Body{Number: i}} }

func toB(b load.Body) load.B { return load.B{Body: b} }
func toC(b load.Body) load.C { return load.C{Body: b} }
func toD(b load.Body) load.D { return load.D{Body: b} }

// ownAllocs runs the starts and handlers of the chain by themselves, and returns how many
// allocations per hop that takes.
func ownAllocs() float64 {
	const starts = 1000
	// Variables, so that the compiler knows as little about them as the Spine does.
	handleA, handleB, handleC := relay[load.A](toB), relay[load.B](toC), relay[load.C](toD)
	ctx := context.Background()
	s, _ := measure.Take(starts*Hops, func() error {
		for i := range uint64(starts) {
			made = start(i)
			b, _ := handleA(ctx, actors.EventOf[load.A]{Payload: made.(load.A)})
			made = b
			c, _ := handleB(ctx, actors.EventOf[load.B]{Payload: made.(load.B)})
			made = c
			d, _ := handleC(ctx, actors.EventOf[load.C]{Payload: made.(load.C)})
			made = d
		}
		return nil
	})
	runtime.KeepAlive(made)
	return s.Allocs()
}

// made is what the handlers returned: so that it is really made.
var made actors.Payload
