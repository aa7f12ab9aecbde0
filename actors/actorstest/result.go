package actorstest

import (
	"fmt"
	"strings"

	"github.com/necrostack/necrostack/actors"
)

// Result is what became of one handling.
type Result struct {
	Event   actors.Event     // what was handled
	Emitted []actors.Payload // what was returned, without decorations
	Events  []actors.Event   // the same as events: with ids, times, keys and causes
	Err     error            // what the handler returned; then nothing is emitted
}

// Of returns the emitted payloads of type P, in order.
func Of[P actors.Payload](r Result) []P {
	var found []P
	for _, p := range r.Emitted {
		if p, ok := p.(P); ok {
			found = append(found, p)
		}
	}
	return found
}

// One returns the only emitted payload of type P, and fails the test if there is none,
// or another, or if the handler failed.
func One[P actors.Payload](t T, r Result) P {
	t.Helper()
	found := Of[P](r)
	if r.Err != nil || len(found) != 1 {
		t.Fatalf("actorstest: %s emitted %d of %T, want 1: %s", r.Event.Type(), len(found), *new(P), r)
	}
	return found[0]
}

// Types lists the emitted event types, in order.
func (r Result) Types() []string {
	types := make([]string, len(r.Events))
	for i, ev := range r.Events {
		types[i] = ev.Type()
	}
	return types
}

// Kind is the kind of failure that Err is; 0 without one.
func (r Result) Kind() actors.Kind {
	if r.Err == nil {
		return 0
	}
	kind, _ := actors.Classify(r.Err)
	return kind
}

// String shows the result in a line per event, for failing tests.
func (r Result) String() string {
	if r.Err != nil {
		return fmt.Sprintf("error (%s): %v", r.Kind(), r.Err)
	}
	if len(r.Events) == 0 {
		return "nothing"
	}
	var b strings.Builder
	for _, ev := range r.Events {
		line, err := ev.AppendJSONLine(nil)
		if err != nil {
			line = fmt.Appendf(nil, "%s: %v\n", ev.Type(), err)
		}
		b.Write(line)
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// wire is everything the result says, for comparing two.
func (r Result) wire(t T) string {
	t.Helper()
	if r.Err != nil {
		return fmt.Sprintf("%s: %v", r.Kind(), r.Err)
	}
	var b strings.Builder
	for _, ev := range r.Events {
		data, err := ev.MarshalBinary()
		if err != nil {
			t.Fatalf("actorstest: %s: %v", ev.Type(), err)
		}
		fmt.Fprintf(&b, "%d:%s", len(data), data)
	}
	return b.String()
}
