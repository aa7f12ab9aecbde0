package replay

import "bytes"

// maxDepth bounds arrays and objects within each other. A command has none; the
// bound keeps a hostile line from growing the stack.
const maxDepth = 32

// kind is what a JSON value is, as far as a command cares.
type kind uint8

const (
	absent  kind = iota // the key is not there
	null                // means the same as absent
	text                // a string
	integer             // a number without point and exponent
	other               // a float, a boolean, an array or an object
)

// value is one JSON value. Its text is the unescaped string or the number as
// written; it points into the line or the scanner's memory and is valid until
// the next line.
type value struct {
	kind kind
	text []byte
}

func (v value) given() bool { return v.kind > null }

// scanner reads the JSON of one line. It is strict: what RFC 8259 leaves to the
// reader (invalid UTF-8, lone surrogates) is refused, since two different ids
// must never become the same one.
type scanner struct {
	line  []byte
	at    int
	plain []byte // strings that had escapes, one after the other
}

func (s *scanner) reset(line []byte) {
	s.line, s.at, s.plain = line, 0, s.plain[:0]
}

func (s *scanner) space() {
	for s.at < len(s.line) && isSpace(s.line[s.at]) {
		s.at++
	}
}

func isSpace(c byte) bool { return c == ' ' || c == '\t' || c == '\n' || c == '\r' }

// take consumes c if it comes next.
func (s *scanner) take(c byte) bool {
	if s.at < len(s.line) && s.line[s.at] == c {
		s.at++
		return true
	}
	return false
}

func (s *scanner) word(w string) bool {
	if !bytes.HasPrefix(s.line[s.at:], []byte(w)) {
		return false
	}
	s.at += len(w)
	return true
}

// value reads any value that stands at depth.
func (s *scanner) value(depth int) (value, bool) {
	if s.at >= len(s.line) {
		return value{}, false
	}
	switch c := s.line[s.at]; {
	case c == '"':
		t, ok := s.string()
		return value{kind: text, text: t}, ok
	case c == '-' || isDigit(c):
		return s.number()
	case c == 'n':
		return value{kind: null}, s.word("null")
	case c == 't':
		return value{kind: other}, s.word("true")
	case c == 'f':
		return value{kind: other}, s.word("false")
	case c == '{':
		return value{kind: other}, s.object(depth, ignore)
	case c == '[':
		return value{kind: other}, s.array(depth)
	default:
		return value{}, false
	}
}

// ignore is the member function for objects within a command.
func ignore([]byte, value) bool { return true }

// object reads an object and gives each member to member, whose false ends it.
func (s *scanner) object(depth int, member func(key []byte, v value) bool) bool {
	if depth >= maxDepth || !s.take('{') {
		return false
	}
	s.space()
	if s.take('}') {
		return true
	}
	for {
		s.space()
		if !s.member(depth, member) {
			return false
		}
		s.space()
		if s.take('}') {
			return true
		}
		if !s.take(',') {
			return false
		}
	}
}

func (s *scanner) member(depth int, member func(key []byte, v value) bool) bool {
	key, ok := s.string()
	if !ok {
		return false
	}
	s.space()
	if !s.take(':') {
		return false
	}
	s.space()
	v, ok := s.value(depth + 1)
	return ok && member(key, v)
}

func (s *scanner) array(depth int) bool {
	if depth >= maxDepth || !s.take('[') {
		return false
	}
	s.space()
	if s.take(']') {
		return true
	}
	for {
		s.space()
		if _, ok := s.value(depth + 1); !ok {
			return false
		}
		s.space()
		if s.take(']') {
			return true
		}
		if !s.take(',') {
			return false
		}
	}
}

func (s *scanner) number() (value, bool) {
	from := s.at
	s.take('-')
	if !s.take('0') && !s.digits() {
		return value{}, false
	}
	found := integer
	if s.take('.') {
		found = other
		if !s.digits() {
			return value{}, false
		}
	}
	if s.take('e') || s.take('E') {
		found = other
		if !s.take('+') {
			s.take('-')
		}
		if !s.digits() {
			return value{}, false
		}
	}
	return value{kind: found, text: s.line[from:s.at]}, true
}

// digits reads at least one.
func (s *scanner) digits() bool {
	from := s.at
	for s.at < len(s.line) && isDigit(s.line[s.at]) {
		s.at++
	}
	return s.at > from
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }
