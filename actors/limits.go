package actors

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
)

// Limits bounds what one event may carry. The zero value of a field means its default.
type Limits struct {
	// Payload is the largest encoded payload, in bytes. Default 1,000,000.
	Payload int
	// Envelope is the largest encoding of everything around the payload, in bytes. Default 16 KiB.
	Envelope int
	// Hops is the longest chain of emissions. Default 64.
	Hops int
}

// Defaults of Limits, and the limits that are part of the wire format and not settable.
const (
	DefaultPayloadLimit  = 1_000_000
	DefaultEnvelopeLimit = 16 << 10
	DefaultHopLimit      = 64

	NameLimit      = 256     // bytes of an event type, key, organ or service name
	MetaCountLimit = 16      // metadata strings of an event, without the replay_of of a replay
	MetaSizeLimit  = 1 << 10 // bytes of all metadata names and values
)

// WithDefaults returns l with its zero fields filled.
func (l Limits) WithDefaults() Limits {
	if l.Payload == 0 {
		l.Payload = DefaultPayloadLimit
	}
	if l.Envelope == 0 {
		l.Envelope = DefaultEnvelopeLimit
	}
	if l.Hops == 0 {
		l.Hops = DefaultHopLimit
	}
	return l
}

// LimitError reports that something is larger than its limit.
type LimitError struct {
	What  string // "payload", "envelope", "key", …
	Got   int    // in Unit
	Limit int
	Unit  string // "bytes", "events", …
}

func (e *LimitError) Error() string {
	return fmt.Sprintf("actors: %s has %d %s, the limit is %d", e.What, e.Got, e.Unit, e.Limit)
}

// ErrName reports a name that is empty or has characters outside the safe set. It comes wrapped by what the name is for.
var ErrName = errors.New("unsafe name")

// CheckName reports whether s may name a thing (an organ, a service, an event type, a
// key): 1 to 256 bytes of printable ASCII without space and without " \ ` { } |. The set
// is what can stand in a log line, a Redis key and a shell without quoting. The error
// wraps ErrName, or is a *LimitError, and names what and s.
func CheckName(what, s string) error {
	if len(s) > NameLimit {
		return &LimitError{What: what, Got: len(s), Limit: NameLimit, Unit: "bytes"}
	}
	if strings.TrimSpace(s) == "" {
		return fmt.Errorf("%w: %s is empty: %q", ErrName, what, s)
	}
	for i := range len(s) {
		if !safe[s[i]] {
			r, _ := utf8.DecodeRuneInString(s[i:])
			return fmt.Errorf("%w: %s %q has the character %q", ErrName, what, clip(s), r)
		}
	}
	return nil
}

var safe = func() (t [256]bool) {
	for c := '!'; c <= '~'; c++ {
		t[c] = !strings.ContainsRune("\"\\`{}|", c)
	}
	return t
}()

// clip shortens text from outside for an error message.
func clip(s string) string {
	const most = 80
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + "…"
}
