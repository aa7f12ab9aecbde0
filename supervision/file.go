package supervision

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"

	"go.yaml.in/yaml/v3"
)

// FileLimit is the largest policy file, in bytes.
const FileLimit = 1 << 20

// ParsePolicies reads a policy file, in YAML:
//
//	default:
//	  attempts: 5
//	  backoff: {base: 100ms, factor: 4, max: 30s, jitter: 0.2}
//	  exhausted: store             # log, store or nack
//	  timeout: 30s
//	  max_deliveries: 20
//	  restarts: {max: 100, within: 1m}
//	  breaker: {failures: 0, open: 30s}
//	organs:
//	  mailer:
//	    attempts: 8
//	    exhausted: nack
//
// A field that an organ does not set is that of default:, and one not set there is that of
// Default. organs are the names the file may speak of. The Policies returned have no
// mistakes and all defaults filled; the Default of a file without default: is the zero Policy, which leaves it to others.
//
// Unknown organs and fields, values of a wrong type or out of range, fields set twice, an empty file
// and a second document are mistakes; so are aliases, since default: is what they are for. The error
// reports all of them in the order of the file, one to a line, with line number,
// field and value. A file that is no YAML at all is one mistake.
func ParsePolicies(r io.Reader, organs []string) (Policies, error) {
	return Policies{}.Parse(r, organs)
}

// Parse reads a policy file, as ParsePolicies does, over ps, the program's own policies: a field that the file
// does not set for an organ of ps.Organs is that of ps, and one not set in default: that of ps.Default. What
// default: says is for organs that are not in ps.Organs. ps itself is not changed.
func (ps Policies) Parse(r io.Reader, organs []string) (Policies, error) {
	data, err := io.ReadAll(io.LimitReader(r, FileLimit+1))
	if err != nil {
		return Policies{}, fmt.Errorf("policy file: %w", err)
	}
	if len(data) > FileLimit {
		return Policies{}, fmt.Errorf("policy file: larger than %d bytes", FileLimit)
	}
	var f file
	root, err := f.document(data)
	if err != nil {
		return Policies{}, fmt.Errorf("policy file: %w", err)
	}
	read := f.policies(root, organs, ps)
	if err := f.err(); err != nil {
		return Policies{}, err
	}
	return read, nil
}

// file collects the mistakes of one policy file.
type file struct{ mistakes []mistake }

type mistake struct {
	line int
	text string
}

func (f *file) mistake(line int, format string, args ...any) {
	f.mistakes = append(f.mistakes, mistake{line, fmt.Sprintf(format, args...)})
}

// err is all mistakes as one error, nil when there are none. They are found section by section,
// default: first, and told from top to bottom.
func (f *file) err() error {
	slices.SortStableFunc(f.mistakes, func(a, b mistake) int { return cmp.Compare(a.line, b.line) })
	errs := make([]error, len(f.mistakes))
	for i, m := range f.mistakes {
		errs[i] = fmt.Errorf("policy file, line %d: %s", m.line, m.text)
	}
	return errors.Join(errs...)
}

// document returns the node of the only document; nil when there is none. The error is
// that of text which is no YAML.
func (f *file) document(data []byte) (*yaml.Node, error) {
	decoder := yaml.NewDecoder(bytes.NewReader(data))
	var first, second yaml.Node
	err := decoder.Decode(&first)
	if errors.Is(err, io.EOF) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	switch err := decoder.Decode(&second); {
	case err == nil:
		f.mistake(second.Line, "a second document begins, want one")
	case !errors.Is(err, io.EOF):
		return nil, err
	}
	return first.Content[0], nil
}

func (f *file) policies(root *yaml.Node, organs []string, base Policies) Policies {
	if root == nil || root.ShortTag() == nullTag || root.Kind == yaml.MappingNode && len(root.Content) == 0 {
		f.mistake(1, "the file is empty, want default or organs")
		return Policies{}
	}
	parts := map[string]*yaml.Node{}
	for _, p := range f.pairs("the file", root) {
		if p.name != "default" && p.name != "organs" {
			f.mistake(p.line, "unknown field %q, want default or organs", clip(p.name))
		}
		parts[p.name] = p.value
	}
	common := section{file: f, title: "default", policy: Policies{Default: base.Default}.For("")}
	if n := parts["default"]; n != nil {
		common.read(n)
	}
	ps := Policies{Organs: map[string]Policy{}}
	if parts["default"] != nil || base.Default != (Policy{}) {
		ps.Default = common.policy
	}
	for name := range base.Organs {
		ps.Organs[name] = base.For(name)
	}
	if parts["organs"] == nil {
		return ps
	}
	for _, p := range f.pairs("organs", parts["organs"]) {
		if !slices.Contains(organs, p.name) {
			f.mistake(p.line, "unknown organ %q", clip(p.name))
		}
		own := section{file: f, title: fmt.Sprintf("organ %q", clip(p.name)), policy: common.policy, wrong: maps.Clone(common.wrong)}
		if _, ok := base.Organs[p.name]; ok {
			own.policy, own.wrong = base.For(p.name), nil
		}
		own.read(p.value)
		ps.Organs[p.name] = own.policy
	}
	return ps
}
