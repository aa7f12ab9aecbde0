package spine

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/necrostack/necrostack/actors"
)

var errZeroEvent = errors.New("spine: event is the zero Event")

// Publish implements Backend. The answers count also beside an error: an event is in the
// stream exactly if its answer is Accepted. Where ctx ends before there is room for all, the rest is
// refused with an error that wraps ErrFull and that of ctx.
func (m *Memory) Publish(ctx context.Context, evs []actors.Event) ([]Published, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	m.stream.mu.Lock()
	defer m.stream.mu.Unlock()
	if m.closed {
		return nil, ErrClosed
	}
	answers := make([]Published, len(evs))
	for done := 0; ; {
		done += m.stream.accept(evs[done:], answers[done:])
		if done == len(evs) {
			return answers, nil
		}
		if m.stream.refuse {
			answers[done] = Published{Refused, ErrFull}
			done++
			continue
		}
		if err := m.stream.wait(ctx, &m.stream.room, time.Time{}); err != nil {
			refuse(answers[done:], fmt.Errorf("%w: %w", ErrFull, err))
			return answers, nil
		}
		if m.closed {
			refuse(answers[done:], ErrClosed)
			return answers, ErrClosed
		}
	}
}

func refuse(answers []Published, err error) {
	for i := range answers {
		answers[i] = Published{Refused, err}
	}
}

// accept answers events until one finds no room, and returns how many it has answered.
func (st *memoryStream) accept(evs []actors.Event, answers []Published) int {
	now := st.now()
	st.dedup.forget(now)
	room := st.capacity - st.held()
	defer st.wakeServices()
	for i, ev := range evs {
		switch {
		case ev.IsZero():
			answers[i] = Published{Refused, errZeroEvent}
		case st.dedup.knows(ev):
			answers[i].Code = Duplicate
		case room <= 0:
			return i
		default:
			st.dedup.remember(ev, now)
			st.add(ev, now)
			room--
		}
	}
	return len(evs)
}
