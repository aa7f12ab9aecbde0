// Package through measures orders on their way through a Spine in memory: through the organ that matches them
// alone, and through the whole trading desk, with a clearing house on this machine that answers at once.
//
// In a closed loop (closed.go) so many orders are in flight at any time: how many can be done in a second? In an
// open loop (open.go) orders come at a given rate, whatever became of those before: how long does each
// take, from when it should have come to when its result is in the store? A sweep over rates (sweep.go)
// finds the knee, beyond which they queue.
package through

import (
	"time"

	"github.com/necrostack/necrostack/bench/measure"
	"github.com/necrostack/necrostack/supervision"
)

// Kind says what was measured.
type Kind string

// The kinds.
const (
	Direct Kind = "direct" // hops of a chain of actors that send to each other, from package chain
	Organ  Kind = "organ"  // MatchingEngine alone; every order is one ORDER_VALIDATED
	Desk   Kind = "desk"   // all organs; every order is one ORDER_SUBMITTED
)

// Config says what to measure.
type Config struct {
	Seed    uint64 `json:"seed"`
	Symbols int    `json:"symbols"`
	Rounds  int    `json:"rounds"` // of the closed loop
	// Orders of a round through the organ, DeskOrders of one through the desk.
	Orders     int `json:"orders"`
	DeskOrders int `json:"desk_orders"`
	Hops       int `json:"hops"` // of a round of direct sends
	// Rates of the open loop, orders per second, ascending. None: Shares of what the closed loop came to.
	Rates    []float64     `json:"rates,omitempty"`
	Shares   []float64     `json:"shares,omitempty"`
	Duration time.Duration `json:"duration_ns"` // of each rate
	// Policies are those of the desk's organs.
	Policies supervision.Policies `json:"-"`
}

// Shares are the rates of a sweep.
var Shares = []float64{0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1, 1.1}

// How orders come in the closed loop, the same as in the chain beside it.
const (
	inFlight = 4096
	batch    = 256
)

// What books are like: some thousand orders each.
const (
	fill      = 1000 // orders of each symbol before the clock starts
	liveBound = 2000 // orders of each symbol that rest
)

// Row is what the closed loop came to, one sample per round.
type Row struct {
	Name    string           `json:"name"`
	Kind    Kind             `json:"kind"`
	Matched []measure.Sample `json:"matched"` // until the result of the last order was in the store
	Samples []measure.Sample `json:"samples"` // until there was nothing left to do, settlements and audit included
}

// Rate is the spread of orders per second, everything that follows from them included.
func (r Row) Rate() measure.Spread { return measure.Each(r.Samples, measure.Sample.Rate) }

// Of returns the row of a kind, false for none.
func Of(rows []Row, k Kind) (Row, bool) {
	for _, row := range rows {
		if row.Kind == k {
			return row, true
		}
	}
	return Row{}, false
}

// Ratio is the spread of row's rate to that of direct sends, round by round.
func Ratio(rows []Row, row Row) measure.Spread {
	direct, _ := Of(rows, Direct)
	return measure.Against(row.Samples, direct.Samples, measure.Sample.Rate)
}

// MatchedRatio is Ratio with what follows from the last orders left out.
func MatchedRatio(rows []Row, row Row) measure.Spread {
	direct, _ := Of(rows, Direct)
	return measure.Against(row.Matched, direct.Samples, measure.Sample.Rate)
}
