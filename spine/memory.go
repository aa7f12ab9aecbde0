package spine

import (
	"context"
	"fmt"
	"time"

	"github.com/necrostack/necrostack/persistence"
	"github.com/necrostack/necrostack/supervision"
)

// Memory is the Backend that keeps everything in this process: to develop on, for tests, and
// for work that may be lost with the process. It is an Inspector, a persistence.Store and
// supervision.DeadLetters too, each for the service it serves.
//
// Every Memory made by Attach is a handle on one stream of events, for another service, or for the same
// one once more. A service is known by its name for the life of the stream: when it is opened again, by
// whatever handle, the new owner goes on where the one before was, and what that one had in hand is
// handed out again. Organs may differ then: progress is kept by organ name.
//
// Order in which work is handed out: what was lost with an owner, then what is retried or
// deferred and may come now, then fresh events. The stream has one shard, 0.
type Memory struct {
	stream *memoryStream

	// Guarded by the stream's lock.
	service *memoryService // nil before Open
	term    uint64         // of the service, when this handle opened it
	closed  bool
}

// NewMemory returns a handle on a new, empty stream.
func NewMemory(opts ...MemoryOption) *Memory {
	return &Memory{stream: newMemoryStream(opts)}
}

// Attach returns a further handle on the same stream, not yet opened. It may be called
// at any time, also after Close.
func (m *Memory) Attach() *Memory { return &Memory{stream: m.stream} }

// Open implements Backend. A service that opens for the first time FromBeginning starts with
// the oldest event that some service has not pulled yet, or that WithRetain keeps.
func (m *Memory) Open(_ context.Context, service Service) error {
	if err := service.Validate(); err != nil {
		return err
	}
	m.stream.mu.Lock()
	defer m.stream.mu.Unlock()
	if m.closed {
		return ErrClosed
	}
	if err := m.stream.succeeds(service); err != nil {
		return err
	}
	m.service = m.stream.open(service)
	m.term = m.service.term
	return nil
}

// Pull implements Backend. Several may wait at a time; each event comes to one of them.
func (m *Memory) Pull(ctx context.Context, w Want) ([]Delivery, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	m.stream.mu.Lock()
	defer m.stream.mu.Unlock()
	term := m.term
	for {
		s, err := m.serving(term)
		if err != nil {
			return nil, err
		}
		if ds := s.poll(w); len(ds) > 0 {
			return ds, nil
		}
		due, _ := s.nextDue(w)
		if err := m.stream.wait(ctx, &s.wake, due); err != nil {
			return nil, err
		}
	}
}

// Settle implements Backend. It never waits, and does not look at ctx. An answer Lost, and an error, make
// everything ready again that the service has in hand; what follows a lost settlement
// in ss is lost with it. A settlement that comes after that from before is answered Settled and changes
// nothing. An error other than ErrClosed reports settlements that make no sense.
func (m *Memory) Settle(_ context.Context, ss []Settlement) ([]Answer, error) {
	return m.settleInto(nil, ss)
}

// settleInto is Settle with memory that the answers may use.
func (m *Memory) settleInto(into []Answer, ss []Settlement) ([]Answer, error) {
	m.stream.mu.Lock()
	defer m.stream.mu.Unlock()
	s, err := m.serving(m.term)
	if err != nil {
		return nil, err
	}
	return s.settleAll(into, ss)
}

// Close implements Backend. It closes this handle alone: the service stays, with its progress and
// what it has not finished, which counts against the capacity until another handle takes it up.
func (m *Memory) Close(context.Context) error {
	m.stream.mu.Lock()
	defer m.stream.mu.Unlock()
	m.closed = true
	m.stream.room.all()
	if m.service != nil {
		m.service.wake.all()
	}
	return nil
}

// serving returns the service, if this handle still is its owner of that term. The stream's
// lock must be held.
func (m *Memory) serving(term uint64) (*memoryService, error) {
	switch {
	case m.closed:
		return nil, ErrClosed
	case m.service == nil:
		return nil, fmt.Errorf("%w: no Spine runs on this backend yet (Hooks.Started tells)", ErrService)
	case m.service.term != term:
		return nil, fmt.Errorf("%w %q has been opened again", ErrService, m.service.name)
	default:
		return m.service, nil
	}
}

// poll is a Pull that does not wait.
func (m *Memory) poll(w Want) []Delivery {
	m.stream.mu.Lock()
	defer m.stream.mu.Unlock()
	s, err := m.serving(m.term)
	if err != nil {
		return nil
	}
	return s.poll(w)
}

// nextDue is when the next delayed, retried or deferred work falls due, if there is any.
func (m *Memory) nextDue() (time.Time, bool) {
	m.stream.mu.Lock()
	defer m.stream.mu.Unlock()
	s, err := m.serving(m.term)
	if err != nil {
		return time.Time{}, false
	}
	return s.nextDue(Want{})
}

var (
	_ Backend                 = (*Memory)(nil)
	_ Inspector               = (*Memory)(nil)
	_ persistence.Store       = (*Memory)(nil)
	_ supervision.DeadLetters = (*Memory)(nil)
)
