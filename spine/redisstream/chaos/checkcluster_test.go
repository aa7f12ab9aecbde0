package chaos_test

import (
	"maps"
	"slices"
	"strings"
	"time"
)

// stale is for how long after the store has gone back a node may still tell of what it was: one that was stopped, or that is cut
// off, and has not heard of it.
const stale = 5 * clusterLease

// answers compares what nodes were told of cells with the histories of these: each was true, and in
// the store, when it was told. It returns how many are not, and were told before the store went back.
func (k *checker) answers(d *diary) (excused int) {
	histories := map[string][]seen{}
	for name, state := range k.states {
		all := []seen{{}}
		for i, m := range logOf(state) {
			all = append(all, seen{Len: i + 1, Sum: linked(all[i].Sum, m)})
		}
		histories[name] = all
	}
	for _, a := range d.answers {
		name := cellName(a.Organ, a.Key)
		all := histories[name]
		switch {
		case a.Seen.Len < len(all) && all[a.Seen.Len] == a.Seen && a.Seen.Len <= a.Stored:
		case k.want.lossy && a.at.Before(k.want.rolledBack.Add(stale)):
			excused++
		default:
			k.find("I13", "cell %s was said to be at change %d, %s; the store had %d, its history has %d", name, a.Seen.Len, a.Seen.Sum, a.Stored, len(all)-1)
		}
	}
	for _, kind := range slices.Sorted(maps.Keys(d.refused)) {
		if strings.HasPrefix(kind, unknown) {
			k.find("I13", "%d questions failed: %s", d.refused[kind], kind)
		}
	}
	return excused
}

// repeats looks for work that was done twice while nodes did no more than come, and go in good order.
func (k *checker) repeats(d *diary) {
	for _, what := range slices.Sorted(maps.Keys(d.worked)) {
		for _, calm := range k.want.calms {
			within := 0
			for _, at := range d.worked[what] {
				if calm.has(at) {
					within++
				}
			}
			if within > 1 {
				k.find("I15", "%s was worked on %d times between %s and %s", what, within, calm.from.Format(time.TimeOnly), calm.to.Format(time.TimeOnly))
			}
		}
	}
}
