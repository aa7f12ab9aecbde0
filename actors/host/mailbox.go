package host

import (
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/asynkron/protoactor-go/actor"
)

// mailbox holds what an actor has been told and not heard yet, and has the crew run it meanwhile. It does what
// the engine's own does, in a fraction of the memory that has to be looked at for a message: with a thousand organs
// of which each has little to do, that is most of the cost of setting one off.
type mailbox struct {
	crew    *crew
	invoker actor.MessageInvoker
	worker  *worker     // the present one of a lane's actor
	brief   atomic.Bool // what it did last took no time worth speaking of
	router  bool        // whose actor takes together what has come

	mu        sync.Mutex
	running   bool // with the crew
	suspended bool // by a failure: only the engine's messages are heard
	user      deque[any]
	system    deque[any] // the engine's own messages come first
}

// briefTime is how long brief work takes at most.
const briefTime = 10 * time.Microsecond

// props makes an actor use m. One that is restarted keeps it.
func (m *mailbox) props() actor.PropsOption {
	return actor.WithMailbox(func() actor.Mailbox { return m })
}

// took notes how long the actor's work took.
func (m *mailbox) took(d time.Duration) {
	if brief := d <= briefTime; brief != m.brief.Load() {
		m.brief.Store(brief)
	}
}

// RegisterHandlers implements actor.Mailbox. The crew takes the place of the dispatcher.
func (m *mailbox) RegisterHandlers(invoker actor.MessageInvoker, _ actor.Dispatcher) {
	m.invoker = invoker
}

// Start implements actor.Mailbox.
func (m *mailbox) Start() {}

// UserMessageCount implements actor.Mailbox.
func (m *mailbox) UserMessageCount() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.user.len()
}

// PostUserMessage implements actor.Mailbox.
func (m *mailbox) PostUserMessage(msg any) {
	m.mu.Lock()
	m.user.pushBack(msg)
	m.set(!m.suspended)
}

// PostSystemMessage implements actor.Mailbox.
func (m *mailbox) PostSystemMessage(msg any) {
	m.mu.Lock()
	m.system.pushBack(msg)
	m.set(true)
}

// set unlocks m, and sets it off if there is work and nobody is at it.
func (m *mailbox) set(work bool) {
	work = work && !m.running
	m.running = m.running || work
	m.mu.Unlock()
	if work {
		m.crew.schedule(m)
	}
}

// run tells the actor everything, until there is nothing left.
func (m *mailbox) run() {
	for n := 1; ; n++ {
		msg, system := m.next()
		if msg == nil {
			return
		}
		m.tell(msg, system)
		if n%messagesInTurn == 0 {
			runtime.Gosched()
		}
	}
}

// messagesInTurn is how many messages an actor hears before others have a chance to run.
const messagesInTurn = 300

// next takes the next message; with none the mailbox is idle.
func (m *mailbox) next() (msg any, system bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for m.system.len() > 0 {
		switch msg := m.system.popFront().(type) {
		case *actor.SuspendMailbox:
			m.suspended = true
		case *actor.ResumeMailbox:
			m.suspended = false
		default:
			return msg, true
		}
	}
	if m.suspended || m.user.len() == 0 {
		m.running = false
		return nil, false
	}
	return m.user.popFront(), false
}

func (m *mailbox) tell(msg any, system bool) {
	defer func() {
		if r := recover(); r != nil {
			m.invoker.EscalateFailure(r, msg)
		}
	}()
	if system {
		m.invoker.InvokeSystemMessage(msg)
		return
	}
	if _, ok := msg.(wake); ok {
		m.worker.next() // without the engine's context, whose memory is cold
		return
	}
	m.invoker.InvokeUserMessage(msg)
}
