package redisstream

import (
	"sync/atomic"
	"time"
)

// DefaultBusyPoll is for how long a reply is looked for before its goroutine sleeps. Over loopback a reply takes 100 to 150 µs, of
// which half is two processes being woken.
const DefaultBusyPoll = 200 * time.Microsecond

// maxBusyPoll bounds WithBusyPoll: what takes longer is not waited for by keeping a processor busy.
const maxBusyPoll = 10 * time.Millisecond

// WithBusyPoll bounds for how long a connection looks for a reply again and again, letting other goroutines run in between, before
// it sleeps until the kernel wakes it. One connection of a node does so at a time, and none where replies usually take
// longer than this: so a server on the same machine is answered sooner, at up to one processor while requests
// are on their way, and one over the network costs nothing. Not with TLS, nor on Windows. Default DefaultBusyPoll; 0:
// never.
func WithBusyPoll(most time.Duration) Option {
	return func(s *settings) { s.link.poll = most }
}

// busyPoll says whether a reply is worth looking for. The connections of a node share it.
type busyPoll struct {
	most  time.Duration
	taken atomic.Bool
	usual atomic.Int64 // how long replies have taken, ns: a mean over the last few
}

// begin reports whether a connection may look; end lets another one.
func (p *busyPoll) begin() bool {
	return time.Duration(p.usual.Load()) < p.most && p.taken.CompareAndSwap(false, true)
}

func (p *busyPoll) end() { p.taken.Store(false) }

// took notes how long a reply has taken. One that took very long does not count for more than some that took too long: the
// server may have been told to wait. Two at once may forget one of them.
func (p *busyPoll) took(d time.Duration) {
	usual := p.usual.Load()
	p.usual.Store(usual + (min(int64(d), 4*int64(p.most))-usual)/8)
}
