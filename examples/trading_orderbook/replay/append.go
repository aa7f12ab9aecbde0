package replay

import (
	"strconv"
)

const hexDigits = "0123456789abcdef"

// appendText appends s as a JSON string. Valid UTF-8 stays as it is; only what
// JSON demands is escaped.
func appendText[T string | []byte](to []byte, s T) []byte {
	to = append(to, '"')
	from := 0
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c >= ' ' && c != '"' && c != '\\' {
			continue
		}
		to = append(to, s[from:i]...)
		to = appendEscape(to, c)
		from = i + 1
	}
	to = append(to, s[from:]...)
	return append(to, '"')
}

func appendEscape(to []byte, c byte) []byte {
	switch c {
	case '"', '\\':
		return append(to, '\\', c)
	case '\b':
		return append(to, `\b`...)
	case '\f':
		return append(to, `\f`...)
	case '\n':
		return append(to, `\n`...)
	case '\r':
		return append(to, `\r`...)
	case '\t':
		return append(to, `\t`...)
	default:
		return append(to, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
	}
}

// member appends a comma, the key and its colon.
func member(to []byte, key string) []byte {
	to = append(to, ',', '"')
	to = append(to, key...)
	return append(to, '"', ':')
}

func textMember[T string | []byte](to []byte, key string, s T) []byte {
	return appendText(member(to, key), s)
}

func intMember(to []byte, key string, n int64) []byte {
	return appendInt(member(to, key), n)
}

func appendInt(to []byte, n int64) []byte { return strconv.AppendInt(to, n, 10) }
