package chain

import (
	"context"
	"slices"

	"github.com/necrostack/necrostack/actors"
	"github.com/necrostack/necrostack/bench/load"
	"github.com/necrostack/necrostack/spine"
)

// keyCount is how many keys the events with keys have.
const keyCount = 1000

// openSpine opens a line of four stateless organs.
func openSpine(organ spine.OrganOption, opts ...spine.Option) load.Open {
	return func(w *load.Window) (load.Line, error) {
		all := slices.Clone(opts)
		for _, o := range stateless(w) {
			all = append(all, spine.WithOrgan(o, organ))
		}
		return load.StartSpine(w, spine.NewMemory(), start, all...)
	}
}

func stateless(w *load.Window) []actors.Organ {
	return []actors.Organ{
		actors.NewOrgan("a", actors.Map(relay[load.A](toB))),
		actors.NewOrgan("b", actors.Map(relay[load.B](toC))),
		actors.NewOrgan("c", actors.Map(relay[load.C](toD))),
		actors.NewOrgan("d", actors.Sink(func(context.Context, actors.EventOf[load.D]) error {
			w.Done()
			return nil
		})),
	}
}

// openSpineKeyed is openSpine with a key in every event.
func openSpineKeyed(organ spine.OrganOption) load.Open {
	return func(w *load.Window) (load.Line, error) {
		last := actors.Sink(func(context.Context, actors.EventOf[load.KeyedD]) error {
			w.Done()
			return nil
		})
		return load.StartSpine(w, spine.NewMemory(), keyedStart(),
			spine.WithOrgan(actors.NewOrgan("a", actors.Map(relay[load.KeyedA](toKeyedB))), organ),
			spine.WithOrgan(actors.NewOrgan("b", actors.Map(relay[load.KeyedB](toKeyedC))), organ),
			spine.WithOrgan(actors.NewOrgan("c", actors.Map(relay[load.KeyedC](toKeyedD))), organ),
			spine.WithOrgan(actors.NewOrgan("d", last), organ),
		)
	}
}

// count is the state of a cell.
type count struct{ Events int }

// openSpineCells is a chain of four keyed organs, each with a cell per key.
func openSpineCells(w *load.Window) (load.Line, error) {
	last := actors.Step(func(s *count, _ actors.EventOf[load.KeyedD]) ([]actors.Payload, error) {
		s.Events++
		w.Done()
		return nil, nil
	})
	return load.StartSpine(w, spine.NewMemory(), keyedStart(),
		spine.WithOrgan(actors.NewKeyed("a", noEvents, step[load.KeyedA](toKeyedB))),
		spine.WithOrgan(actors.NewKeyed("b", noEvents, step[load.KeyedB](toKeyedC))),
		spine.WithOrgan(actors.NewKeyed("c", noEvents, step[load.KeyedC](toKeyedD))),
		spine.WithOrgan(actors.NewKeyed("d", noEvents, last)),
	)
}

func noEvents(string) *count { return &count{} }

type keyedCarrier interface {
	load.Carrier
	actors.KeyedPayload
}

func step[P keyedCarrier, Q actors.Payload](next func(load.Body) Q) actors.Part[count] {
	return actors.Step(func(s *count, ev actors.EventOf[P]) ([]actors.Payload, error) {
		s.Events++
		return actors.Emit(next(ev.Payload.Content().Next())), nil
	})
}

func keyedStart() func(i uint64) actors.Payload {
	keys := load.NewKeys(keyCount)
	return func(i uint64) actors.Payload {
		return load.KeyedA{KeyedBody: load.KeyedBody{Body: load.Body{Key: keys.At(load.Mix(i)), Number: i}}}
	}
}

func toKeyedB(b load.Body) load.KeyedB { return load.KeyedB{KeyedBody: load.KeyedBody{Body: b}} }
func toKeyedC(b load.Body) load.KeyedC { return load.KeyedC{KeyedBody: load.KeyedBody{Body: b}} }
func toKeyedD(b load.Body) load.KeyedD { return load.KeyedD{KeyedBody: load.KeyedBody{Body: b}} }
