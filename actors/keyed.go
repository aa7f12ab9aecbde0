package actors

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"time"
)

// Keyed is a keyed organ: a deterministic state machine with one state of type S per key.
// A state and its key are called a cell.
type Keyed[S any] struct{ def *keyedDef[S] }

// Part is one part of a keyed organ's definition: Step, StepAny, Answer, Version,
// ExpireAfter or OnCellFailed.
type Part[S any] struct{ define func(*keyedDef[S]) }

type keyedDef[S any] struct {
	name    string
	fresh   func(key string) *S
	steps   map[string]func(*S, Event) ([]Payload, error)
	failed  map[string]func(Event, Failure) []Payload
	answers map[string]func(*S, any) (json.RawMessage, error)
	codec   stateCodec[S]
	version int
	expire  time.Duration
	errs    []error
}

// NewKeyed makes a keyed organ. fresh makes the state a key starts with; it must depend on
// the key alone. Mistakes are reported by Err, all at once.
//
// A state is stored through its own codec: encoding.BinaryMarshaler and
// BinaryUnmarshaler on *S, a protobuf message, or JSON. A state that JSON would not bring
// back as it was (unexported fields, interfaces, two fields of one name) and that has no
// codec of its own is refused, since the loss would be silent.
//
// A JSON state may gain fields: what was stored without one has it zero. Stored fields that the state has not are ignored, so that
// a program that is taken back can read what the newer one has written, and they are gone with the cell's next event: before
// a field is renamed or changes its meaning, give the state an UnmarshalJSON (and a MarshalJSON) that reads both forms.
func NewKeyed[S any](name string, fresh func(key string) *S, parts ...Part[S]) *Keyed[S] {
	d := &keyedDef[S]{
		name:    name,
		fresh:   fresh,
		steps:   map[string]func(*S, Event) ([]Payload, error){},
		failed:  map[string]func(Event, Failure) []Payload{},
		answers: map[string]func(*S, any) (json.RawMessage, error){},
		version: 1,
	}
	if err := CheckName("organ", name); err != nil {
		d.mistake("%w", err)
	}
	if fresh == nil {
		d.mistake("it has no function for a fresh state")
	}
	codec, err := codecOf[S]()
	if err != nil {
		d.mistake("%w", err)
	}
	d.codec = codec
	before := len(d.errs)
	for _, p := range parts {
		if p.define == nil {
			d.mistake("a part is the zero Part")
			continue
		}
		p.define(d)
	}
	if len(d.steps) == 0 && len(d.errs) == before {
		d.mistake("it has no Step")
	}
	for _, typ := range slices.Sorted(maps.Keys(d.failed)) {
		if d.steps[typ] == nil {
			d.mistake("OnCellFailed for %s, for which it has no Step", typ)
		}
	}
	return &Keyed[S]{d}
}

// Step handles events of P's type. It must be deterministic: no clock, I/O or randomness;
// the time is the event's (Time, and Due for one that was delayed). It may change the state
// in place and returns what to emit, which must not share memory with the state. Refusing a
// command is an emitted event; an error is a permanent failure, after which the cell
// forgets whatever this Step changed.
func Step[S any, P KeyedPayload](f func(*S, EventOf[P]) ([]Payload, error)) Part[S] {
	return Part[S]{func(d *keyedDef[S]) {
		if f == nil {
			d.mistake("Step[%s] with a nil function", reflect.TypeFor[P]())
			return
		}
		types, err := typesOf[P]()
		if err != nil {
			d.mistake("%w", err)
			return
		}
		step := func(s *S, ev Event) ([]Payload, error) {
			if _, ok := ev.r.payload.(P); ok && !ev.r.checked {
				return f(s, EventOf[P]{ev, ev.r.payload.(P)}) // as handleTyped, with five copies of the payload less
			}
			return handleTyped(ev, func(e EventOf[P]) ([]Payload, error) { return f(s, e) })
		}
		for _, typ := range types {
			d.add(typ, step)
		}
	}}
}

// StepAny handles several event types without decoding them, under the rules of Step.
func StepAny[S any](types []string, f func(*S, Event) ([]Payload, error)) Part[S] {
	return Part[S]{func(d *keyedDef[S]) {
		if f == nil {
			d.mistake("StepAny with a nil function")
			return
		}
		if len(types) == 0 {
			d.mistake("StepAny without event types")
		}
		step := func(s *S, ev Event) ([]Payload, error) {
			return handleAny(ev, func(ev Event) ([]Payload, error) { return f(s, ev) })
		}
		for _, typ := range types {
			d.add(typ, step)
		}
	}}
}

// Answer answers queries of type Q about a cell's committed state. It must only read. The
// reply is encoded as JSON before it leaves the cell, so it may share memory with the
// state.
func Answer[S, Q, R any](f func(*S, Q) (R, error)) Part[S] {
	return Part[S]{func(d *keyedDef[S]) {
		if f == nil {
			d.mistake("Answer[%s] with a nil function", reflect.TypeFor[Q]())
			return
		}
		name, err := queryNameOf[Q]()
		if err != nil {
			d.mistake("%w", err)
			return
		}
		if d.answers[name] != nil {
			d.mistake("two answers to %s", name)
			return
		}
		d.answers[name] = func(s *S, query any) (json.RawMessage, error) {
			q, err := queryOf[Q](query)
			if err != nil {
				return nil, err
			}
			r, err := f(s, q)
			if err != nil {
				return nil, err
			}
			return json.Marshal(r)
		}
	}}
}

// Version numbers the behaviour of the Steps; the default is 1. Raise it when a Step would
// handle an old event differently: recovery then refuses to replay old inputs through
// new code instead of building another state.
func Version[S any](n int) Part[S] {
	return Part[S]{func(d *keyedDef[S]) {
		if n < 1 {
			d.mistake("Version(%d), want at least 1", n)
		}
		d.version = n
	}}
}

// ExpireAfter forgets a cell that has had no event for t. An event that comes later starts
// from a fresh state.
func ExpireAfter[S any](t time.Duration) Part[S] {
	return Part[S]{func(d *keyedDef[S]) {
		if t <= 0 {
			d.mistake("ExpireAfter(%s), want more than 0", t)
		}
		d.expire = t
	}}
}

// OnCellFailed is OnFailed for a keyed organ. It sees the event, not the state.
func OnCellFailed[S any, P KeyedPayload](f func(EventOf[P], Failure) []Payload) Part[S] {
	return Part[S]{func(d *keyedDef[S]) {
		if f == nil {
			d.mistake("OnCellFailed[%s] with a nil function", reflect.TypeFor[P]())
			return
		}
		types, err := typesOf[P]()
		if err != nil {
			d.mistake("%w", err)
			return
		}
		for _, typ := range types {
			if d.failed[typ] != nil {
				d.mistake("two OnCellFailed for %s", typ)
			}
			d.failed[typ] = failedOf(f)
		}
	}}
}

func (d *keyedDef[S]) mistake(format string, args ...any) {
	d.errs = append(d.errs, fmt.Errorf("%w %q: %w", ErrOrgan, d.name, fmt.Errorf(format, args...)))
}

func (d *keyedDef[S]) add(typ string, f func(*S, Event) ([]Payload, error)) {
	if err := CheckName("event type", typ); err != nil {
		d.mistake("%w", err)
		return
	}
	if d.steps[typ] != nil {
		d.mistake("two steps for %s", typ)
		return
	}
	d.steps[typ] = f
}

// Name implements Definition.
func (k *Keyed[S]) Name() string {
	if k == nil || k.def == nil {
		return ""
	}
	return k.def.name
}

// Types implements Definition.
func (k *Keyed[S]) Types() []string {
	if k == nil || k.def == nil {
		return nil
	}
	return slices.Sorted(maps.Keys(k.def.steps))
}

// Err implements Definition.
func (k *Keyed[S]) Err() error {
	if k == nil || k.def == nil {
		return fmt.Errorf("%w: the zero Keyed; use NewKeyed", ErrOrgan)
	}
	return errors.Join(k.def.errs...)
}

// StepVersion is what Version set.
func (k *Keyed[S]) StepVersion() int { return k.def.version }

// Expiry is what ExpireAfter set, else 0.
func (k *Keyed[S]) Expiry() time.Duration { return k.def.expire }

// WantsFailed reports whether there is an OnCellFailed for typ.
func (k *Keyed[S]) WantsFailed(typ string) bool { return k.def.failed[typ] != nil }

// Failed calls OnCellFailed for ev, if there is one.
func (k *Keyed[S]) Failed(ev Event, f Failure) []Payload {
	if on := k.def.failed[ev.Type()]; on != nil {
		return on(ev, f)
	}
	return nil
}

// NewCell makes a cell with the fresh state of key.
func (k *Keyed[S]) NewCell(key string) (Cell, error) {
	s := k.def.fresh(key)
	if s == nil {
		return nil, OfKind(KindPermanent, fmt.Errorf("organ %s: the fresh state of %q is nil", k.def.name, key))
	}
	return &cell[S]{def: k.def, state: s}, nil
}

// KeyedOrgan is what a runtime sees of a *Keyed, whatever its state.
type KeyedOrgan interface {
	Definition
	StepVersion() int
	Expiry() time.Duration
	NewCell(key string) (Cell, error)
	WantsFailed(typ string) bool
	Failed(Event, Failure) []Payload
}
