package spine

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
)

// settler talks to the backend about what is done: it settles chunk after chunk, in order, and
// asks for the backlog in between. It runs beside the router and answers with messages.
type settler struct {
	backend Backend
	tell    func(any)
	late    atomic.Int64 // delayed events when the backlog was asked for last; -1: unknown

	mu     sync.Mutex
	work   *sync.Cond
	chunks []*chunk
	asked  bool
	closed bool
	ctx    context.Context
	stop   context.CancelFunc
}

func newSettler(b Backend, tell func(any)) *settler {
	s := &settler{backend: b, tell: tell}
	s.work = sync.NewCond(&s.mu)
	s.late.Store(-1)
	s.ctx, s.stop = context.WithCancel(context.Background())
	return s
}

// add queues a chunk.
func (s *settler) add(ch *chunk) {
	s.mu.Lock()
	s.chunks = append(s.chunks, ch)
	s.mu.Unlock()
	s.work.Signal()
}

// inspect asks for the backlog, after everything that is queued.
func (s *settler) inspect() {
	s.mu.Lock()
	s.asked = true
	s.mu.Unlock()
	s.work.Signal()
}

// close ends run when the present call has ended; calls that wait are cut short.
func (s *settler) close() {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	s.stop()
	s.work.Signal()
}

func (s *settler) delayed() int { return int(s.late.Load()) }

func (s *settler) run() {
	var spare []*chunk
	for {
		s.mu.Lock()
		for len(s.chunks) == 0 && !s.asked && !s.closed {
			s.work.Wait()
		}
		if s.closed {
			s.mu.Unlock()
			s.look()
			return
		}
		chunks, asked := s.chunks, s.asked
		s.chunks, s.asked = spare[:0], false
		s.mu.Unlock()
		for _, ch := range chunks {
			answers, err := s.backend.Settle(s.ctx, ch.ss)
			s.tell(settledMsg{ch, answers, err})
		}
		clear(chunks)
		spare = chunks
		if asked {
			s.tell(s.look())
		}
	}
}

// look asks for the backlog.
func (s *settler) look() backlogMsg {
	i, ok := s.backend.(Inspector)
	if !ok {
		return backlogMsg{err: errors.New("spine: the backend does not tell its backlog")}
	}
	b, err := i.Backlog(context.WithoutCancel(s.ctx))
	if err == nil {
		s.late.Store(int64(b.Delayed))
	}
	return backlogMsg{b, err}
}
