package actors

import (
	"bytes"
	"errors"
	"fmt"
)

// ErrMutated reports, in checking mode, a handler that changed its payload. It is permanent.
var ErrMutated = errors.New("actors: the handler changed its payload")

// handleTyped decodes ev and calls f, in checking mode under a seal.
func handleTyped[P Payload](ev Event, f func(EventOf[P]) ([]Payload, error)) ([]Payload, error) {
	p, err := Decode[P](ev)
	if err != nil {
		return nil, err
	}
	if !ev.r.checked {
		return f(EventOf[P]{ev, p})
	}
	s := sealOf(ev.Type(), p)
	out, err := f(EventOf[P]{ev, p})
	if broken := s.broken(); broken != nil {
		return nil, broken
	}
	return out, err
}

// handleAny calls f, in checking mode with bytes of its own.
func handleAny(ev Event, f func(Event) ([]Payload, error)) ([]Payload, error) {
	if !ev.r.checked {
		return f(ev)
	}
	own := Event{ev.r.clone()}
	b := *ev.r.encoded()
	before := b.data
	b.data = bytes.Clone(before)
	own.r.body.Store(&b)
	out, err := f(own)
	if !bytes.Equal(before, b.data) {
		return nil, mutated(ev.Type(), before, b.data)
	}
	return out, err
}

// seal remembers what a payload encoded to before it was handed out. The zero seal is never broken.
type seal struct {
	typ    string
	p      Payload
	before []byte
}

func sealOf(typ string, p Payload) seal { return seal{typ, p, encode(typ, p).data} }

// broken reports a payload that encodes differently by now.
func (s seal) broken() error {
	if s.p == nil {
		return nil
	}
	after := encode(s.typ, s.p).data
	if bytes.Equal(s.before, after) {
		return nil
	}
	return mutated(s.typ, s.before, after)
}

func mutated(typ string, before, after []byte) error {
	return Permanent(fmt.Errorf("%w: %s was %q and is %q", ErrMutated, typ, clip(string(before)), clip(string(after))))
}
