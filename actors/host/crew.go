package host

import (
	"runtime"
	"sync"
	"sync/atomic"
)

// crew runs mailboxes that have messages. They stand in line, and goroutines take one after another: while there is
// a line, somebody is always on the way to it, called by who took the one before. So a handler that blocks holds
// up nobody, and many that do not are run by a few goroutines, none of which was woken for each.
//
// A router goes before lanes, but not before the next few that will be done in no time: what they deliver it takes
// together, where it would be set off for each.
//
// Unlike the engine's dispatcher the crew survives runtime.Goexit in a handler (a test's FailNow): the mailbox believes
// that it is still being worked on, so somebody has to go on with it. And it lets goroutines wait for the next
// mailbox: with a thousand organs of which each has little to do, making them and growing their stacks was a
// fifth of all work.
type crew struct {
	mu      sync.Mutex
	line    deque[*mailbox]
	routers deque[*mailbox]
	before  int             // lanes that may still go before a router
	called  bool            // a goroutine is on the way to the line
	idle    []chan struct{} // the one that has worked last is called first: its stack is warm
	closed  bool
}

const (
	// crewLimit bounds the goroutines that wait, each with a stack of 8 to 16 KB.
	crewLimit = 1024
	// beforeRouter is how many brief lanes go before a router that comes later.
	beforeRouter = 32
)

// schedule lets m run.
func (c *crew) schedule(m *mailbox) {
	c.mu.Lock()
	if m.router {
		if c.routers.len() == 0 {
			c.before = beforeRouter
		}
		c.routers.pushBack(m)
	} else {
		c.line.pushBack(m)
	}
	c.call()
}

// call unlocks c, and has a goroutine come if there is a line and nobody on the way.
func (c *crew) call() {
	if c.called || c.line.len()+c.routers.len() == 0 {
		c.mu.Unlock()
		return
	}
	c.called = true
	n := len(c.idle)
	if n == 0 {
		c.mu.Unlock()
		go c.serve() // ends when there is nothing to do and enough others wait, or with the crew
		return
	}
	hand := c.idle[n-1]
	c.idle = c.idle[:n-1]
	c.mu.Unlock()
	hand <- struct{}{}
}

func (c *crew) serve() {
	spread()
	hand := make(chan struct{}, 1)
	for called := true; called; called = c.rest(hand) {
		for m := c.next(true); m != nil; m = c.next(false) {
			c.run(m)
		}
	}
}

// next takes the next mailbox in line, nil if there is none. Who was called comes with it to the line.
func (c *crew) next(called bool) (m *mailbox) {
	c.mu.Lock()
	if called {
		c.called = false
	}
	switch {
	case c.routers.len() > 0 && (c.before == 0 || c.line.len() == 0 || !c.line.front().brief.Load()):
		m = c.routers.popFront()
	case c.line.len() > 0:
		m = c.line.popFront()
		c.before = max(c.before-1, 0)
	}
	c.call()
	return m
}

func (c *crew) run(m *mailbox) {
	returned := false
	defer func() {
		if !returned {
			c.schedule(m)
		}
	}()
	m.run()
	returned = true
	if m.router {
		runtime.Gosched() // whom it has set off besides lanes is not to wait for the end of the line
	}
}

// rest lets a goroutine wait until it is called, unless it is not needed any more.
func (c *crew) rest(hand chan struct{}) (called bool) {
	c.mu.Lock()
	if c.closed || len(c.idle) == crewLimit {
		c.mu.Unlock()
		return false
	}
	c.idle = append(c.idle, hand)
	c.mu.Unlock()
	_, called = <-hand
	return called
}

// close ends the goroutines that wait, and the others when they are done.
func (c *crew) close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed = true
	for _, hand := range c.idle {
		close(hand)
	}
	c.idle = nil
}

// spread makes the goroutine's stack as large as a handler will need, in one step: grown under
// a handler it would be copied three times, with everything on it.
//
//go:noinline
func spread() byte {
	var room [6 << 10]byte
	return room[stackIndex.Load()]
}

// stackIndex is always 0, which the compiler does not know.
var stackIndex atomic.Uint32
