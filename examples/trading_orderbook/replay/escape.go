package replay

import (
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// string reads a string. Without escapes it is a part of the line.
func (s *scanner) string() ([]byte, bool) {
	if !s.take('"') {
		return nil, false
	}
	for i, c := range s.line[s.at:] {
		if c == '"' {
			plain := s.line[s.at : s.at+i]
			s.at += i + 1
			return plain, true
		}
		if c == '\\' {
			return s.escaped()
		}
		if c < ' ' {
			return nil, false
		}
	}
	return nil, false
}

func (s *scanner) escaped() ([]byte, bool) {
	from := len(s.plain)
	for s.at < len(s.line) {
		c := s.line[s.at]
		s.at++
		switch {
		case c == '"':
			return s.plain[from:], true
		case c < ' ':
			return nil, false
		case c != '\\':
			s.plain = append(s.plain, c)
		case !s.escape():
			return nil, false
		}
	}
	return nil, false
}

// escape reads what follows a backslash.
func (s *scanner) escape() bool {
	if s.at >= len(s.line) {
		return false
	}
	c := s.line[s.at]
	s.at++
	switch c {
	case '"', '\\', '/':
		s.plain = append(s.plain, c)
	case 'b':
		s.plain = append(s.plain, '\b')
	case 'f':
		s.plain = append(s.plain, '\f')
	case 'n':
		s.plain = append(s.plain, '\n')
	case 'r':
		s.plain = append(s.plain, '\r')
	case 't':
		s.plain = append(s.plain, '\t')
	case 'u':
		return s.unicode()
	default:
		return false
	}
	return true
}

// unicode reads the digits of \uXXXX, and of the second half of a pair.
func (s *scanner) unicode() bool {
	r, ok := s.hex()
	if !ok {
		return false
	}
	if utf16.IsSurrogate(r) {
		if !s.take('\\') || !s.take('u') {
			return false
		}
		low, ok := s.hex()
		if !ok {
			return false
		}
		if r = utf16.DecodeRune(r, low); r == utf8.RuneError {
			return false
		}
	}
	s.plain = utf8.AppendRune(s.plain, r)
	return true
}

func (s *scanner) hex() (rune, bool) {
	if s.at+4 > len(s.line) {
		return 0, false
	}
	n, err := strconv.ParseUint(string(s.line[s.at:s.at+4]), 16, 16)
	if err != nil {
		return 0, false
	}
	s.at += 4
	return rune(n), true
}
