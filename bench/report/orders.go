package report

import (
	"fmt"
	"time"

	"gonum.org/v1/plot"

	"github.com/necrostack/necrostack/bench/latency"
	"github.com/necrostack/necrostack/bench/measure"
	"github.com/necrostack/necrostack/bench/orders"
	"github.com/necrostack/necrostack/bench/orders/bare"
	"github.com/necrostack/necrostack/bench/orders/through"
)

// ordersPreamble is what the reader has to know before the first number.
const ordersPreamble = `# Load test of the trading desk

Generated; do not edit.

Read ratios, not numbers: the machine is shared and noisy. Contestants take turns, round after round, and are
compared within a round; what is told is the median over the rounds, and the lowest and highest beside it.

`

// Orders is the document of the load test.
func Orders(r orders.Result, f Facts) Document {
	d := Document{File: "ORDERS.md", Preamble: ordersPreamble, Facts: f, Data: struct {
		Facts Facts `json:"facts"`
		orders.Result
	}{f, r}}
	if targets := r.Targets(); len(targets) > 0 {
		d.Sections = append(d.Sections, Section{Title: "Targets", Tables: []Table{orderTargets(targets)}})
	}
	if r.Books != nil {
		d.Sections = append(d.Sections, Section{Title: "Books", Tables: books(r)})
	}
	if r.Memory != nil {
		m := *r.Memory
		d.Sections = append(d.Sections, Section{
			Title:  "Memory of the engine",
			Charts: []Chart{{"orders-memory.svg", func() (*plot.Plot, error) { return drawMemory(m, "million orders") }}},
			Tables: []Table{heap(m, "orders", "The engine with everything on, at most 50,000 orders live; the orders are made beside it. After a collection.")},
		})
	}
	if r.Closed != nil {
		d.Sections = append(d.Sections, Section{Title: "Through the Spine, as many as it can take", Tables: []Table{closedLoop(r)}})
	}
	for _, s := range r.Open {
		d.Sections = append(d.Sections, Section{"Open loop: " + s.Name, sweepCharts(s), []Table{openLoop(s), depths(s)}})
	}
	return d
}

func orderTargets(targets []orders.Target) Table {
	t := Table{Title: "Targets", Head: []string{"what", "must", "goal", "got (low–high)", "met"}}
	for _, x := range targets {
		t.Rows = append(t.Rows, []string{x.What, limit(x.Must), limit(x.Goal), spread(x.Got), string(x.Judge())})
	}
	return t
}

func books(r orders.Result) []Table {
	all := []Table{contestOf(*r.Books, bare.Floor)}
	if r.Stick != nil {
		all = append(all, contestOf(*r.Stick, bare.Yardstick))
	} else {
		all[0].Note = "Not beside the yardstick: " + r.NoStick + "."
	}
	return append(all, singles(*r.Books))
}

// contestOf is the table of a contest, its ratios to the row of a kind.
func contestOf(r bare.Result, k bare.Kind) Table {
	t := Table{
		Title: "Order books, " + r.Name,
		About: fmt.Sprintf("%d orders in the book, then %d operations; %d trades, %d orders left at the end. One symbol, one goroutine. "+
			"Everybody came to the same totals.", r.Fill, r.Ops, r.Want.Trades, r.Want.Resting),
		Head: []string{"book", "ns/op", "low–high", "ops/s", "allocs/op", fmt.Sprintf("speed × %s (low–high)", k)},
	}
	base, _ := r.Of(k)
	for _, row := range r.Rows {
		cost := measure.Each(row.Samples, measure.Sample.Cost)
		allocs := fmt.Sprintf("%.4f", measure.Each(row.Samples, measure.Sample.Allocs).Median)
		if row.Kind == bare.Yardstick {
			allocs = "–"
		}
		t.Rows = append(t.Rows, []string{
			row.Name, fmt.Sprintf("%.1f", cost.Median), bounds(cost, whole),
			rate(measure.Each(row.Samples, measure.Sample.Rate).Median), allocs, spread(row.Speed(base)),
		})
	}
	return t
}

var singleQuantiles = []func(latency.Quantiles) time.Duration{
	func(q latency.Quantiles) time.Duration { return q.P50 },
	func(q latency.Quantiles) time.Duration { return q.P99 },
	func(q latency.Quantiles) time.Duration { return q.P999 },
}

// singles is the table of single operations.
func singles(r bare.Result) Table {
	t := Table{
		Title: "One operation",
		About: "The clock is read before and after each operation, and what that costs is in every figure. Nothing is read ahead.",
		Head:  []string{"book", "p50 ns", "p99 ns", "p99.9 ns", "p50 × floor", "p99 × floor", "p99.9 × floor (low–high)"},
	}
	floor, _ := r.Of(bare.Floor)
	for _, row := range r.Rows {
		if len(row.Singles) == 0 {
			continue
		}
		line := []string{row.Name}
		for _, q := range singleQuantiles {
			line = append(line, whole(row.Single(q).Median))
		}
		for i, q := range singleQuantiles {
			s := row.SingleAgainst(floor, q)
			text := times(s.Median)
			if i == len(singleQuantiles)-1 {
				text = spread(s)
			}
			line = append(line, text)
		}
		t.Rows = append(t.Rows, line)
	}
	line := []string{"the clock alone"}
	for _, q := range singleQuantiles {
		line = append(line, whole(r.Clock(q).Median))
	}
	t.Rows = append(t.Rows, append(line, "–", "–", "–"))
	return t
}

func closedLoop(r orders.Result) Table {
	c := r.Config.Through
	t := Table{
		Title: "Orders per second",
		About: fmt.Sprintf("%d symbols. At most 4,096 orders without a result, published in batches of 256, as in the chain of direct sends beside it. "+
			"Done is when nothing is left to do: every event that follows is in, and for the desk settlements by HTTP with a clearing house in the "+
			"same process, positions, risk and audit; its allocations and its CPU count too.", c.Symbols),
		Head: []string{"what", "done/s", "low–high", "CPU ns", "allocs", "matched/s", "× direct sends (low–high)", "matched × direct sends"},
		Note: "One order is one event; what it emits comes on top.",
	}
	for _, row := range r.Closed {
		s := row.Rate()
		t.Rows = append(t.Rows, []string{
			row.Name, rate(s.Median), bounds(s, rate), whole(measure.Each(row.Samples, measure.Sample.Work).Median),
			fmt.Sprintf("%.1f", measure.Each(row.Samples, measure.Sample.Allocs).Median),
			rate(measure.Each(row.Matched, measure.Sample.Rate).Median),
			spread(through.Ratio(r.Closed, row)), times(through.MatchedRatio(r.Closed, row).Median),
		})
	}
	return t
}

func openLoop(s through.Sweep) Table {
	t := Table{
		Title: "Latency by rate: " + s.Name,
		About: "Orders come when they are due, whatever became of those before. Latency is from when an order was due to its result in the " +
			"store; lag is the part of it before the order was published, the imprecision of this program's timers included.",
		Head: []string{"orders/s", "done/s", "p50", "p90", "p99", "p99.9", "p99.99", "max", "lag p50", "lag p99"},
		Note: kneeNote(s),
	}
	for _, p := range s.Points {
		q := p.Latency
		t.Rows = append(t.Rows, []string{
			rate(p.Rate), rate(p.Achieved), short(q.P50), short(q.P90), short(q.P99), short(q.P999), short(q.P9999), short(q.Max),
			short(p.Lag.P50), short(p.Lag.P99),
		})
	}
	return t
}

func kneeNote(s through.Sweep) string {
	rule := fmt.Sprintf("done is at least %.0f %% of what was offered and p99 at most %d times the lowest", 100*through.KeptUp, through.Plateau)
	knee, ok := s.Knee()
	if !ok {
		return "No knee: at no rate it holds that " + rule + "."
	}
	note := fmt.Sprintf("Knee: %s orders/s, the highest rate at which %s", rate(knee.Rate), rule)
	if s.Closed > 0 {
		note += fmt.Sprintf("; %.0f %% of the closed loop", 100*knee.Rate/s.Closed)
	}
	return note + "."
}

func depths(s through.Sweep) Table {
	t := Table{
		Title: "Queues by rate: " + s.Name,
		About: "Orders that were due and had no result, events in the Spine's hands, and events in the backlog: mean and highest of what was seen.",
		Head:  []string{"orders/s", "unfinished", "highest", "in flight", "highest", "backlog", "highest"},
	}
	for _, p := range s.Points {
		line := []string{rate(p.Rate)}
		for _, f := range []func(through.Depth) int{
			func(d through.Depth) int { return d.Unfinished }, func(d through.Depth) int { return d.InFlight },
			func(d through.Depth) int { return d.Ready },
		} {
			sum, most := 0, 0
			for _, d := range p.Depths {
				sum, most = sum+f(d), max(most, f(d))
			}
			line = append(line, whole(float64(sum)/float64(max(len(p.Depths), 1))), fmt.Sprint(most))
		}
		t.Rows = append(t.Rows, line)
	}
	return t
}

// short writes a duration with three digits that count.
func short(d time.Duration) string {
	switch {
	case d >= time.Second:
		return times(d.Seconds()) + " s"
	case d >= time.Millisecond:
		return times(float64(d)/1e6) + " ms"
	case d >= time.Microsecond:
		return times(float64(d)/1e3) + " µs"
	default:
		return fmt.Sprintf("%d ns", d)
	}
}
