package report

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"gonum.org/v1/plot"
)

// Document is what was measured in one run, ready to be written: tables for a terminal, a page with charts, and
// all samples for programs.
type Document struct {
	File     string // of the page
	Preamble string // its title, and what the reader has to know before the first number
	Facts    Facts
	Sections []Section
	Data     any // every sample
}

// Section is a part of a document: charts, and the tables below them.
type Section struct {
	Title  string
	Charts []Chart
	Tables []Table
}

// Chart is a picture in a file of its own.
type Chart struct {
	File string
	Draw func() (*plot.Plot, error)
}

// Text writes all tables for a terminal.
func (d Document) Text(w io.Writer) error {
	for _, s := range d.Sections {
		for _, t := range s.Tables {
			if err := t.Text(w); err != nil {
				return err
			}
		}
	}
	return nil
}

// JSON writes everything, samples included, to a file.
func (d Document) JSON(file string) error {
	data, err := json.MarshalIndent(d.Data, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(file, append(data, '\n'), 0o644)
}

// chartFolder is where charts are, seen from the page.
const chartFolder = "results"

// Save writes the page and the charts below folder.
func (d Document) Save(folder string) error {
	charts := filepath.Join(folder, chartFolder)
	if err := os.MkdirAll(charts, 0o755); err != nil {
		return err
	}
	for _, s := range d.Sections {
		for _, c := range s.Charts {
			if err := c.save(charts); err != nil {
				return err
			}
		}
	}
	return os.WriteFile(filepath.Join(folder, d.File), d.markdown(), 0o644)
}

func (c Chart) save(folder string) error {
	p, err := c.Draw()
	if err != nil {
		return fmt.Errorf("draw %s: %w", c.File, err)
	}
	return p.Save(chartWidth, chartHeight, filepath.Join(folder, c.File))
}

func (d Document) markdown() []byte {
	var b bytes.Buffer
	b.WriteString(d.Preamble)
	d.Facts.Markdown(&b)
	for _, s := range d.Sections {
		fmt.Fprintf(&b, "\n## %s\n", s.Title)
		for _, c := range s.Charts {
			fmt.Fprintf(&b, "\n![%s](%s/%s)\n", s.Title, chartFolder, c.File)
		}
		for _, t := range s.Tables {
			t.Markdown(&b)
		}
	}
	return b.Bytes()
}
