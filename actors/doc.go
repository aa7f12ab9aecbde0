// Package actors is the vocabulary of NecroStack: events, organs and the codec
// between them and bytes. It needs no engine: code that imports only this
// package compiles, and its handlers run under test, without a Spine.
//
//	 payload ──With──► decorated ──Stamper──► Event ──► On / Sink / Step ──► payloads
//	(your type)       (key, id, due)    (id, time, cause)    (your organ)    (new facts)
//
// # Events
//
// An [Event] is an immutable fact: id, timestamp, event type and payload. Around
// those four, never inside them, travels an envelope: key, correlation and
// causation id, hops, due time, trace context and at most 16 small strings of
// metadata. A [Payload] is an ordinary Go type that names its event type; a
// [KeyedPayload] also names its key.
//
// # Organs
//
// A stateless organ is made by [NewOrgan] of reactions ([On], [Map], [Sink],
// [OnBatch], [SinkBatch], [OnAny], [OnFailed], [OnStop]); several workers may run it at once. A keyed
// organ is made by [NewKeyed] of steps; it is a deterministic state machine with
// one state per key, handled one event at a time and in order.
//
// A handler returns the payloads it wants to emit and never talks to a queue:
// a failed attempt therefore emits nothing, and a repeated one emits events
// with the same ids.
//
// # Promises
//
// Events and organs are safe for concurrent use. A payload that has been
// published or emitted is frozen: handlers of several organs may read the same
// Go value at the same time. Encoding is lazy and happens once.
//
// # Decisions
//
// An Event is a handle to one immutable record: copying it costs a word, making
// it one allocation. The alternative, a struct of 150 bytes by value, was copied
// five times on its way through the Spine.
//
// Timestamps have microseconds: it is the resolution every reader of the JSON
// form accepts, and an event reads the same before and after a round trip.
//
// Schema evolution is declared on the payload type ([Evolving]), not on each
// organ: every organ that reads the type reads its past in the same way.
package actors
