package growth

import (
	"context"
	"fmt"

	"github.com/necrostack/necrostack/actors"
	"github.com/necrostack/necrostack/bench/load"
	"github.com/necrostack/necrostack/spine"
)

// organs is a service with more and more organs, each for an event type of its own.
func organs(c Config) Series {
	s := Series{
		Name: "organs", Unit: "organs and event types", Flat: true,
		About: "Each organ has an event type of its own; events take the types in turn.",
	}
	for _, n := range c.within(1, 10, 100, 1000) {
		p := c.plan(1)
		p.Warm = max(p.Warm, 8*n)
		s.Points = append(s.Points, Point{At: float64(n), Label: fmt.Sprint(n), Plan: p, Open: openOrgans(n)})
	}
	return s
}

func openOrgans(n int) load.Open {
	return func(w *load.Window) (load.Line, error) {
		var opts []spine.Option
		types := make([]string, n)
		for i := range types {
			types[i] = typeName(i)
			opts = append(opts, spine.WithOrgan(typedSink("organ-"+types[i], types[i], w), spine.Workers(1)))
		}
		next := func(i uint64) actors.Payload { return typed{types[i%uint64(n)], load.Body{Number: i}} }
		return load.StartSpine(w, spine.NewMemory(), next, opts...)
	}
}

// fanOut is one event type with more and more organs.
func fanOut(c Config) Series {
	s := Series{
		Name: "fan-out", Unit: "organs per event",
		About: "All organs listen to the one event type; the cost is that of one handling.",
	}
	for _, n := range []int{1, 2, 4, 8, 16, 32} {
		s.Points = append(s.Points, Point{At: float64(n), Label: fmt.Sprint(n), Plan: c.plan(n), Open: openFanOut(n)})
	}
	return s
}

func openFanOut(n int) load.Open {
	return func(w *load.Window) (load.Line, error) {
		// An event is done when every organ has it.
		parts := load.NewParts(w, n)
		var opts []spine.Option
		for i := range n {
			organ := actors.NewOrgan(fmt.Sprintf("organ-%02d", i), actors.Sink(func(context.Context, actors.EventOf[load.A]) error {
				parts.Done()
				return nil
			}))
			opts = append(opts, spine.WithOrgan(organ, spine.Workers(1)))
		}
		return load.StartSpine(w, spine.NewMemory(), plain, opts...)
	}
}

func plain(i uint64) actors.Payload { return load.A{Body: load.Body{Number: i}} }

// workers is one organ with more and more lanes.
func workers(c Config) Series {
	s := Series{
		Name: "workers", Unit: "workers of the organ",
		About: "The handler does nothing, so this is what lanes cost, not what they bring.",
	}
	for _, n := range []int{1, 2, 4, 8, 16, 32} {
		s.Points = append(s.Points, Point{At: float64(n), Label: fmt.Sprint(n), Plan: c.plan(1), Open: openWorkers(n)})
	}
	return s
}

func openWorkers(n int) load.Open {
	return func(w *load.Window) (load.Line, error) {
		return load.StartSpine(w, spine.NewMemory(), plain, spine.WithOrgan(sink[load.A]("organ", w), spine.Workers(n)))
	}
}
