package supervision

import "fmt"

// Strategy is what happens to an event when an organ's attempts at it are used up. The zero
// Strategy is invalid: what becomes of a failed event has to be said.
type Strategy uint8

// The strategies, in their text "log", "store" and "nack".
const (
	Log   Strategy = iota + 1 // write a line and forget the event
	Store                     // keep the event as a dead letter
	Nack                      // deliver it again, slowly, up to MaxDeliveries; then as Store
)

var strategyNames = [...]string{Log: "log", Store: "store", Nack: "nack"}

// String returns "log", "store" or "nack".
func (s Strategy) String() string {
	if s.valid() {
		return strategyNames[s]
	}
	return fmt.Sprintf("strategy(%d)", uint8(s))
}

// ParseStrategy is the inverse of Strategy.String.
func ParseStrategy(text string) (Strategy, error) {
	for s := Log; s <= Nack; s++ {
		if text == s.String() {
			return s, nil
		}
	}
	return 0, fmt.Errorf("strategy is %q, want %s", clip(text), anyStrategy)
}

const anyStrategy = "log, store or nack"

// MarshalText implements encoding.TextMarshaler; an invalid Strategy is an error.
func (s Strategy) MarshalText() ([]byte, error) {
	if !s.valid() {
		return nil, fmt.Errorf("strategy is %q, want %s", s, anyStrategy)
	}
	return []byte(s.String()), nil
}

// UnmarshalText implements encoding.TextUnmarshaler; see ParseStrategy.
func (s *Strategy) UnmarshalText(text []byte) error {
	parsed, err := ParseStrategy(string(text))
	if err != nil {
		return err
	}
	*s = parsed
	return nil
}

func (s Strategy) valid() bool { return s >= Log && s <= Nack }
