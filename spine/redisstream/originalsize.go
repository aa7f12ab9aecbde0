package redisstream

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/necrostack/necrostack/actors"
)

const (
	// originalPayloadLimit is the largest payload the original's reader takes, in bytes of its own json.dumps.
	originalPayloadLimit = 1_000_000
	// originalGrowth is the most by which that can be longer than a payload here: a DEL becomes \u007f.
	originalGrowth = 6
)

func checkOriginalSize(ev actors.Event, payload []byte) error {
	if len(payload) <= originalPayloadLimit/originalGrowth {
		return nil
	}
	n := originalSize(payload)
	if n <= originalPayloadLimit {
		return nil
	}
	return fmt.Errorf("%w: %w", actors.ErrEncode, &actors.LimitError{
		What: "payload of " + ev.Type() + " in the original's form", Got: n, Limit: originalPayloadLimit, Unit: "bytes",
	})
}

// originalSize is the length of what json.dumps makes of a payload, which is JSON.
func originalSize(payload []byte) int {
	const separator = len(", ") // and of ": "
	d := json.NewDecoder(bytes.NewReader(payload))
	d.UseNumber()
	// There is a separator before every scalar and every empty array or object but the first. For one that is not
	// empty its first element has it.
	n, opened := -separator, false
	for {
		token, err := d.Token()
		if err != nil {
			return n
		}
		bracket, isBracket := token.(json.Delim)
		opens := bracket == '{' || bracket == '['
		switch {
		case !isBracket:
			n += separator + scalarSize(token)
		case opened && !opens:
			n += separator + 1
		default:
			n++
		}
		opened = opens
	}
}

func scalarSize(token json.Token) int {
	switch x := token.(type) {
	case string:
		return stringSize(x)
	case json.Number:
		return numberSize(x.String())
	case bool:
		return len(strconv.FormatBool(x))
	default:
		return len("null")
	}
}

// stringSize is the size of a string in ASCII.
func stringSize(s string) int {
	n := len(`""`)
	for _, r := range s {
		switch {
		case strings.ContainsRune("\"\\\b\f\n\r\t", r):
			n += 2
		case ' ' <= r && r <= '~':
			n++
		case r <= math.MaxUint16:
			n += len(`\u0000`)
		default:
			n += len(`\ud800\udc00`)
		}
	}
	return n
}

// numberSize is the size of an integer as it stands, and of what Python's repr makes of any other number.
func numberSize(s string) int {
	if !strings.ContainsAny(s, ".eE") {
		return len(s)
	}
	f, _ := strconv.ParseFloat(s, 64) // an infinity where it is too large
	switch {
	case math.IsInf(f, 1):
		return len("Infinity")
	case math.IsInf(f, -1):
		return len("-Infinity")
	}
	if size := math.Abs(f); size != 0 && (size < 1e-4 || size >= 1e16) {
		return len(strconv.FormatFloat(f, 'e', -1, 64))
	}
	digits := strconv.FormatFloat(f, 'f', -1, 64)
	if strings.Contains(digits, ".") {
		return len(digits)
	}
	return len(digits) + len(".0")
}
