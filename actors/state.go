package actors

import (
	"encoding"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"

	"google.golang.org/protobuf/proto"
)

// stateCodec turns a state into bytes and back into a fresh state.
type stateCodec[S any] struct {
	marshal   func(*S) ([]byte, error)
	unmarshal func([]byte, *S) error
}

func codecOf[S any]() (stateCodec[S], error) {
	_, canWrite := any((*S)(nil)).(encoding.BinaryMarshaler)
	_, canRead := any((*S)(nil)).(encoding.BinaryUnmarshaler)
	switch {
	case canWrite && canRead:
		return stateCodec[S]{
			marshal:   func(s *S) ([]byte, error) { return any(s).(encoding.BinaryMarshaler).MarshalBinary() },
			unmarshal: func(b []byte, s *S) error { return any(s).(encoding.BinaryUnmarshaler).UnmarshalBinary(b) },
		}, nil
	case canWrite != canRead:
		return stateCodec[S]{}, fmt.Errorf("state %s has only one of MarshalBinary and UnmarshalBinary", reflect.TypeFor[S]())
	}
	if _, ok := any((*S)(nil)).(proto.Message); ok {
		return stateCodec[S]{
			marshal: func(s *S) ([]byte, error) {
				return proto.MarshalOptions{Deterministic: true}.Marshal(any(s).(proto.Message))
			},
			unmarshal: func(b []byte, s *S) error { return proto.Unmarshal(b, any(s).(proto.Message)) },
		}, nil
	}
	if err := (stateCheck{}).value(reflect.TypeFor[S](), true); err != nil {
		return stateCodec[S]{}, fmt.Errorf("%w; or give the state MarshalBinary and UnmarshalBinary", err)
	}
	return stateCodec[S]{
		marshal:   func(s *S) ([]byte, error) { return json.Marshal(s) },
		unmarshal: unmarshalJSONState[S],
	}, nil
}

// stateCheck finds the part of a type that JSON would lose, change or refuse. Its keys are the
// types it has seen, so that a type may contain itself.
type stateCheck map[seenType]bool

type seenType struct {
	t           reflect.Type
	addressable bool
}

// value checks a value of type t. JSON finds methods of the pointer only where the value is
// addressable, which map elements are not.
func (c stateCheck) value(t reflect.Type, addressable bool) error {
	if c[seenType{t, addressable}] {
		return nil
	}
	c[seenType{t, addressable}] = true
	if own, err := ownForm(t, addressable); own || err != nil {
		return err
	}
	switch t.Kind() {
	case reflect.Pointer, reflect.Slice:
		return c.value(t.Elem(), true)
	case reflect.Array:
		return c.value(t.Elem(), addressable)
	case reflect.Map:
		if err := checkMapKey(t.Key()); err != nil {
			return err
		}
		return c.value(t.Elem(), false)
	case reflect.Struct:
		return c.fields(t, addressable, map[string]string{})
	case reflect.Interface:
		return fmt.Errorf("state has the interface %s, whose Go type JSON does not keep: use a concrete type", t)
	case reflect.Chan, reflect.Func, reflect.Complex64, reflect.Complex128, reflect.UnsafePointer:
		return fmt.Errorf("state has a %s, which JSON cannot keep", t)
	default:
		return nil
	}
}

// fields checks the fields of a struct. names holds the JSON names taken so far, with those
// of the structs that embed this one.
func (c stateCheck) fields(t reflect.Type, addressable bool, names map[string]string) error {
	for i := range t.NumField() {
		f := t.Field(i)
		if f.Name == "_" {
			continue
		}
		if err := checkField(t, f); err != nil {
			return err
		}
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if f.Anonymous && f.Type.Kind() == reflect.Struct && name == "" {
			// JSON writes the fields of an embedded struct as if they stood here.
			if err := c.fields(f.Type, addressable, names); err != nil {
				return err
			}
			continue
		}
		if name == "" {
			name = f.Name
		}
		if other, taken := names[name]; taken {
			return fmt.Errorf("state %s: field %s and field %s are both %q in JSON, and one would be lost: rename one", t, f.Name, other, name)
		}
		names[name] = f.Name
		if err := c.value(f.Type, addressable); err != nil {
			return err
		}
	}
	return nil
}

func checkField(t reflect.Type, f reflect.StructField) error {
	tag := f.Tag.Get("json")
	_, options, _ := strings.Cut(tag, ",")
	switch {
	case tag == "-":
		return fmt.Errorf("state %s: field %s is kept out of JSON and would be lost at recovery: remove the tag", t, f.Name)
	case f.Anonymous && f.Type.Kind() == reflect.Pointer:
		return fmt.Errorf("state %s: field %s is embedded by pointer, which JSON cannot always make: embed the struct itself", t, f.Name)
	case !f.IsExported() && !(f.Anonymous && f.Type.Kind() == reflect.Struct):
		// An embedded struct may be unexported: its exported fields count.
		return fmt.Errorf("state %s: field %s is unexported and would be lost at recovery: export it", t, f.Name)
	case f.Type.Kind() == reflect.Map && strings.Contains(options, "omitempty"):
		return fmt.Errorf("state %s: field %s is a map with omitempty, and an empty one would come back as nil: remove omitempty", t, f.Name)
	}
	return nil
}

var (
	jsonMarshaler   = reflect.TypeFor[json.Marshaler]()
	jsonUnmarshaler = reflect.TypeFor[json.Unmarshaler]()
	textMarshaler   = reflect.TypeFor[encoding.TextMarshaler]()
	textUnmarshaler = reflect.TypeFor[encoding.TextUnmarshaler]()
)

// ownForm reports whether t writes and reads its own JSON, or JSON text. Half of that is a
// mistake: what is written is not what is read.
func ownForm(t reflect.Type, addressable bool) (bool, error) {
	for _, form := range [][2]reflect.Type{{jsonMarshaler, jsonUnmarshaler}, {textMarshaler, textUnmarshaler}} {
		writes := t.Implements(form[0]) || addressable && reflect.PointerTo(t).Implements(form[0])
		reads := t.Implements(form[1]) || reflect.PointerTo(t).Implements(form[1])
		if writes && reads {
			return true, nil
		}
		if writes != reads {
			return false, fmt.Errorf("state has a %s that is only one of %s and %s there", t, form[0], form[1])
		}
	}
	return false, nil
}

func checkMapKey(t reflect.Type) error {
	if own, err := ownForm(t, false); own || err != nil {
		return err
	}
	switch k := t.Kind(); {
	case k == reflect.String, k >= reflect.Int && k <= reflect.Uintptr:
		return nil
	}
	return fmt.Errorf("state has a map with keys of type %s, which JSON cannot keep", t)
}
