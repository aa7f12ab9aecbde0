package actors

import (
	"context"
	"reflect"
)

// Reaction is one thing a stateless organ does: On, Map, OnBatch, Sink, SinkBatch, OnAny, OnFailed or OnStop.
type Reaction struct{ define func(*organDef) }

// EventOf is an event with its payload decoded.
type EventOf[P Payload] struct {
	Event
	Payload P
}

// On reacts to events of P's type. It returns the payloads to emit, which commit together
// with the acknowledgement, or an error, in which case nothing is emitted.
func On[P Payload](f func(context.Context, EventOf[P]) ([]Payload, error)) Reaction {
	return Reaction{func(d *organDef) {
		if f == nil {
			d.mistake("On[%s] with a nil function", reflect.TypeFor[P]())
			return
		}
		defineTyped[P](d, &reaction{handle: func(ctx context.Context, ev Event) ([]Payload, error) {
			if p, ok := ev.r.payload.(P); ok && !ev.r.checked {
				return f(ctx, EventOf[P]{ev, p}) // as handleTyped, with three copies of the payload less
			}
			return handleTyped(ev, func(e EventOf[P]) ([]Payload, error) { return f(ctx, e) })
		}})
	}}
}

// Map is On for a handler that emits one event for each: what f returns, or with an error nothing. It says in its
// types what becomes of what, and costs no slice. Q may be Payload itself, for what is decorated or differs from event
// to event; nil emits nothing then.
func Map[P, Q Payload](f func(context.Context, EventOf[P]) (Q, error)) Reaction {
	return Reaction{func(d *organDef) {
		if f == nil {
			d.mistake("Map[%s, %s] with a nil function", reflect.TypeFor[P](), reflect.TypeFor[Q]())
			return
		}
		one := func(ctx context.Context, ev EventOf[P]) (Payload, error) {
			q, err := f(ctx, ev)
			if err != nil {
				return nil, err
			}
			return q, nil
		}
		defineTyped[P](d, &reaction{one: func(ctx context.Context, ev Event) (out Payload, err error) {
			if p, ok := ev.r.payload.(P); ok && !ev.r.checked {
				return one(ctx, EventOf[P]{ev, p}) // as in On
			}
			_, err = handleTyped(ev, func(e EventOf[P]) ([]Payload, error) {
				out, err = one(ctx, e)
				return nil, err
			})
			if err != nil {
				return nil, err
			}
			return out, nil
		}})
	}}
}

// Sink is On for a handler that emits nothing.
func Sink[P Payload](f func(context.Context, EventOf[P]) error) Reaction {
	if f == nil {
		return Reaction{func(d *organDef) { d.mistake("Sink[%s] with a nil function", reflect.TypeFor[P]()) }}
	}
	return On(func(ctx context.Context, ev EventOf[P]) ([]Payload, error) { return nil, f(ctx, ev) })
}

// OnAny reacts to several event types without decoding them; see Decode and Event.Data.
func OnAny(types []string, f func(context.Context, Event) ([]Payload, error)) Reaction {
	return Reaction{func(d *organDef) {
		if f == nil {
			d.mistake("OnAny with a nil function")
			return
		}
		if len(types) == 0 {
			d.mistake("OnAny without event types")
		}
		handle := func(ctx context.Context, ev Event) ([]Payload, error) {
			return handleAny(ev, func(ev Event) ([]Payload, error) { return f(ctx, ev) })
		}
		for _, typ := range types {
			d.add(typ, &reaction{handle: handle})
		}
	}}
}

// OnFailed is called once when a failure of this organ at an event of P's type is settled
// for good: logged, or dead-lettered. What it returns is emitted in the same commit.
// It must be pure: it may run again if that commit does not happen. An event that does not
// decode into P, or has come too many hops, has no OnFailed.
func OnFailed[P Payload](f func(EventOf[P], Failure) []Payload) Reaction {
	return Reaction{func(d *organDef) {
		if f == nil {
			d.mistake("OnFailed[%s] with a nil function", reflect.TypeFor[P]())
			return
		}
		types, err := typesOf[P]()
		if err != nil {
			d.mistake("%w", err)
			return
		}
		for _, typ := range types {
			if d.failed[typ] != nil {
				d.mistake("two OnFailed for %s", typ)
			}
			d.failed[typ] = failedOf(f)
		}
	}}
}

func failedOf[P Payload](f func(EventOf[P], Failure) []Payload) func(Event, Failure) []Payload {
	return func(ev Event, fail Failure) []Payload {
		p, err := Decode[P](ev)
		if err != nil {
			return nil
		}
		return f(EventOf[P]{ev, p}, fail)
	}
}

// OnStop is called when an instance is done with: when its worker stops, or before it is
// replaced after a panic.
func OnStop(f func()) Reaction {
	return Reaction{func(d *organDef) {
		if f == nil {
			d.mistake("OnStop with a nil function")
			return
		}
		d.stop = append(d.stop, f)
	}}
}

func defineTyped[P Payload](d *organDef, r *reaction) {
	types, err := typesOf[P]()
	if err != nil {
		d.mistake("%w", err)
		return
	}
	for _, typ := range types {
		d.add(typ, r)
	}
}

func (d *organDef) add(typ string, r *reaction) {
	if err := CheckName("event type", typ); err != nil {
		d.mistake("%w", err)
		return
	}
	if d.reactions[typ] != nil {
		d.mistake("two reactions to %s", typ)
		return
	}
	d.reactions[typ] = r
}
