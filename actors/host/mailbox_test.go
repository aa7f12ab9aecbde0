package host

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/stretchr/testify/assert"
)

// listener is an actor that writes down what it hears.
type listener struct {
	heard     []any
	escalated []any
	on        func(msg any)
}

func (l *listener) InvokeUserMessage(msg any) {
	l.heard = append(l.heard, msg)
	if l.on != nil {
		l.on(msg)
	}
}

func (l *listener) InvokeSystemMessage(msg any) { l.InvokeUserMessage(msg) }

func (l *listener) EscalateFailure(reason, msg any) { l.escalated = append(l.escalated, reason, msg) }

// listen runs f in a bubble with a mailbox for l.
func listen(t *testing.T, l *listener, f func(*mailbox)) {
	t.Helper()
	synctest.Test(t, func(*testing.T) {
		var c crew
		m := &mailbox{crew: &c}
		m.RegisterHandlers(l, nil)
		f(m)
		synctest.Wait()
		c.close()
	})
}

func TestMailboxKeepsTheOrderAndPutsTheEnginesMessagesFirst(t *testing.T) {
	t.Parallel()
	var l listener
	listen(t, &l, func(m *mailbox) {
		l.on = func(msg any) {
			if msg == 1 { // while it is at work
				m.PostUserMessage(3)
				m.PostSystemMessage("stop")
			}
		}
		m.PostUserMessage(1)
		m.PostUserMessage(2)
		assert.Equal(t, 2, m.UserMessageCount())
	})
	assert.Equal(t, []any{1, "stop", 2, 3}, l.heard)
}

func TestMailboxThatIsSuspendedHearsOnlyTheEngine(t *testing.T) {
	t.Parallel()
	var l listener
	listen(t, &l, func(m *mailbox) {
		m.PostSystemMessage(&actor.SuspendMailbox{})
		m.PostUserMessage(1)
		m.PostSystemMessage("restart")
		synctest.Wait()
		assert.Equal(t, []any{"restart"}, l.heard)
		m.PostUserMessage(2)
		m.PostSystemMessage(&actor.ResumeMailbox{})
	})
	assert.Equal(t, []any{"restart", 1, 2}, l.heard)
}

func TestMailboxEscalatesAPanicAndGoesOn(t *testing.T) {
	t.Parallel()
	l := listener{on: func(msg any) {
		if msg == 1 {
			panic("bad")
		}
	}}
	listen(t, &l, func(m *mailbox) {
		m.PostUserMessage(1)
		m.PostUserMessage(2)
	})
	assert.Equal(t, []any{1, 2}, l.heard)
	assert.Equal(t, []any{"bad", 1}, l.escalated)
}

func TestMailboxIsBriefAsLongAsItsWorkIs(t *testing.T) {
	t.Parallel()
	var m mailbox
	assert.False(t, m.brief.Load(), "nobody knows yet")
	m.took(briefTime)
	assert.True(t, m.brief.Load())
	m.took(briefTime + time.Nanosecond)
	assert.False(t, m.brief.Load())
}
