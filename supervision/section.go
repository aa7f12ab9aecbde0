package supervision

import (
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// section is one policy of a file while it is being read.
type section struct {
	*file
	title  string
	policy Policy          // starts as what it inherits
	lines  map[string]int  // where the fields set here stand, by title
	wrong  map[string]bool // the fields without a usable value, here or inherited
}

func (s *section) read(n *yaml.Node) {
	s.lines = map[string]int{}
	if s.wrong == nil {
		s.wrong = map[string]bool{}
	}
	s.group("", n)
	for _, r := range relations {
		// What was inherited has been judged where it stands.
		if !touches(r, s.lines) || touches(r, s.wrong) {
			continue
		}
		if text := r.fault(s.policy); text != "" {
			s.mistake(s.last(r), "%s: %s", s.title, text)
		}
	}
}

// last is the line of the relation's field that was set last.
func (s *section) last(r relation) int {
	line := 0
	for _, title := range r.titles {
		line = max(line, s.lines[title])
	}
	return line
}

// group reads the fields of one mapping: the section's own, or those of backoff and the like.
func (s *section) group(name string, n *yaml.Node) {
	title := s.title
	if name != "" {
		title += ": " + name
	}
	for _, p := range s.pairs(title, n) {
		i := slices.IndexFunc(fields, func(f field) bool { return f.group == name && f.name == p.name })
		switch {
		case i >= 0:
			s.set(fields[i], p)
		case name == "" && slices.Contains(names(""), p.name):
			s.group(p.name, p.value)
		default:
			s.mistake(p.line, "%s: unknown field %q, want %s", title, clip(p.name), strings.Join(names(name), ", "))
		}
	}
}

// set gives a field its value.
func (s *section) set(f field, p pair) {
	s.lines[f.title()] = p.line
	if p.value.Kind == yaml.ScalarNode && f.read(&s.policy, p.value.ShortTag(), p.value.Value) {
		delete(s.wrong, f.title())
		return
	}
	s.wrong[f.title()] = true
	s.mistake(p.value.Line, "%s: %s is %s, want %s", s.title, f.title(), describe(p.value), f.want)
}

// names lists what may stand in a mapping: the fields of a group, or, for "", the fields without a
// group and the groups, in the order of the table.
func names(group string) []string {
	var list []string
	for _, f := range fields {
		switch {
		case f.group == group:
			list = append(list, f.name)
		case group == "" && !slices.Contains(list, f.group):
			list = append(list, f.group)
		}
	}
	return list
}

// pair is one entry of a mapping.
type pair struct {
	name  string
	line  int
	value *yaml.Node
}

// pairs returns the entries of a mapping with their first values; title says whose it is.
func (f *file) pairs(title string, n *yaml.Node) []pair {
	if n.Kind != yaml.MappingNode {
		f.mistake(n.Line, "%s is %s, want a mapping", title, describe(n))
		return nil
	}
	lines := make(map[string]int, len(n.Content)/2)
	entries := make([]pair, 0, len(n.Content)/2)
	for i := 0; i < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		if key.Kind != yaml.ScalarNode {
			f.mistake(key.Line, "%s has a field whose name is %s, want text", title, describe(key))
			continue
		}
		if line, twice := lines[key.Value]; twice {
			f.mistake(key.Line, "%s has %q twice, first in line %d", title, clip(key.Value), line)
			continue
		}
		lines[key.Value] = key.Line
		entries = append(entries, pair{key.Value, key.Line, value})
	}
	return entries
}

const nullTag = "!!null"

// describe names a node in an error.
func describe(n *yaml.Node) string {
	switch {
	case n.Kind == yaml.MappingNode:
		return "a mapping"
	case n.Kind == yaml.SequenceNode:
		return "a list"
	case n.Kind == yaml.AliasNode:
		return fmt.Sprintf("the alias %q", clip(n.Value))
	case n.ShortTag() == nullTag:
		return "empty"
	case n.Style&(yaml.SingleQuotedStyle|yaml.DoubleQuotedStyle) != 0:
		return fmt.Sprintf("the text %q", clip(n.Value))
	default:
		return fmt.Sprintf("%q", clip(n.Value))
	}
}
