package main

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/necrostack/necrostack/examples/console"
)

// row is one row of an input file, not yet read, or what stands there instead of one.
type row struct {
	line int // on which it begins, from 1
	text []byte
	bad  error // why it is no row
}

// What can be wrong with the form of a row.
var (
	errOpenRow   = errors.New("the object does not end")
	errNoObject  = errors.New("this is no object")
	errOpenList  = errors.New("the list does not end")
	errAfterList = errors.New("the list ends here, and nothing after it was read")
)

// rowSplitter cuts a list of JSON objects into rows without reading them, so that a broken one costs
// no other. It relies on two things that JSON promises: a string ends on the line on which it begins,
// and no object begins inside another but after a colon or a bracket.
type rowSplitter struct {
	data []byte
	at   int
	line int
}

// next returns the next row; ok is false at the end of the list or of the data.
func (s *rowSplitter) next() (r row, ok bool) {
	s.skip(" \t\r\n,")
	if s.at == len(s.data) || s.data[s.at] == ']' {
		return row{}, false
	}
	r.line = s.line
	begin := s.at
	if s.data[s.at] != '{' {
		s.until("{]\n")
		r.bad = errNoObject
	} else if !s.object() {
		r.bad = errOpenRow
	}
	r.text = bytes.TrimRight(s.data[begin:s.at], " \t\r\n,")
	s.line += bytes.Count(s.data[begin:s.at], []byte{'\n'})
	return r, true
}

func (s *rowSplitter) skip(blanks string) {
	for s.at < len(s.data) && bytes.IndexByte([]byte(blanks), s.data[s.at]) >= 0 {
		if s.data[s.at] == '\n' {
			s.line++
		}
		s.at++
	}
}

func (s *rowSplitter) until(ends string) {
	if i := bytes.IndexAny(s.data[s.at:], ends); i >= 0 {
		s.at += i
		return
	}
	s.at = len(s.data)
}

// object goes behind the object that begins here, or, where that does not end, to the beginning of the
// next one or the end of the data.
func (s *rowSplitter) object() bool {
	depth, last := 0, byte(':')
	for s.at < len(s.data) {
		c := s.data[s.at]
		switch c {
		case '{', '[':
			if c == '{' && last != ':' && last != '[' {
				return false
			}
			depth++
		case '}', ']':
			depth--
		case '"':
			s.text()
		}
		s.at++
		if depth == 0 {
			return true
		}
		if c != ' ' && c != '\t' && c != '\r' && c != '\n' {
			last = c
		}
	}
	return false
}

// text goes to the end of the string that begins here: its quote, or the last byte of its line.
func (s *rowSplitter) text() {
	for s.at+1 < len(s.data) && s.data[s.at+1] != '\n' {
		s.at++
		switch s.data[s.at] {
		case '"':
			return
		case '\\':
			s.at = min(s.at+1, len(s.data)-1)
		}
	}
}

const listForms = `want a list of orders, or {"orders": [...]}`

// splitList cuts a file that holds a list into its rows.
func splitList(data []byte) ([]row, error) {
	s := rowSplitter{data: data, line: 1}
	if err := s.open(); err != nil {
		return nil, fmt.Errorf("line %d: %w", s.line, err)
	}
	var rows []row
	for r, ok := s.next(); ok; r, ok = s.next() {
		rows = append(rows, r)
	}
	switch {
	case s.at == len(s.data):
		rows = append(rows, row{line: s.line, bad: errOpenList})
	case len(bytes.Trim(s.data[s.at+1:], " \t\r\n}")) > 0:
		rows = append(rows, row{line: s.line, text: bytes.TrimSpace(s.data[s.at+1:]), bad: errAfterList})
	}
	return rows, nil
}

// open goes behind the bracket with which the list begins.
func (s *rowSplitter) open() error {
	s.skip(" \t\r\n")
	if bytes.HasPrefix(s.data[s.at:], []byte("{")) {
		s.at++
		s.skip(" \t\r\n")
		name, isOrders := bytes.CutPrefix(s.data[s.at:], []byte(`"orders"`))
		if !isOrders {
			return fmt.Errorf("an object without orders, %s", listForms)
		}
		s.at = len(s.data) - len(name)
		s.skip(" \t\r\n:")
	}
	switch {
	case s.at == len(s.data):
		return fmt.Errorf("the file ends here, %s", listForms)
	case s.data[s.at] != '[':
		return fmt.Errorf("%q, %s", console.Clip(string(s.data[s.at:min(s.at+20, len(s.data))]), 20), listForms)
	}
	s.at++
	return nil
}

// splitLines cuts a file of one object per line; blank lines are passed over.
func splitLines(data []byte) []row {
	var rows []row
	line := 0
	for text := range bytes.Lines(data) {
		line++
		if text = bytes.TrimSpace(text); len(text) > 0 {
			rows = append(rows, row{line: line, text: text})
		}
	}
	return rows
}
