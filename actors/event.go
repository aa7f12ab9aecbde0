package actors

import (
	"sync/atomic"
	"time"
)

// Event is an immutable fact. It is a handle of one word: copy it freely, share it
// between goroutines. == tells whether two are the same handle; two readings of the same
// bytes are not. The zero Event is no event; only IsZero may be called on it.
type Event struct{ r *record }

// record is what an Event points to. Everything but body is fixed before the Event
// is first seen by anybody.
type record struct {
	// The first 64 bytes, a cache line as records are aligned, are what an event's way through the runtime
	// looks at, on whatever core; the rest is for its handler.
	typ     string
	payload Payload // nil when only bytes are known
	body    atomic.Pointer[body]
	extra   *extra // nil as a rule
	timeUS  int64  // creation, microseconds since 1970 UTC
	hops    uint16
	hasKey  bool
	checked bool   // checking mode: handlers prove that they leave the payload alone
	random  bool   // the id was drawn here
	number  uint16 // of the type in this process, see TypeNumber

	key         string
	id          ID
	correlation ID
	causation   ID
}

// extra holds what few events carry.
type extra struct {
	dueUS       int64 // 0: at once
	traceparent string
	meta        []metaPair // sorted by name
	only        string     // "<service>/<organ>" a replay is addressed to
}

// due is when a delayed event may be handled; 0 for all others.
func (r *record) due() int64 {
	if r.extra == nil {
		return 0
	}
	return r.extra.dueUS
}

// setDue changes a record that nobody else has seen. The extra may be another's.
func (r *record) setDue(us int64) {
	if us == r.due() {
		return
	}
	x := extra{}
	if r.extra != nil {
		x = *r.extra
	}
	x.dueUS = us
	r.extra = &x
}

// IsZero reports whether e is no event.
func (e Event) IsZero() bool { return e.r == nil }

// ID identifies the event.
func (e Event) ID() ID { return e.r.id }

// Time is when the event was made, UTC, in microseconds. In a Step it is the only clock.
func (e Event) Time() time.Time { return fromMicro(e.r.timeUS) }

// Type is the event type.
func (e Event) Type() string { return e.r.typ }

// Key is what the event is ordered and routed by; "" when it has none.
func (e Event) Key() string { return e.r.key }

// HasKey tells an event without a key from one with an empty key, which does not exist
// in events made here but may in what others wrote.
func (e Event) HasKey() bool { return e.r.hasKey }

// Correlation is the id of the first event of the chain; its own id for the first.
func (e Event) Correlation() ID { return e.r.correlation }

// Causation is the id of the event whose handling emitted this one; zero for the first.
func (e Event) Causation() ID { return e.r.causation }

// Hops counts the emissions between the first event of the chain and this one. A
// delay of a second or more starts it again at 0.
func (e Event) Hops() int { return int(e.r.hops) }

// Due is when a delayed event may be handled; the zero time for all others.
func (e Event) Due() time.Time {
	due := e.r.due()
	if due == 0 {
		return time.Time{}
	}
	return fromMicro(due)
}

// Traceparent is the W3C trace context, "" without one.
func (e Event) Traceparent() string {
	if e.r.extra == nil {
		return ""
	}
	return e.r.extra.traceparent
}

// Meta returns one string of metadata, "" when it is not set.
func (e Event) Meta(name string) string {
	if e.r.extra == nil {
		return ""
	}
	for _, m := range e.r.extra.meta {
		if m.name == name {
			return m.value
		}
	}
	return ""
}

// MetaAll returns a copy of the metadata; nil when there is none.
func (e Event) MetaAll() map[string]string {
	if e.r.extra == nil || len(e.r.extra.meta) == 0 {
		return nil
	}
	all := make(map[string]string, len(e.r.extra.meta))
	for _, m := range e.r.extra.meta {
		all[m.name] = m.value
	}
	return all
}

// Only is "<service>/<organ>" for the replay of a dead letter, which concerns that
// organ alone; "" for every other event.
func (e Event) Only() string {
	if e.r.extra == nil {
		return ""
	}
	return e.r.extra.only
}

// Size estimates the event in bytes: the encoded payload, or 256 as long as it has not been
// encoded, and 256 for what is around it. It bounds memory in flight; it is no promise
// about the wire.
func (e Event) Size() int {
	if b := e.r.body.Load(); b != nil && b.made() {
		return len(b.data) + envelopeGuess
	}
	return payloadGuess + envelopeGuess
}

const (
	payloadGuess  = 256
	envelopeGuess = 256
)

func micro(t time.Time) int64 { return t.UnixMicro() }

func fromMicro(us int64) time.Time { return time.UnixMicro(us).UTC() }

// TypeNumber is the same for all events of this type that were made of payloads in this process, and of no other type;
// 0 is of no type: it is the event's where its payload was not a Go value, or there are more than 65,535 types.
// For runtimes: it spares them looking the type up.
func (e Event) TypeNumber() uint16 { return e.r.number }

// RandomID reports whether the id was drawn at random in this process, so that no other event
// can have it and stores need not look for duplicates.
func (e Event) RandomID() bool { return e.r.random }

// AsPublished returns e as it has to be published once more: stores look for duplicates of it even
// where RandomID held. For runtimes.
func (e Event) AsPublished() Event {
	if !e.r.random {
		return e
	}
	r := e.r.clone()
	r.random = false
	r.body.Store(e.r.body.Load())
	return Event{r}
}
