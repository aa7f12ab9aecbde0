package host

import (
	"encoding/json"
	"sync"
	"sync/atomic"

	"github.com/asynkron/protoactor-go/actor"
)

// Lane is one actor of an organ: a worker of a stateless organ, or the home of the cells of a keyed organ
// whose keys fall to it. It has one batch at a time.
//
// A Lane outlives its actor: when a handler is stuck, the actor is replaced and the
// lane goes on. What it has been told therefore waits here and not in the actor's mailbox, which
// gets a wake for each.
type Lane struct {
	organ *Organ
	index int
	turn  atomic.Pointer[turn] // of the present actor

	mu      sync.Mutex
	pid     *actor.PID // the present actor
	mailbox *mailbox   // of the present actor
	inbox   deque[request]
	closed  bool
	own     seat
}

// request is what a lane can be told. refuse answers for a lane that ends, or that the
// request has brought down.
type request interface{ refuse(l *Lane, err error) }

// Organ is the organ the lane belongs to.
func (l *Lane) Organ() *Organ { return l.organ }

// Index is the lane's number within its organ, from 0.
func (l *Lane) Index() int { return l.index }

// Run gives the lane a batch. The lane must be free: no batch outstanding, and not down. For a keyed
// organ, the commit of the batch before must have been answered. A lane that has been stopped
// delivers the batch at once, on the caller's goroutine, with every item Undone.
func (l *Lane) Run(b *Batch) {
	b.Lane = l
	l.tell(b)
}

// Ask runs an Answer of a keyed organ on the cell of key and gives the reply to answer, on the
// lane's goroutine as a rule. The lane must be free, as for Run; questions may be told one after another,
// and be followed by a batch. An Answer that takes longer than the policy's timeout is abandoned.
func (l *Lane) Ask(key string, query any, answer func(json.RawMessage, error)) {
	l.tell(&question{key: key, query: query, answer: answer})
}

// Forget makes a keyed lane drop its cells: what it knows is not what is stored.
func (l *Lane) Forget() { l.tell(forget{}) }

// Sweep makes a keyed lane passivate idle cells and take snapshots that are due; lane 0 also has
// the store forget cells that expired. The lane must be free, as for Run.
func (l *Lane) Sweep() { l.tell(sweep{}) }

// Flush makes a keyed lane save a snapshot of every cell that has changed since its last
// one, and then calls done, on the lane's goroutine as a rule. The lane must be free, as for Run.
func (l *Lane) Flush(done func()) { l.tell(flush{done: done}) }

// FlushSome is Flush for the cells of some keys.
func (l *Lane) FlushSome(of func(key string) bool, done func()) { l.tell(flush{of: of, done: done}) }

// Requests of lanes, besides *Batch.
type (
	question struct {
		key    string
		query  any
		answer func(json.RawMessage, error)
	}
	forget struct{}
	sweep  struct{}
	flush  struct {
		of   func(key string) bool // nil: all
		done func()
	}
)

func (q *question) refuse(_ *Lane, err error) { q.answer(nil, err) }
func (forget) refuse(*Lane, error)            {}
func (sweep) refuse(*Lane, error)             {}
func (f flush) refuse(*Lane, error)           { f.done() }

// wake tells the lane's actor to take a request. One that comes too late is no loss.
type wake struct{}

func (l *Lane) tell(r request) {
	l.mu.Lock()
	if l.closed {
		l.mu.Unlock()
		r.refuse(l, ErrStopped)
		return
	}
	l.inbox.pushBack(r)
	m := l.mailbox
	l.mu.Unlock()
	m.PostUserMessage(wake{})
}

// tellFirst lets r overtake what the lane has not taken yet.
func (l *Lane) tellFirst(r request) {
	l.mu.Lock()
	l.inbox.pushFront(r)
	m := l.mailbox
	l.mu.Unlock()
	m.PostUserMessage(wake{})
}

// take returns the next request, nil when there is none.
func (l *Lane) take() request {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.inbox.len() == 0 {
		return nil
	}
	return l.inbox.popFront()
}

// adopt makes pid the lane's actor, and wakes it for everything the one before has left.
func (l *Lane) adopt(pid *actor.PID, m *mailbox, t *turn) {
	l.mu.Lock()
	l.pid, l.mailbox = pid, m
	l.turn.Store(t)
	left := l.inbox.len()
	l.mu.Unlock()
	for range left {
		m.PostUserMessage(wake{})
	}
}

// actor returns the present one.
func (l *Lane) actor() *actor.PID {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.pid
}

// close ends the lane: what it was told and has not taken is refused, and so is what comes.
func (l *Lane) close() {
	l.mu.Lock()
	l.closed = true
	left := make([]request, 0, l.inbox.len())
	for l.inbox.len() > 0 {
		left = append(left, l.inbox.popFront())
	}
	l.mu.Unlock()
	for _, r := range left {
		r.refuse(l, ErrStopped)
	}
}
