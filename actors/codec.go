package actors

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
)

// Encoding says how a payload's bytes are to be read.
type Encoding uint8

// The two encodings of a payload.
const (
	JSON     Encoding = iota // a JSON object
	Protobuf                 // a protobuf message in binary form
)

// ErrEncode reports a payload that has no bytes: it does not encode, or not to a JSON object.
var ErrEncode = errors.New("actors: payload does not encode")

// body is a payload's encoding, or why there is none.
type body struct {
	data     []byte
	encoding Encoding
	err      error
	ready    chan struct{} // closed when the rest is set; nil: it always was
}

// Data returns the encoded payload, which must not be changed, and its encoding. It is
// made at the first call, once, whoever asks; the error wraps ErrEncode.
func (e Event) Data() ([]byte, Encoding, error) {
	b := e.r.encoded()
	return b.data, b.encoding, b.err
}

func (r *record) encoded() *body {
	if b := r.body.Load(); b != nil {
		return b.wait()
	}
	// Two organs may ask at the same time; the second waits for the first.
	b := &body{ready: make(chan struct{}), err: errEncoderPanicked}
	if !r.body.CompareAndSwap(nil, b) {
		return r.body.Load().wait()
	}
	defer close(b.ready)
	x := encode(r.typ, r.payload)
	b.data, b.encoding, b.err = x.data, x.encoding, x.err
	return b
}

// errEncoderPanicked is what the others get when the payload's own encoder has panicked.
var errEncoderPanicked = fmt.Errorf("%w: its encoder panicked", ErrEncode)

// wait waits until the body is made.
func (b *body) wait() *body {
	if b.ready != nil {
		<-b.ready
	}
	return b
}

// made reports whether the body is made, without waiting.
func (b *body) made() bool {
	if b.ready == nil {
		return true
	}
	select {
	case <-b.ready:
		return true
	default:
		return false
	}
}

func encode(typ string, p Payload) *body {
	if m, ok := p.(proto.Message); ok {
		data, err := proto.MarshalOptions{Deterministic: true}.Marshal(m)
		if err != nil {
			return &body{err: fmt.Errorf("%w: %s: %w", ErrEncode, typ, err)}
		}
		return &body{data: data, encoding: Protobuf}
	}
	data, err := json.Marshal(p)
	if err != nil {
		return &body{err: fmt.Errorf("%w: %s: %w", ErrEncode, typ, err)}
	}
	if err := checkObject(data); err != nil {
		return &body{err: fmt.Errorf("%w: %s: %w", ErrEncode, typ, err)}
	}
	return &body{data: data}
}

func checkObject(data []byte) error {
	t := bytes.TrimLeft(data, " \t\r\n")
	if len(t) == 0 || t[0] != '{' {
		return fmt.Errorf("payload %q is not a JSON object", clip(string(t)))
	}
	return nil
}

// Decode returns the payload of e as P. A payload published in this process comes back
// as the value it was; otherwise its bytes are decoded, after the upcasts P declares, and
// Validate is called. Errors are of kind undecodable or invalid and are permanent. Unknown
// fields are ignored.
func Decode[P Payload](e Event) (P, error) {
	if e.r.checked {
		return decodeBytes[P](e)
	}
	if p, ok := e.r.payload.(P); ok {
		return p, nil
	}
	if p, ok := sameValue[P](e.r.payload); ok {
		return p, nil
	}
	return decodeBytes[P](e)
}

// sameValue finds P in what was published as *P, or by value where P is a pointer.
func sameValue[P Payload](payload Payload) (p P, ok bool) {
	if payload == nil {
		return p, false
	}
	v, want := reflect.ValueOf(payload), reflect.TypeFor[P]()
	switch {
	case v.Kind() == reflect.Pointer && v.Type().Elem() == want:
		p, ok = v.Elem().Interface().(P)
	case want.Kind() == reflect.Pointer && want.Elem() == v.Type():
		fresh := reflect.New(v.Type())
		fresh.Elem().Set(v)
		p, ok = fresh.Interface().(P)
	}
	return p, ok
}

func decodeBytes[P Payload](e Event) (P, error) {
	var p P
	b := e.r.encoded()
	if b.err != nil {
		return p, OfKind(KindUndecodable, b.err)
	}
	data, err := upcast(zeroOf[P](), e.r.typ, b)
	if err != nil {
		return p, OfKind(KindUndecodable, fmt.Errorf("upcast %s: %w", e.r.typ, err))
	}
	if err := unmarshal(data, b.encoding, &p); err != nil {
		return p, OfKind(KindUndecodable, fmt.Errorf("decode %s into %T: %w", e.r.typ, p, err))
	}
	return p, validate(e.r.typ, p)
}

// validate asks a payload that can be wrong.
func validate(typ string, p Payload) error {
	v, ok := p.(Validator)
	if !ok {
		return nil
	}
	if err := v.Validate(); err != nil {
		return OfKind(KindInvalid, fmt.Errorf("invalid %s: %w", typ, err))
	}
	return nil
}

// unmarshal decodes data into *p, making the message when P is a pointer to one.
func unmarshal[P any](data []byte, encoding Encoding, p *P) error {
	if t := reflect.TypeFor[P](); t.Kind() == reflect.Pointer {
		fresh := reflect.New(t.Elem())
		*p = fresh.Interface().(P)
	}
	message, isProto := any(*p).(proto.Message)
	if err := checkMessage(*p); err != nil {
		return err
	}
	switch {
	case isProto && encoding == Protobuf:
		return proto.Unmarshal(data, message)
	case isProto:
		return protojson.UnmarshalOptions{DiscardUnknown: true}.Unmarshal(data, message)
	case encoding == Protobuf:
		return errors.New("the payload is a protobuf message, the Go type is not")
	}
	return json.Unmarshal(data, p)
}

// checkMessage refuses a type that is a protobuf message only through a nil pointer inside
// of it: nothing can be decoded into that.
func checkMessage(p any) error {
	if m, ok := p.(proto.Message); ok && !m.ProtoReflect().IsValid() {
		return fmt.Errorf("%T embeds a pointer to a protobuf message: embed the message itself, and use a pointer to the whole as the payload", p)
	}
	return nil
}

// jsonBody returns the payload as a JSON object, whatever its encoding.
func (r *record) jsonBody() (json.RawMessage, error) {
	b := r.encoded()
	if b.err != nil {
		return nil, b.err
	}
	if b.encoding == JSON {
		return b.data, nil
	}
	m, ok := r.payload.(proto.Message)
	if !ok {
		return nil, fmt.Errorf("%w: %s is a protobuf message whose Go type is not known here", ErrEncode, r.typ)
	}
	// From the bytes, so that both forms of an event say the same whatever has become of
	// the Go value.
	fresh := m.ProtoReflect().New().Interface()
	if err := proto.Unmarshal(b.data, fresh); err != nil {
		return nil, fmt.Errorf("%w: %s: %w", ErrEncode, r.typ, err)
	}
	data, err := protojson.Marshal(fresh)
	if err != nil {
		return nil, fmt.Errorf("%w: %s: %w", ErrEncode, r.typ, err)
	}
	return data, nil
}

// Raw is a payload known by name and bytes only: for tools, imports and tests. Data must be a
// JSON object.
type Raw struct {
	Type string
	Data json.RawMessage
}

// EventType is Type.
func (r Raw) EventType() string { return r.Type }

// MarshalJSON returns Data.
func (r Raw) MarshalJSON() ([]byte, error) {
	if len(r.Data) == 0 {
		return []byte("{}"), nil
	}
	return r.Data, nil
}
