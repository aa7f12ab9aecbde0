package actors

import (
	"context"
	"fmt"
	"reflect"
)

// BatchLimit is the most events that one call of an OnBatch or a SinkBatch gets.
const BatchLimit = 256

// BatchResult is what an OnBatch has made of one event: what to emit, or an error, which is this event's
// failure alone.
type BatchResult struct {
	Emit []Payload
	Err  error
}

// OnBatch is On for as many events at once as the lane has at hand, 1 to 256 in order: one request to
// another system for all of them. It returns a result for each event, in their order. Events that do
// not decode are not among those it gets.
//
// If it panics, or returns another number of results, each event is given to it once more by
// itself, so that one bad event costs only itself; the function must tolerate seeing an event again. Second
// attempts come alone, too, and so do all events of an organ that is Ordered.
func OnBatch[P Payload](f func(context.Context, []EventOf[P]) []BatchResult) Reaction {
	return Reaction{func(d *organDef) {
		if f == nil {
			d.mistake("OnBatch[%s] with a nil function", reflect.TypeFor[P]())
			return
		}
		defineBatch[P](d, func(ctx context.Context, evs []Event) ([]BatchResult, error) {
			return eachOf(ctx, evs, f)
		})
	}}
}

// SinkBatch is a Sink that gets what its lane has at hand, 1 to 256 events in order. If it
// returns an error, each event of the batch is given to it once more by itself, so that
// one bad event costs only itself; the function must tolerate seeing an event again.
func SinkBatch[P Payload](f func(context.Context, []EventOf[P]) error) Reaction {
	return Reaction{func(d *organDef) {
		if f == nil {
			d.mistake("SinkBatch[%s] with a nil function", reflect.TypeFor[P]())
			return
		}
		defineBatch[P](d, func(ctx context.Context, evs []Event) ([]BatchResult, error) {
			return allOf(ctx, evs, f)
		})
	}}
}

// batchFunc handles events of one type. Its error concerns all of them; without one there is a result
// for each, or none for any where there is nothing to tell.
type batchFunc func(context.Context, []Event) ([]BatchResult, error)

func defineBatch[P Payload](d *organDef, batch batchFunc) {
	defineTyped[P](d, &reaction{
		batch: batch,
		handle: func(ctx context.Context, ev Event) ([]Payload, error) {
			results, err := batch(ctx, []Event{ev})
			if err != nil || results == nil {
				return nil, err
			}
			return results[0].Emit, results[0].Err
		},
	})
}

func eachOf[P Payload](ctx context.Context, evs []Event, f func(context.Context, []EventOf[P]) []BatchResult) ([]BatchResult, error) {
	results := make([]BatchResult, len(evs))
	b := newBatchOf[P](len(evs))
	for i, ev := range evs {
		results[i].Err = b.add(ev)
	}
	if len(b.typed) == 0 {
		return results, nil
	}
	made := f(ctx, b.typed)
	if len(made) != len(b.typed) {
		return nil, fmt.Errorf("actors: OnBatch[%s] returned %d results for %d events", reflect.TypeFor[P](), len(made), len(b.typed))
	}
	k := 0
	for i := range results {
		if results[i].Err != nil {
			continue
		}
		results[i] = made[k]
		if broken := b.seals[k].broken(); broken != nil {
			results[i] = BatchResult{Err: broken}
		}
		k++
	}
	return results, nil
}

func allOf[P Payload](ctx context.Context, evs []Event, f func(context.Context, []EventOf[P]) error) ([]BatchResult, error) {
	b := newBatchOf[P](len(evs))
	for _, ev := range evs {
		if err := b.add(ev); err != nil {
			return nil, err
		}
	}
	err := f(ctx, b.typed)
	for _, s := range b.seals {
		if broken := s.broken(); broken != nil {
			return nil, broken
		}
	}
	return nil, err
}

// batchOf is a batch decoded.
type batchOf[P Payload] struct {
	typed []EventOf[P]
	seals map[int]seal // by place in typed, in checking mode
}

func newBatchOf[P Payload](events int) batchOf[P] {
	return batchOf[P]{typed: make([]EventOf[P], 0, events)}
}

func (b *batchOf[P]) add(ev Event) error {
	p, err := Decode[P](ev)
	if err != nil {
		return err
	}
	if ev.r.checked {
		if b.seals == nil {
			b.seals = map[int]seal{}
		}
		b.seals[len(b.typed)] = sealOf(ev.Type(), p)
	}
	b.typed = append(b.typed, EventOf[P]{ev, p})
	return nil
}
