package report

import (
	"fmt"
	"time"

	"github.com/necrostack/necrostack/bench/latency"
	"github.com/necrostack/necrostack/bench/strategies"
)

// strategiesPreamble is what the reader has to know before the first number.
const strategiesPreamble = `# Supervision strategies under faults

Generated; do not edit.

An organ of 64 workers whose handler fails now and then. Of the events that fail half succeed at the second attempt, a
quarter at the fifth, and a quarter never; the policy has three attempts, and eight under NACK, waits of 1 to 10 ms
between them, and a timeout of 20 ms, unless the command says otherwise. Compare rows of a table, not numbers of
different days: the machine is shared and noisy.

`

// Strategies is the document of the strategies.
func Strategies(r strategies.Result, f Facts) Document {
	d := Document{File: "STRATEGIES.md", Preamble: strategiesPreamble, Facts: f, Data: struct {
		Facts Facts `json:"facts"`
		strategies.Result
	}{f, r}}
	s := Section{Title: "Strategies"}
	for _, fault := range []strategies.Fault{strategies.Errors, strategies.Panics, strategies.Timeouts} {
		s.Tables = append(s.Tables, strategyTable(r, fault))
	}
	d.Sections = []Section{s}
	return d
}

// strategyTable is all cells of a fault, below the one without failures.
func strategyTable(r strategies.Result, fault strategies.Fault) Table {
	t := Table{
		Title: "Failing by " + string(fault),
		About: fmt.Sprintf("Throughput is with 4,096 events in flight, until the last is settled. Latency is at %s events/s, from when an event was due to "+
			"when it was settled; sound are the events that never fail. Lost, dead letters, retried and redelivered are counted per thousand events "+
			"that fail. Medians of %d rounds.", rate(r.Config.Rate), r.Config.Rounds),
		Head: []string{"strategy, failing", "events/s", "low–high", "× no failures", "lost", "dead letters", "retried", "redelivered",
			"p50", "p99", "p50 sound", "p99 sound"},
		Note: "No event is ever missing: what has not succeeded is lost by LOG, which wrote a line, or is a dead letter. The program ends with an error otherwise.",
	}
	for i, row := range r.Rows {
		if i == 0 || row.Fault == fault {
			t.Rows = append(t.Rows, strategyRow(row, r.Rows[0]))
		}
	}
	return t
}

func strategyRow(row, base strategies.Row) []string {
	s := row.Rate()
	name := fmt.Sprintf("%s, %g %%", row.Strategy, row.Share())
	if row.PerMille == 0 {
		name = "no failures"
	}
	line := []string{name, rate(s.Median), bounds(s, rate), times(row.Against(base).Median)}
	for _, f := range []func(strategies.Counts) int{
		func(c strategies.Counts) int { return c.Lost }, func(c strategies.Counts) int { return c.Dead },
		func(c strategies.Counts) int { return c.Retried }, func(c strategies.Counts) int { return c.Redelivered },
	} {
		line = append(line, whole(row.PerFailing(f)))
	}
	for _, f := range []func(strategies.Measured) latency.Quantiles{
		func(m strategies.Measured) latency.Quantiles { return m.Latency },
		func(m strategies.Measured) latency.Quantiles { return m.Sound },
	} {
		line = append(line,
			short(median(row, func(m strategies.Measured) time.Duration { return f(m).P50 })),
			short(median(row, func(m strategies.Measured) time.Duration { return f(m).P99 })))
	}
	return line
}

func median(row strategies.Row, f func(strategies.Measured) time.Duration) time.Duration {
	return time.Duration(row.Spread(func(m strategies.Measured) float64 { return float64(f(m)) }).Median)
}
