package spine

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

// settler talks to the backend about what is done: it settles chunk after chunk, in order, and
// asks for the backlog in between. It runs beside the router and answers with messages, where not atOnce.
type settler struct {
	backend Backend
	tell    func(any)
	far     bool         // a call of the backend takes long
	near    *Memory      // the backend, if it is one whose calls take no time: see atOnce
	answers []Answer     // of near, the router's
	late    atomic.Int64 // delayed events when the backlog was asked for last; -1: unknown
	outlook atomic.Int32 // as the router sees it
	coming  *atomic.Bool // the feed's: it does not see all of it

	mu       sync.Mutex
	work     *sync.Cond
	chunks   []*chunk
	gathered []Settlement // run's own
	asked    bool
	closed   bool
	ctx      context.Context
	stop     context.CancelFunc
}

func newSettler(b Backend, tell func(any), coming *atomic.Bool) *settler {
	d, ok := b.(Durable)
	s := &settler{backend: b, tell: tell, far: ok && d.Durable(), coming: coming}
	s.near, _ = b.(*Memory)
	s.work = sync.NewCond(&s.mu)
	s.late.Store(-1)
	s.ctx, s.stop = context.WithCancel(context.Background())
	return s
}

// atOnce settles where that waits for nothing, on the router's goroutine: the way to another one and back costs more than the
// call, above all where many organs settle little at a time. false: the chunk has to be added. What wraps a Memory
// may wait. The answers hold until the next call.
func (s *settler) atOnce(ch *chunk) (m settledMsg, ok bool) {
	if s.near == nil {
		return settledMsg{}, false
	}
	answers, err := s.near.settleInto(s.answers[:0], ch.ss)
	s.answers = answers
	return settledMsg{ch, answers, err}, true
}

// add queues a chunk, or what is in it, with what waits already: false says that the chunk is empty, and the caller's
// again. With many organs each step of the router has a few settlements, and a chunk for each of them, its call and
// its answer would cost more than they.
func (s *settler) add(ch *chunk) (kept bool) {
	s.mu.Lock()
	if n := len(s.chunks); n > 0 && s.chunks[n-1].take(ch) {
		s.mu.Unlock()
		return false
	}
	s.chunks = append(s.chunks, ch)
	s.mu.Unlock()
	s.work.Signal()
	return true
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
			// For the statistics alone: a backend that cannot be reached must not hold up the end.
			ctx, stop := context.WithTimeout(context.WithoutCancel(s.ctx), lastLook)
			s.look(ctx)
			stop()
			return
		}
		s.gather()
		chunks, asked := s.chunks, s.asked
		s.chunks, s.asked = spare[:0], false
		s.mu.Unlock()
		s.settle(chunks)
		clear(chunks)
		spare = chunks
		if asked {
			s.tell(s.look(s.ctx))
		}
	}
}

// settle settles what has gathered while the backend was at work.
func (s *settler) settle(chunks []*chunk) {
	for len(chunks) > 0 {
		n, ss := s.together(chunks)
		answers, err := s.backend.Settle(s.ctx, ss)
		for _, ch := range chunks[:n] {
			its := answers
			if err == nil {
				its, answers = answers[:len(ch.ss)], answers[len(ch.ss):]
			}
			s.tell(settledMsg{ch, its, err})
		}
		chunks = chunks[n:]
	}
	clear(s.gathered)
	s.gathered = s.gathered[:0]
}

// together is what the next call settles: the first n chunks. A backend that has far to go lives on batches; where it has
// not, a call costs less than copying does.
func (s *settler) together(chunks []*chunk) (n int, ss []Settlement) {
	n, ss = 1, chunks[0].ss
	for s.far && n < len(chunks) && len(ss)+len(chunks[n].ss) <= mostSettled {
		if n == 1 {
			s.gathered = append(s.gathered[:0], ss...)
		}
		s.gathered = append(s.gathered, chunks[n].ss...)
		ss = s.gathered
		n++
	}
	return n, ss
}

// gather lets more become done before what is done is settled: of what came with one pull, several lanes are done at
// nearly the same time, and what misses a call waits for the whole of it. The lock must be held; it is let go meanwhile.
func (s *settler) gather() {
	if !s.far {
		return
	}
	s.mu.Unlock()
	defer s.mu.Lock()
	began := time.Now()
	for n := range mostYields {
		if !s.worthWaiting(n) || time.Since(began) > gatherTime {
			return
		}
		runtime.Gosched()
	}
}

// worthWaiting reports whether more is likely to be done in a moment, after all that can run has run so many times.
func (s *settler) worthWaiting(yields int) bool {
	if s.coming.Load() {
		return true
	}
	switch outlook(s.outlook.Load()) {
	case allDone:
		return false
	case someAtWork:
		return yields < settleYields
	default:
		return true
	}
}

// outlook is what of the work in hand may be done soon.
type outlook int32

const (
	allDone    outlook = iota
	someAtWork         // nobody knows when it is done
	quickAtWork
)

// Bounds of gathering, beside a call of some 200 µs.
const (
	settleYields = 3 // where nobody knows
	mostYields   = 1000
	gatherTime   = 100 * time.Microsecond
)

// mostSettled is how many settlements are gathered for one call.
const mostSettled = 8192

// lastLook is how long the backlog at the end may take.
const lastLook = time.Second

// look asks for the backlog.
func (s *settler) look(ctx context.Context) backlogMsg {
	i, ok := s.backend.(Inspector)
	if !ok {
		return backlogMsg{err: errors.New("spine: the backend does not tell its backlog")}
	}
	b, err := i.Backlog(ctx)
	if err == nil {
		s.late.Store(int64(b.Delayed))
	}
	return backlogMsg{b, err}
}
