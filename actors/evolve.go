package actors

import (
	"bytes"
	"encoding/json"
	"errors"
)

// Evolving is implemented by payload types with a past: the event types they were
// published under before, and how to read what was written then. An organ that
// listens to the type also gets those.
type Evolving interface {
	EventHistory() []Past
}

// Past is one earlier event type of a payload; see Alias and Upcast.
type Past struct {
	from string
	up   func(json.RawMessage) (json.RawMessage, error)
}

// Alias says that events of type from have the same payload under an older name.
func Alias(from string) Past { return Past{from: from} }

// Upcast says that events of type from are read as up makes of their JSON. from may be the
// present event type; up then sees every payload that arrives as bytes, and must leave
// present ones alone.
func Upcast(from string, up func(json.RawMessage) (json.RawMessage, error)) Past {
	return Past{from: from, up: up}
}

var errUpcastProto = errors.New("upcasts read JSON, the payload is a protobuf message")

// upcast returns b's payload as the type of zero reads it.
func upcast(zero Payload, typ string, b *body) ([]byte, error) {
	ev, ok := zero.(Evolving)
	if !ok {
		return b.data, nil
	}
	for _, past := range ev.EventHistory() {
		if past.from != typ || past.up == nil {
			continue
		}
		if b.encoding != JSON {
			return nil, errUpcastProto
		}
		data, err := past.up(bytes.Clone(b.data)) // an upcast may edit in place; the bytes are everybody's
		if err != nil {
			return nil, err
		}
		return data, checkObject(data)
	}
	return b.data, nil
}
