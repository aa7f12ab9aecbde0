package cluster

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/necrostack/necrostack/bench/measure"
)

// Promise is a bound on how long a shard may be without an owner, and what was measured.
type Promise struct {
	What  string
	Most  time.Duration
	Worst []time.Duration // of each change, that of the shard that was last
}

// Met reports whether the worst of all is within the bound.
func (p Promise) Met() bool { return len(p.Worst) > 0 && slices.Max(p.Worst) <= p.Most }

// leaveMost is the bound of a departure.
const leaveMost = 500 * time.Millisecond

// Promises are those of which something was measured.
func (r Result) Promises() (all []Promise) {
	for _, p := range []struct {
		kind ChangeKind
		Promise
	}{
		{Killed, Promise{What: fmt.Sprintf("after SIGKILL, from the kill on: a lease (%s) and a second", r.Config.Short), Most: r.Config.Short + time.Second}},
		{Left, Promise{What: "after SIGTERM, from the node's last event of the shard on", Most: leaveMost}},
	} {
		p.Worst = r.worst(p.kind)
		if len(p.Worst) > 0 {
			all = append(all, p.Promise)
		}
	}
	return all
}

// worst has that of each change of a kind that has moved anything.
func (r Result) worst(k ChangeKind) (all []time.Duration) {
	for _, c := range r.Of(k) {
		if len(c.Pauses) > 0 {
			all = append(all, c.Worst())
		}
	}
	return all
}

// Of returns the changes of a kind.
func (r Result) Of(k ChangeKind) (all []Change) {
	for _, c := range r.Changes {
		if c.Kind == k {
			all = append(all, c)
		}
	}
	return all
}

// Spread is the spread of a figure over the rounds with as much to do as there can be, or with nothing.
func (r Row) Spread(f func(Cost) float64) measure.Spread { return spreadOf(r.Rounds, f) }

// PacedSpread is the spread of a figure over the rounds with starts that have their times.
func (r Row) PacedSpread(f func(Cost) float64) measure.Spread { return spreadOf(r.Paced, f) }

// ColdSpread is the spread of a figure over the first events of all keys.
func (r Row) ColdSpread(f func(Cost) float64) measure.Spread { return spreadOf(r.Cold, f) }

// Against is the spread of the rate to that of another row, round by round.
func (r Row) Against(other Row) measure.Spread {
	var ratios []float64
	for i := range min(len(r.Rounds), len(other.Rounds)) {
		if base := other.Rounds[i].Rate(); base > 0 {
			ratios = append(ratios, r.Rounds[i].Rate()/base)
		}
	}
	return measure.Of(ratios)
}

// Alone returns the row of a kind with the fewest nodes; false for none.
func (r Result) Alone(k Kind) (Row, bool) { return r.pick(k, -1) }

// Together returns the row of a kind with the most nodes; false for none.
func (r Result) Together(k Kind) (Row, bool) { return r.pick(k, 1) }

func (r Result) pick(k Kind, sign int) (best Row, ok bool) {
	for _, row := range r.Loads {
		if row.Kind == k && (!ok || cmp.Compare(row.Nodes, best.Nodes) == sign) {
			best, ok = row, true
		}
	}
	return best, ok
}

// Spread is the spread of a figure over the rounds.
func (a AskRow) Spread(f func(AskRound) float64) measure.Spread {
	values := make([]float64, len(a.Rounds))
	for i, x := range a.Rounds {
		values[i] = f(x)
	}
	return measure.Of(values)
}

// Spread is the spread of a figure over the rounds.
func (b Beat) Spread(f func(Cost) float64) measure.Spread { return spreadOf(b.Rounds, f) }
