package report

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"

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

// section is a part of the report: tables, and the chart above them.
type section struct {
	title  string
	chart  string // file name, "" for none
	tables []Table
}

func (r Report) sections() []section {
	var all []section
	if r.Chain != nil {
		all = append(all, section{"Chain", contestChart, []Table{Contest(*r.Chain), Targets(*r.Chain)}})
	}
	if r.Growth != nil {
		all = append(all, section{"Growth", growthChart, Curves(*r.Growth)})
	}
	if r.Memory != nil {
		all = append(all, section{"Memory", memoryChart, []Table{Heap(*r.Memory)}})
	}
	return all
}

// Text writes all tables for a terminal.
func (r Report) Text(w io.Writer) error {
	for _, s := range r.sections() {
		for _, t := range s.tables {
			if err := t.Text(w); err != nil {
				return err
			}
		}
	}
	return nil
}

// JSON writes everything, samples included, to a file.
func (r Report) JSON(file string) error {
	data, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(file, append(data, '\n'), 0o644)
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

// chartFolder is where charts are, seen from the results.
const chartFolder = "results"

// Save writes RESULTS.md and the charts below folder.
func (r Report) Save(folder string) error {
	charts := filepath.Join(folder, chartFolder)
	if err := os.MkdirAll(charts, 0o755); err != nil {
		return err
	}
	if err := r.drawAll(charts); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(folder, "RESULTS.md"), r.markdown(), 0o644)
}

func (r Report) markdown() []byte {
	var b bytes.Buffer
	b.WriteString(preamble)
	r.Facts.Markdown(&b)
	for _, s := range r.sections() {
		fmt.Fprintf(&b, "\n## %s\n\n![%s](%s/%s)\n", s.title, s.title, chartFolder, s.chart)
		for _, t := range s.tables {
			t.Markdown(&b)
		}
	}
	return b.Bytes()
}
