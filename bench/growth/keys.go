package growth

import (
	"fmt"
	"time"

	"github.com/necrostack/necrostack/actors"
	"github.com/necrostack/necrostack/bench/load"
	"github.com/necrostack/necrostack/spine"
)

// residentCells is how many cells are in memory at most. It is far less than there are
// keys, so that from there on most cells are passivated at any time.
const residentCells = 10_000

// run is how many events a key has in a row.
const run = 16

// inRuns gives start i its key so that a key has some events, then another.
func inRuns(i uint64) uint64 { return load.Mix(i / run) }

// atRandom gives every start any key.
func atRandom(i uint64) uint64 { return load.Mix(i) }

// keys is a keyed organ with more and more cells.
func keys(c Config, name, about string, pattern func(uint64) uint64) Series {
	s := Series{
		Name: name, Unit: "cells", Flat: true,
		About: about + fmt.Sprintf(" All cells exist before the clock starts; %d of them are in memory at most.", residentCells),
	}
	for _, n := range c.within(1, 100, 10_000, 100_000, 1_000_000) {
		p := c.plan(1)
		p.Warm = max(p.Warm, n)
		s.Points = append(s.Points, Point{
			At: float64(n), Label: amount(n), Plan: p, Open: openKeys(n, pattern),
		})
	}
	return s
}

// cell is the state of a key.
type cell struct {
	Events int
	Last   uint64
}

func openKeys(n int, pattern func(uint64) uint64) load.Open {
	return func(w *load.Window) (load.Line, error) {
		organ := actors.NewKeyed("cells", func(string) *cell { return &cell{} }, countEvents(w))
		return load.StartSpine(w, spine.NewMemory(), keyed(n, pattern),
			spine.WithOrgan(organ), spine.WithResidentCells(residentCells, 5*time.Minute))
	}
}

func countEvents(w *load.Window) actors.Part[cell] {
	return actors.Step(func(s *cell, ev actors.EventOf[load.KeyedA]) ([]actors.Payload, error) {
		s.Events++
		s.Last = ev.Payload.Number
		w.Done()
		return nil, nil
	})
}

// keyed makes payloads with n keys: first each of them once, so that every cell is there, then as the
// pattern says.
func keyed(n int, pattern func(uint64) uint64) func(uint64) actors.Payload {
	all := load.NewKeys(n)
	return func(i uint64) actors.Payload {
		key := i
		if i >= uint64(n) {
			key = pattern(i)
		}
		return load.KeyedA{KeyedBody: load.KeyedBody{Body: load.Body{Key: all.At(key), Number: i}}}
	}
}

// amount writes a number as people do: 10 k, 1 M.
func amount(n int) string {
	switch {
	case n >= 1_000_000 && n%1_000_000 == 0:
		return fmt.Sprintf("%d M", n/1_000_000)
	case n >= 1000 && n%1000 == 0:
		return fmt.Sprintf("%d k", n/1000)
	default:
		return fmt.Sprint(n)
	}
}
