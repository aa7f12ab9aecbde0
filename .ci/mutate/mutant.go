package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// mutant is one deliberate mistake, and the tests that must notice it.
type mutant struct {
	name  string // file name without folder and ending
	path  string // relative to the module
	pkg   string // go test's package argument
	run   string // go test's -run expression
	why   string // what the mistake would cost
	edits []edit
}

// edit replaces lines of one file. The old lines stand in it exactly once.
type edit struct {
	file     string // slash-separated, relative to the module
	old, new []string
}

// findMutants reads every *.mutant in a testdata/mutants folder below root,
// sorted by path. Mistakes in several files are reported together.
func findMutants(root string) ([]mutant, error) {
	var found []mutant
	var faults []error
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && path != root && strings.HasPrefix(d.Name(), ".") {
			return filepath.SkipDir
		}
		if d.IsDir() || !isMutantFile(path) {
			return nil
		}
		m, err := readMutant(root, path)
		if err != nil {
			faults = append(faults, err)
			return nil
		}
		found = append(found, m)
		return nil
	})
	return found, errors.Join(append(faults, err)...)
}

func isMutantFile(path string) bool {
	folder := filepath.ToSlash(filepath.Dir(path))
	return filepath.Ext(path) == ".mutant" && strings.HasSuffix(folder, "testdata/mutants")
}

func readMutant(root, path string) (mutant, error) {
	f, err := os.Open(path)
	if err != nil {
		return mutant{}, err
	}
	defer f.Close()
	shown, err := filepath.Rel(root, path)
	if err != nil {
		return mutant{}, err
	}
	m, err := parse(f)
	if err != nil {
		return mutant{}, fmt.Errorf("%s:%w", shown, err)
	}
	m.path = shown
	m.name = strings.TrimSuffix(filepath.Base(path), ".mutant")
	return m, nil
}

// parse reads the text of a mutant. Its errors begin with the line.
func parse(r io.Reader) (mutant, error) {
	p := parser{text: bufio.NewScanner(r)}
	for p.next() {
		if err := p.topLine(); err != nil {
			return mutant{}, fmt.Errorf("%d: %w", p.number, err)
		}
	}
	if err := p.text.Err(); err != nil {
		return mutant{}, fmt.Errorf("%d: %w", p.number, err)
	}
	if err := p.m.complete(); err != nil {
		return mutant{}, fmt.Errorf("%d: %w", p.number, err)
	}
	return p.m, nil
}

// The three lines that no hunk can contain.
const (
	markOld = "--- old"
	markNew = "--- new"
	markEnd = "--- end"
)

type parser struct {
	text   *bufio.Scanner
	number int // of the line last read, from 1
	file   string
	m      mutant
}

func (p *parser) next() bool {
	if !p.text.Scan() {
		return false
	}
	p.number++
	return true
}

// topLine handles a line outside of a hunk, and the hunk that it opens.
func (p *parser) topLine() error {
	line := p.text.Text()
	switch {
	case strings.TrimSpace(line) == "":
		return nil
	case line == markOld:
		return p.hunk()
	case line == markNew || line == markEnd:
		return fmt.Errorf("%q without %q", line, markOld)
	}
	name, value, ok := strings.Cut(line, ":")
	value = strings.TrimSpace(value)
	if !ok || value == "" {
		return fmt.Errorf("%q is no header line", line)
	}
	return p.header(name, value)
}

func (p *parser) header(name, value string) error {
	switch name {
	case "package":
		return once(name, &p.m.pkg, value)
	case "run":
		return once(name, &p.m.run, value)
	case "why":
		return once(name, &p.m.why, value)
	case "file":
		p.file = value // As often as there are files.
		return nil
	default:
		return fmt.Errorf("unknown header %q", name)
	}
}

func once(name string, to *string, value string) error {
	if *to != "" {
		return fmt.Errorf("header %q stands twice", name)
	}
	*to = value
	return nil
}

// hunk reads from after the old mark to the end mark.
func (p *parser) hunk() error {
	if p.file == "" {
		return fmt.Errorf("hunk before the first %q", "file:")
	}
	old, err := p.linesUntil(markNew)
	if err != nil {
		return err
	}
	replacement, err := p.linesUntil(markEnd)
	if err != nil {
		return err
	}
	if len(old) == 0 {
		return errors.New("hunk has no old lines")
	}
	if slices.Equal(old, replacement) {
		return errors.New("hunk changes nothing")
	}
	p.m.edits = append(p.m.edits, edit{file: p.file, old: old, new: replacement})
	return nil
}

func (p *parser) linesUntil(mark string) ([]string, error) {
	var lines []string
	for p.next() {
		line := p.text.Text()
		switch line {
		case mark:
			return lines, nil
		case markOld, markNew, markEnd:
			return nil, fmt.Errorf("%q, want %q", line, mark)
		}
		lines = append(lines, line)
	}
	return nil, fmt.Errorf("hunk ends without %q", mark)
}

func (m mutant) complete() error {
	for name, value := range map[string]string{"package": m.pkg, "run": m.run, "why": m.why} {
		if value == "" {
			return fmt.Errorf("header %q is missing", name)
		}
	}
	if len(m.edits) == 0 {
		return errors.New("no hunk")
	}
	if _, err := regexp.Compile(m.run); err != nil {
		return fmt.Errorf("run: %w", err)
	}
	return nil
}
