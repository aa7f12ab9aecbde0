package supervision

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Limits of what a dead letter tells in text, in bytes.
const (
	ErrorLimit = 512
	StackLimit = 8 << 10
)

// ClipError returns an error's text fit for a list and a terminal: one line of at most ErrorLimit
// bytes. Control characters, ANSI escapes, direction marks and bytes that are no UTF-8 appear as
// Go would quote them, such as \x1b; what is cut off is replaced by "…".
func ClipError(text string) string { return harmless(text, ErrorLimit, "") }

// ClipStack is ClipError for a stack: at most StackLimit bytes, and its lines stay lines.
func ClipStack(text string) string { return harmless(text, StackLimit, "\n\t") }

const ellipsis = "…"

// harmless returns text in at most limit bytes, printable apart from the characters in keep. It
// looks at no more of text than fits.
func harmless(text string, limit int, keep string) string {
	var b strings.Builder
	cut := 0 // how much of b leaves room for the ellipsis
	for len(text) > 0 {
		r, size := utf8.DecodeRuneInString(text)
		piece := text[:size]
		if r == utf8.RuneError && size == 1 || !unicode.IsPrint(r) && !strings.ContainsRune(keep, r) {
			piece = strings.Trim(strconv.Quote(piece), `"`)
		}
		if b.Len()+len(piece) > limit {
			return b.String()[:cut] + ellipsis
		}
		b.WriteString(piece)
		if b.Len() <= limit-len(ellipsis) {
			cut = b.Len()
		}
		text = text[size:]
	}
	return b.String()
}

// clip shortens text from outside for an error message of our own, where %q quotes it.
func clip(text string) string {
	const most = 80
	if len(text) <= most {
		return text
	}
	return text[:most] + ellipsis
}
