package host

import (
	"fmt"

	"github.com/necrostack/necrostack/actors"
)

// emitter turns what handlers return into events. It is for one goroutine.
type emitter struct {
	config  *OrganConfig
	stamper *actors.Stamper
	slab    []actors.Event // room for what comes next
}

func newEmitter(o *Organ) emitter {
	return emitter{
		config: &o.config,
		stamper: actors.NewStamper(actors.StamperOptions{
			Service:  o.config.Service,
			Organ:    o.name,
			Limits:   o.config.Limits,
			Encode:   o.config.Encode,
			Checking: o.config.Checking,
		}),
	}
}

// events stamps what a handling of ev in batch b returned. Its error is of KindEnqueue.
func (e *emitter) events(b *Batch, ev actors.Event, out []actors.Payload) ([]actors.Event, error) {
	if len(out) == 0 {
		return nil, nil
	}
	emitted, err := e.stamp(b, ev, out)
	if err != nil {
		return nil, actors.OfKind(actors.KindEnqueue, err)
	}
	return emitted, nil
}

func (e *emitter) stamp(b *Batch, ev actors.Event, out []actors.Payload) ([]actors.Event, error) {
	if len(out) > e.config.MaxEmissions {
		return nil, tooMuch(ev, len(out), e.config.MaxEmissions, "emissions")
	}
	emitted := e.room(len(out), len(b.Items))
	bytes := 0
	for i, p := range out {
		made, err := e.stamper.Emission(ev, i, p, b.Started)
		if err != nil {
			return nil, fmt.Errorf("emission %d of %d: %w", i+1, len(out), err)
		}
		emitted[i] = made
		if e.config.Encode {
			bytes += made.Size()
		}
	}
	if bytes > e.config.MaxEmissionBytes {
		return nil, tooMuch(ev, bytes, e.config.MaxEmissionBytes, "bytes of emissions")
	}
	return emitted, nil
}

func tooMuch(ev actors.Event, got, limit int, unit string) error {
	return &actors.LimitError{What: "one handling of " + ev.Type(), Got: got, Limit: limit, Unit: unit}
}

// room returns a slice of n that cannot grow into its neighbour. Emissions outlive their
// batch, so the memory is never used again; it is made for a whole batch of items at a time.
func (e *emitter) room(n, items int) []actors.Event {
	if len(e.slab) < n {
		e.slab = make([]actors.Event, max(n, items))
	}
	room := e.slab[:n:n]
	e.slab = e.slab[n:]
	return room
}
