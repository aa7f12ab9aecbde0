package actors

import (
	"fmt"
	"reflect"
	"sync"
)

// payloadType is what a payload's Go type tells once and for all.
type payloadType struct {
	pointer bool  // its values may be nil
	err     error // why no payload may be of this type
}

var payloadTypes sync.Map // reflect.Type to *payloadType; as many as the program has types

func payloadTypeOf(t reflect.Type) *payloadType {
	if known, ok := payloadTypes.Load(t); ok {
		return known.(*payloadType)
	}
	known, _ := payloadTypes.LoadOrStore(t, &payloadType{
		pointer: t.Kind() == reflect.Pointer,
		err:     checkReceivers(t),
	})
	return known.(*payloadType)
}

// optional are the interfaces a payload may implement besides Payload, and their methods.
var optional = map[string]reflect.Type{
	"EventKey":     reflect.TypeFor[KeyedPayload](),
	"EventHistory": reflect.TypeFor[Evolving](),
	"Validate":     reflect.TypeFor[Validator](),
}

// checkReceivers refuses a payload that travels by value but has one of the optional
// methods on its pointer: nobody would ever call it, and nothing would tell.
func checkReceivers(t reflect.Type) error {
	if t.Kind() == reflect.Pointer || t.Kind() == reflect.Interface {
		return nil
	}
	for method, face := range optional {
		if !t.Implements(face) && reflect.PointerTo(t).Implements(face) {
			return fmt.Errorf("%s has %s on its pointer, where it would not be called: give it a value receiver, or use *%[1]s as the payload", t, method)
		}
	}
	return nil
}

// zeroOf is the zero payload: for a pointer type a new element, so that methods may be called.
func zeroOf[P any]() Payload {
	t := reflect.TypeFor[P]()
	var v any
	if t.Kind() == reflect.Pointer {
		v = reflect.New(t.Elem()).Interface()
	} else {
		v = reflect.Zero(t).Interface()
	}
	p, _ := v.(Payload)
	return p
}

// typesOf lists the event types a payload type is read from: its own first, then those of
// its history.
func typesOf[P Payload]() (types []string, err error) {
	t := reflect.TypeFor[P]()
	defer func() {
		if v := recover(); v != nil {
			types, err = nil, fmt.Errorf("%s: EventType or EventHistory panics on the zero value: %v", t, v)
		}
	}()
	if t.Kind() == reflect.Interface {
		return nil, fmt.Errorf("%s is an interface; react to a concrete payload, or use OnAny", t)
	}
	if err := payloadTypeOf(t).err; err != nil {
		return nil, err
	}
	zero := zeroOf[P]()
	typ := zero.EventType()
	if err := CheckName("event type", typ); err != nil {
		return nil, fmt.Errorf("%s: %w", t, err)
	}
	if err := checkMessage(zero); err != nil {
		return nil, err
	}
	if err := checkEmbedded(reflect.TypeOf(zero), typ); err != nil {
		return nil, err
	}
	types = []string{typ}
	if e, ok := zero.(Evolving); ok {
		for _, past := range e.EventHistory() {
			if past.from != typ {
				types = append(types, past.from)
			}
		}
	}
	return types, nil
}

// checkEmbedded refuses a payload that embeds another and so answers with its type: two
// Go types under one name, by accident.
func checkEmbedded(t reflect.Type, typ string) error {
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t.Kind() != reflect.Struct {
		return nil
	}
	for i := range t.NumField() {
		f := t.Field(i)
		if !f.Anonymous {
			continue
		}
		inner, ok := newOf(f.Type).(Payload)
		if ok && inner.EventType() == typ {
			return fmt.Errorf("%s embeds %s and returns its type %q: give it an EventType of its own", t, f.Type, typ)
		}
	}
	return nil
}

// newOf is a pointer to a zero t, or to what t points to: it has the methods of both.
func newOf(t reflect.Type) any {
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	return reflect.New(t).Interface()
}
