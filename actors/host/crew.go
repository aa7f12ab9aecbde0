package host

import (
	"sync"
	"sync/atomic"
)

// crew runs mailboxes, each on a goroutine while it has messages, as the engine's own dispatcher does. Unlike
// that one it survives runtime.Goexit in a handler (a test's FailNow): the mailbox believes that it is still
// being worked on, so somebody has to go on with it. And it lets goroutines wait for the next mailbox:
// with a thousand organs of which each has little to do, making them and growing their stacks was a fifth
// of all work.
type crew struct {
	mu     sync.Mutex
	idle   []chan func() // the one that has worked last is taken first: its stack is warm
	closed bool
}

// crewLimit bounds the goroutines that wait, each with a stack of 8 to 16 KB.
const crewLimit = 1024

// Schedule implements actor.Dispatcher.
func (c *crew) Schedule(work func()) {
	c.mu.Lock()
	n := len(c.idle)
	if n == 0 {
		c.mu.Unlock()
		go c.serve(work) // ends when there is nothing to do and enough others wait, or with the crew
		return
	}
	hand := c.idle[n-1]
	c.idle = c.idle[:n-1]
	c.mu.Unlock()
	hand <- work
}

// Throughput implements actor.Dispatcher: messages between two calls of runtime.Gosched.
func (*crew) Throughput() int { return 300 }

func (c *crew) serve(work func()) {
	spread()
	hand := make(chan func(), 1)
	for work != nil {
		c.run(work)
		if !c.rest(hand) {
			return
		}
		work = nil // what has stopped must not be kept by who waits
		work = <-hand
	}
}

func (c *crew) run(work func()) {
	returned := false
	defer func() {
		if !returned {
			c.Schedule(work)
		}
	}()
	work()
	returned = true
}

// rest lets a goroutine wait, unless it is not needed any more.
func (c *crew) rest(hand chan func()) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed || len(c.idle) == crewLimit {
		return false
	}
	c.idle = append(c.idle, hand)
	return true
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
