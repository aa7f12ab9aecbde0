package actors

import (
	"errors"
	"fmt"
	"time"
)

// Payload is the Go value inside an event. EventType is its stable wire name,
// such as "ORDER_SUBMITTED"; it must be constant for the type, also on the zero
// value. A payload encodes to a JSON object, or is a protobuf message. A payload that
// travels by value has all its methods on the value: EventKey, Validate or EventHistory on
// the pointer alone is refused, since nobody would call it.
type Payload interface {
	EventType() string
}

// KeyedPayload is a payload that names the key its event is ordered and routed by.
type KeyedPayload interface {
	Payload
	EventKey() string
}

// Validator is implemented by payloads that can be wrong. Validate is called when
// an event is made and when it is decoded; its error is a permanent failure.
// Commands that an organ wants to refuse itself have no such method.
type Validator interface {
	Validate() error
}

// Emit collects payloads for a handler's return value: return actors.Emit(a, b), nil.
func Emit(ps ...Payload) []Payload { return ps }

// Decoration is one thing With says about a payload: an ID, a Key, Meta, After or At.
type Decoration interface {
	decorate(*decorated)
}

// With decorates p for Publish or emission. Later decorations win; decorating twice
// is allowed, and the outer With is the later one. ID is for Publish only: emissions
// derive theirs. With never fails: what makes no sense is reported by Publish, or as the
// failure of the handler that emitted it.
func With(p Payload, ds ...Decoration) Payload {
	d := decorated{inner: p}
	for _, x := range ds {
		if x == nil {
			d.misuse = errors.New("actors: With has a nil decoration")
			continue
		}
		x.decorate(&d)
	}
	return d
}

// Key as a decoration gives an event a key, over the one its payload names.
type Key string

func (k Key) decorate(d *decorated) { d.key, d.hasKey = string(k), true }

func (id ID) decorate(d *decorated) { d.id = id }

// Meta adds one string of metadata, inherited by everything emitted because of
// the event. An empty value removes an inherited one.
func Meta(name, value string) Decoration { return metaPair{name, value} }

type metaPair struct{ name, value string }

func (m metaPair) decorate(d *decorated) { d.meta = append(d.meta, m) }

// At delays an event until t, rounded up to a microsecond. The zero time, and one that has
// passed, is no delay.
func At(t time.Time) Decoration { return due{t} }

type due struct{ at time.Time }

func (x due) decorate(d *decorated) { d.timed, d.at, d.after = true, x.at, 0 }

// After delays an event by d, counted from when it is published or emitted and rounded up
// to a microsecond; 0 or less is no delay. It is a decoration, With(p, After(d)), and in
// short a payload, After(d, p). It delays one payload.
func After(d time.Duration, p ...Payload) Delay {
	x := Delay{after: d, payloads: len(p)}
	if len(p) > 0 {
		x.inner = p[0]
	}
	return x
}

// Delay is what After returns.
type Delay struct {
	after    time.Duration
	inner    Payload
	payloads int // how many After was given
}

// EventType is that of the delayed payload.
func (x Delay) EventType() string {
	if x.inner == nil {
		return ""
	}
	return x.inner.EventType()
}

func (x Delay) decorate(d *decorated) {
	if x.payloads > 0 {
		d.misuse = fmt.Errorf("actors: After(%s, %s) decorates another payload: as a decoration it is After(%[1]s)", x.after, x.EventType())
	}
	x.delay(d)
}

func (x Delay) delay(d *decorated) { d.timed, d.at, d.after = true, time.Time{}, x.after }

// Unwrap returns the bare payload without its decorations.
func Unwrap(p Payload) Payload {
	switch x := p.(type) {
	case decorated:
		return Unwrap(x.inner)
	case Delay:
		return Unwrap(x.inner)
	default:
		return p
	}
}

// decorated is a payload and what With said about it.
type decorated struct {
	inner  Payload
	key    string
	hasKey bool
	id     ID
	meta   []metaPair
	timed  bool // after or at counts, also where it is zero
	after  time.Duration
	at     time.Time
	misuse error // of With or After
}

func (d decorated) EventType() string {
	if d.inner == nil {
		return ""
	}
	return d.inner.EventType()
}

// flatten resolves nested decorations into one, outermost last.
func flatten(p Payload) (decorated, error) {
	switch x := p.(type) {
	case nil:
		return decorated{}, errors.New("actors: payload is nil")
	case Delay:
		if x.payloads != 1 {
			return decorated{}, fmt.Errorf("actors: After(%s) has %d payloads, want 1: use After(d, payload), or With(payload, After(d))", x.after, x.payloads)
		}
		d, err := flatten(x.inner)
		x.delay(&d)
		return d, err
	case decorated:
		if x.misuse != nil {
			return decorated{}, x.misuse
		}
		d, err := flatten(x.inner)
		x.over(&d)
		return d, err
	default:
		return decorated{inner: p}, nil
	}
}

// over lays what d says on top of base.
func (d decorated) over(base *decorated) {
	if d.hasKey {
		base.key, base.hasKey = d.key, true
	}
	if !d.id.IsZero() {
		base.id = d.id
	}
	base.meta = append(base.meta, d.meta...)
	if d.timed {
		base.timed, base.after, base.at = true, d.after, d.at
	}
}
