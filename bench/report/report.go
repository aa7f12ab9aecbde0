package report

import (
	"gonum.org/v1/plot"

	"github.com/necrostack/necrostack/bench/chain"
	"github.com/necrostack/necrostack/bench/growth"
)

// Report is everything that was measured; what was not is nil.
type Report struct {
	Facts  Facts          `json:"facts"`
	Chain  *chain.Result  `json:"chain,omitempty"`
	Growth *growth.Result `json:"growth,omitempty"`
	Memory *growth.Memory `json:"memory,omitempty"`
}

// preamble is what the reader has to know before the first number.
const preamble = `# Results

Generated; do not edit.

Read ratios, not numbers. The machine is shared and noisy: the same code is up to twice as fast a minute
later. So contestants take turns, round after round, and are compared within a round; what is told is the
median over the rounds, and the lowest and highest beside it. Where these are far apart, so were the rounds.
CPU is the time of all processors, the collector included; neighbours change it less than the clock on the wall.
Allocations do not depend on the machine.

`

// Document is the report as it is written.
func (r Report) Document() Document {
	d := Document{File: "RESULTS.md", Preamble: preamble, Facts: r.Facts, Data: r}
	if r.Chain != nil {
		d.Sections = append(d.Sections, Section{
			"Chain", []Chart{{contestChart, func() (*plot.Plot, error) { return drawContest(*r.Chain) }}},
			[]Table{Contest(*r.Chain), Targets(*r.Chain)},
		})
	}
	if r.Growth != nil {
		d.Sections = append(d.Sections, Section{
			"Growth", []Chart{{growthChart, func() (*plot.Plot, error) { return drawGrowth(*r.Growth) }}}, Curves(*r.Growth),
		})
	}
	if r.Memory != nil {
		d.Sections = append(d.Sections, Section{
			"Memory", []Chart{{memoryChart, func() (*plot.Plot, error) { return drawMemory(*r.Memory, "million events handled") }}},
			[]Table{Heap(*r.Memory)},
		})
	}
	return d
}
