package load

import "github.com/necrostack/necrostack/actors"

// Body is what every event of the benchmarks carries: 96 bytes, and a key for those that want one.
type Body struct {
	Key    string
	Number uint64
	Data   [9]uint64
}

// Next is the work of a handler: a changed copy.
func (b Body) Next() Body {
	b.Data[0]++
	return b
}

// Content returns the body of whatever embeds it.
func (b Body) Content() Body { return b }

// Carrier is a payload around a Body.
type Carrier interface {
	actors.Payload
	Content() Body
}

// A to D are the events of a chain.
type (
	A struct{ Body }
	B struct{ Body }
	C struct{ Body }
	D struct{ Body }
)

// EventType implements actors.Payload.
func (A) EventType() string { return "BENCH_A" }

// EventType implements actors.Payload.
func (B) EventType() string { return "BENCH_B" }

// EventType implements actors.Payload.
func (C) EventType() string { return "BENCH_C" }

// EventType implements actors.Payload.
func (D) EventType() string { return "BENCH_D" }

// KeyedBody is a Body that events with a key embed.
type KeyedBody struct{ Body }

// EventKey implements actors.KeyedPayload.
func (k KeyedBody) EventKey() string { return k.Key }

// KeyedA to KeyedD are A to D with a key.
type (
	KeyedA struct{ KeyedBody }
	KeyedB struct{ KeyedBody }
	KeyedC struct{ KeyedBody }
	KeyedD struct{ KeyedBody }
)

// EventType implements actors.Payload.
func (KeyedA) EventType() string { return "BENCH_KEYED_A" }

// EventType implements actors.Payload.
func (KeyedB) EventType() string { return "BENCH_KEYED_B" }

// EventType implements actors.Payload.
func (KeyedC) EventType() string { return "BENCH_KEYED_C" }

// EventType implements actors.Payload.
func (KeyedD) EventType() string { return "BENCH_KEYED_D" }
