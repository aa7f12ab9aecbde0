// Package report writes what was measured: tables for people, JSON for programs, charts.
package report

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/necrostack/necrostack/bench/measure"
)

// Table is rows under a head, with a title above and notes below.
type Table struct {
	Title string
	About string // a sentence or two below the title
	Head  []string
	Rows  [][]string
	Note  string // a sentence below the rows
}

// Text writes the table for a terminal. The first column is set to the left, the others to the right.
func (t Table) Text(w io.Writer) error {
	fmt.Fprintf(w, "\n%s\n", t.Title)
	width := columnWidth(t)
	out := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	for _, row := range append([][]string{t.Head}, t.Rows...) {
		fmt.Fprintf(out, "%-*s\t%s\t\n", width, row[0], strings.Join(row[1:], "\t"))
	}
	if err := out.Flush(); err != nil {
		return err
	}
	if t.Note != "" {
		fmt.Fprintln(w, t.Note)
	}
	return nil
}

func columnWidth(t Table) int {
	width := len([]rune(t.Head[0]))
	for _, row := range t.Rows {
		width = max(width, len([]rune(row[0])))
	}
	return width
}

// Markdown writes the table under a heading of the third level.
func (t Table) Markdown(w io.Writer) {
	fmt.Fprintf(w, "\n### %s\n\n", t.Title)
	if t.About != "" {
		fmt.Fprintf(w, "%s\n\n", t.About)
	}
	fmt.Fprintf(w, "| %s |\n|---%s|\n", strings.Join(t.Head, " | "), strings.Repeat("|--:", len(t.Head)-1))
	for _, row := range t.Rows {
		fmt.Fprintf(w, "| %s |\n", strings.Join(row, " | "))
	}
	if t.Note != "" {
		fmt.Fprintf(w, "\n%s\n", t.Note)
	}
}

// rate writes events per second.
func rate(perSecond float64) string {
	switch {
	case perSecond >= 1e6:
		return fmt.Sprintf("%.2f M", perSecond/1e6)
	case perSecond >= 1e3:
		return fmt.Sprintf("%.0f k", perSecond/1e3)
	default:
		return fmt.Sprintf("%.0f", perSecond)
	}
}

// times writes a ratio with three digits that count.
func times(x float64) string {
	switch {
	case x == 0:
		return "–"
	case x >= 100:
		return fmt.Sprintf("%.0f", x)
	case x >= 10:
		return fmt.Sprintf("%.1f", x)
	default:
		return fmt.Sprintf("%.2f", x)
	}
}

// limit writes a ratio of which 0 is one, and not the lack of any.
func limit(x float64) string {
	if x == 0 {
		return "0"
	}
	return times(x)
}

// spread writes a ratio with its extremes.
func spread(s measure.Spread) string {
	if s == (measure.Spread{}) {
		return limit(0)
	}
	return fmt.Sprintf("%s (%s–%s)", times(s.Median), times(s.Low), times(s.High))
}

// bounds writes the extremes of a rate or of anything else that write writes.
func bounds(s measure.Spread, write func(float64) string) string {
	return write(s.Low) + "–" + write(s.High)
}

func whole(x float64) string { return fmt.Sprintf("%.0f", x) }
