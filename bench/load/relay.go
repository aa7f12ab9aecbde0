package load

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/necrostack/necrostack/actors"
)

// Relay is a chain of organs for stores outside of the process: each passes on the same bytes as an event of the next type.
type Relay struct {
	Places int  `json:"places"` // organs
	Keyed  bool `json:"keyed"`  // keyed organs, and a key for each event
	Fan    bool `json:"fan"`    // instead of passing anything on, all organs want each start
}

// RelayBytes are the bytes of an event's payload.
const RelayBytes = 250

// Events are the events that are handled because of one start.
func (r Relay) Events() int {
	if r.Fan {
		return 1
	}
	return r.Places
}

// Last reports whether an event is the last one of its start.
func (r Relay) Last(ev actors.Event) bool { return ev.Type() == relayType(r.Events()-1) }

// Organs are the organs of all places. Keyed ones answer HowMany.
func (r Relay) Organs() []actors.Definition {
	all := make([]actors.Definition, r.Places)
	for i := range all {
		all[i] = r.organ(i)
	}
	return all
}

// HowMany asks a keyed organ how many events of a key it has had.
type HowMany struct{}

type passed struct{ N uint64 }

func (r Relay) organ(i int) actors.Definition {
	name, types := RelayOrgan(i), []string{relayType(min(i, r.Events()-1))}
	if !r.Keyed {
		return actors.NewOrgan(name, actors.OnAny(types, func(_ context.Context, ev actors.Event) ([]actors.Payload, error) {
			return r.pass(i, ev)
		}))
	}
	return actors.NewKeyed(name, func(string) *passed { return &passed{} },
		actors.StepAny(types, func(s *passed, ev actors.Event) ([]actors.Payload, error) {
			s.N++
			return r.pass(i, ev)
		}),
		actors.Answer(func(s *passed, _ HowMany) (uint64, error) { return s.N, nil }))
}

// RelayOrgan is the name of the organ of a place.
func RelayOrgan(place int) string { return "organ-" + strconv.Itoa(place) }

func relayType(place int) string { return "HOP_" + string(rune('A'+place)) }

// pass passes on the same bytes.
func (r Relay) pass(i int, ev actors.Event) ([]actors.Payload, error) {
	if i >= r.Events()-1 {
		return nil, nil
	}
	data, _, err := ev.Data()
	return []actors.Payload{r.payload(i+1, data, ev.Key())}, err
}

func (r Relay) payload(place int, data []byte, key string) actors.Payload {
	raw := actors.Raw{Type: relayType(place), Data: data}
	if !r.Keyed {
		return raw
	}
	return actors.With(raw, actors.Key(key))
}

const (
	relayHead = `{"n":"`
	numberLen = 20
)

// relayBody is a JSON object of RelayBytes.
func relayBody(number uint64) []byte {
	head := fmt.Sprintf(`%s%0*d","x":"`, relayHead, numberLen, number)
	return []byte(head + strings.Repeat("x", RelayBytes-len(head)-2) + `"}`)
}

// Number is the number of the start that an event of a Relay belongs to.
func Number(ev actors.Event) uint64 {
	data, _, _ := ev.Data()
	n, _ := strconv.ParseUint(string(data[len(relayHead):len(relayHead)+numberLen]), 10, 64)
	return n
}
