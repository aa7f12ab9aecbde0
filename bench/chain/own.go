package chain

import (
	"context"
	"runtime"

	"github.com/necrostack/necrostack/actors"
	"github.com/necrostack/necrostack/bench/load"
	"github.com/necrostack/necrostack/bench/measure"
)

// relay is the handler of all organs but the last: it emits what next makes.
func relay[P load.Carrier](next func(load.Body) actors.Payload) func(context.Context, actors.EventOf[P]) ([]actors.Payload, error) {
	return func(_ context.Context, ev actors.EventOf[P]) ([]actors.Payload, error) {
		return actors.Emit(next(ev.Payload.Content().Next())), nil
	}
}

// start makes the payload of a start.
func start(i uint64) actors.Payload { return load.A{Body: load.Body{Number: i}} }

func toB(b load.Body) actors.Payload { return load.B{Body: b} }
func toC(b load.Body) actors.Payload { return load.C{Body: b} }
func toD(b load.Body) actors.Payload { return load.D{Body: b} }

// ownAllocs runs the starts and handlers of the chain by themselves, and returns how many
// allocations per hop that takes.
func ownAllocs() float64 {
	const starts = 1000
	// Variables, so that the compiler knows as little about them as the Spine does.
	handleA, handleB, handleC := relay[load.A](toB), relay[load.B](toC), relay[load.C](toD)
	ctx := context.Background()
	s, _ := measure.Take(starts*Hops, func() error {
		for i := range uint64(starts) {
			first = start(i)
			x := actors.EventOf[load.A]{Payload: first.(load.A)}
			ps, _ := handleA(ctx, x)
			emitted = ps
			ps, _ = handleB(ctx, actors.EventOf[load.B]{Payload: ps[0].(load.B)})
			emitted = ps
			ps, _ = handleC(ctx, actors.EventOf[load.C]{Payload: ps[0].(load.C)})
			emitted = ps
		}
		return nil
	})
	runtime.KeepAlive(first)
	runtime.KeepAlive(emitted)
	return s.Allocs()
}

// What the handlers returned: so that it is really made.
var (
	first   actors.Payload
	emitted []actors.Payload
)
