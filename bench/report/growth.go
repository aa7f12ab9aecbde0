package report

import (
	"fmt"

	"github.com/necrostack/necrostack/bench/growth"
	"github.com/necrostack/necrostack/bench/measure"
)

// Curves are the tables of growth, one per series.
func Curves(r growth.Result) []Table {
	var all []Table
	for _, c := range r.Curves {
		all = append(all, curve(c))
	}
	return all
}

func curve(c growth.Curve) Table {
	t := Table{
		Title: "Cost by " + c.Name,
		About: c.About,
		Head:  []string{c.Unit, "CPU ns/event", "low–high", "ns/event", "allocs/event", "B/event", "× first (low–high)"},
	}
	for k, d := range c.Dots {
		s := d.Cost()
		t.Rows = append(t.Rows, []string{
			d.Label, whole(s.Median), bounds(s, whole), whole(d.Median(measure.Sample.Cost)),
			fmt.Sprintf("%.2f", d.Median(measure.Sample.Allocs)), whole(d.Median(measure.Sample.Size)), spread(c.Ratio(k)),
		})
	}
	if c.Flat {
		met := "kept"
		if !c.Kept() {
			met = "MISSED"
		}
		t.Note = fmt.Sprintf("Promise: at most %.1f times the first. Highest: %s, %s.", growth.Flat, times(c.Growth()), met)
	}
	return t
}

// Heap is the table of the long run of a Spine.
func Heap(m growth.Memory) Table {
	return heap(m, "events handled", "A stateless organ and a keyed one of 1,000 cells, default settings; idle, after a collection.")
}

func heap(m growth.Memory, events, about string) Table {
	t := Table{
		Title: "Memory in use after so many " + events,
		About: about,
		Head:  []string{events, "heap, kB"},
		Note:  "Too short to tell a leak from a warm-up.",
	}
	if m.Long() {
		t.Note = fmt.Sprintf("The last third over the third before: %+.1f %%. Promise: at most %.0f %%.", 100*m.Growth(), 100*growth.Leak)
	}
	for i, h := range m.Heap {
		t.Rows = append(t.Rows, []string{fmt.Sprintf("%.2f M", float64(i*m.Step)/1e6), fmt.Sprintf("%.0f", float64(h)/1000)})
	}
	return t
}
