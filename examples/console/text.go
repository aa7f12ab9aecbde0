package console

import (
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// Clip makes text from outside fit into n characters of one line.
func Clip(text string, n int) string {
	text = strings.Join(strings.Fields(Printable(text)), " ")
	if Length(text) <= n {
		return text
	}
	return strings.TrimSpace(string([]rune(text)[:n-1])) + "…"
}

// Printable replaces what a terminal would obey instead of show.
func Printable(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) || unicode.IsSpace(r) {
			return r
		}
		return '·'
	}, text)
}

// Length is that of text in characters.
func Length(text string) int { return utf8.RuneCountInString(text) }

// Plural is a count of things whose name takes an s.
func Plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return Grouped(n) + " " + what + "s"
}

// Times is a count of occasions.
func Times(n int) string {
	if n == 1 {
		return "once"
	}
	return Grouped(n) + " times"
}

// Grouped is a number with commas.
func Grouped(n int) string {
	text := strconv.Itoa(n)
	for i := len(text) - 3; i > 0 && text[i-1] != '-'; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}

// Short is a duration in a few characters.
func Short(d time.Duration) string {
	switch {
	case d < time.Millisecond:
		return fmt.Sprintf("%d µs", d.Microseconds())
	case d < time.Second:
		return fmt.Sprintf("%.1f ms", d.Seconds()*1000)
	default:
		return fmt.Sprintf("%.2f s", d.Seconds())
	}
}

// Wrap cuts text into lines of at most n characters, words that are longer excepted.
func Wrap(text string, n int) []string {
	var lines []string
	line := ""
	for word := range strings.FieldsSeq(Printable(text)) {
		if line != "" && Length(line)+1+Length(word) > n {
			lines, line = append(lines, line), ""
		}
		if line != "" {
			line += " "
		}
		line += word
	}
	return append(lines, line)
}
