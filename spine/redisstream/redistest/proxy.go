package redistest

import (
	"math/rand/v2"
	"net"
	"sync"
	"testing"
	"time"
)

// Proxy is a network between clients and a server that can be made to fail. Its methods may be
// called from several goroutines, and at any time.
type Proxy struct {
	t        testing.TB
	listener net.Listener
	judge    judge
	done     chan struct{} // closed when the test is over
	tasks    sync.WaitGroup

	mu    sync.Mutex
	state proxyState
}

// proxyState is what the mutex of a Proxy guards.
type proxyState struct {
	target         string
	late           *sync.Cond // signalled when a delayed request is done with
	links          map[*link]struct{}
	parted         bool
	closed         bool
	least, longest time.Duration
	counts         Counts
}

// NewProxy listens on the loopback interface, until the test ends, for what is meant for the server
// at an address of host and port. The server need not run yet.
func NewProxy(t testing.TB, addr string) *Proxy {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatalf("redistest: proxy: %v", err)
	}
	p := &Proxy{t: t, listener: listener, done: make(chan struct{})}
	p.state.target = addr
	p.state.late = sync.NewCond(&p.mu)
	p.state.links = map[*link]struct{}{}
	// close ends it, and waits for all tasks.
	p.tasks.Go(p.accept)
	t.Cleanup(p.close)
	return p
}

// Addr is host and port of the proxy.
func (p *Proxy) Addr() string { return p.listener.Addr().String() }

// URL is where a client connects, for example redis://127.0.0.1:40000/0.
func (p *Proxy) URL() string { return "redis://" + p.Addr() + "/0" }

// SetRule puts a rule in the place of the one before; nil lets everything pass. A question asked of the
// old rule may still be under way.
func (p *Proxy) SetRule(r Rule) { p.judge.follow(r) }

// DropReply sets a rule: the next n requests with one of these commands, or of all commands when none
// is named, are done by the server but lose their reply and their connection.
func (p *Proxy) DropReply(n int, commands ...string) {
	p.SetRule(First(n, DropReplyAndClose, commands...))
}

// SetLatency holds back what comes from clients for a random time between the two, anew for each
// piece that arrives. A pipeline that arrives as one piece waits once. Zero is none.
func (p *Proxy) SetLatency(least, longest time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.state.least, p.state.longest = least, longest
}

// Partition resets all connections and, until Heal, each new one as soon as it is made: clients see
// it at once. For a network that says nothing, set a rule with Blackhole. Delayed requests are past the
// partition and arrive.
func (p *Proxy) Partition() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.state.parted = true
	p.cut()
}

// Redirect leads to another server from now on, as an address does that a promoted replica has taken over. All connections are
// reset; delayed requests arrive at the new server.
func (p *Proxy) Redirect(addr string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.state.target = addr
	p.cut()
}

// cut resets all connections. The lock must be held.
func (p *Proxy) cut() {
	for l := range p.state.links {
		p.state.counts.Cut++
		l.reset()
	}
	clear(p.state.links)
}

func (p *Proxy) target() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.state.target
}

// Heal ends a Partition.
func (p *Proxy) Heal() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.state.parted = false
}

// WaitDelayed waits until no delayed request is under way.
func (p *Proxy) WaitDelayed() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for p.state.counts.underway() > 0 {
		p.state.late.Wait()
	}
}

// Counts tells what the proxy has done so far. A fault is counted before the client sees anything of it.
func (p *Proxy) Counts() Counts {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.state.counts
}

func (p *Proxy) accept() {
	for {
		client, err := p.listener.Accept()
		if err != nil {
			p.mu.Lock()
			defer p.mu.Unlock()
			if !p.state.closed {
				p.t.Errorf("redistest: proxy: %v", err)
			}
			return
		}
		// It ends with its connections, which close closes.
		p.tasks.Go(func() { p.connect(client) })
	}
}

// connect carries one connection to its end.
func (p *Proxy) connect(client net.Conn) {
	target := p.target()
	server, err := net.Dial("tcp", target)
	if err != nil {
		p.refuse(client)
		return
	}
	l := newLink(p, client, server)
	if !p.enter(l, target) {
		_ = server.Close()
		p.refuse(client)
		return
	}
	// It ends when the server's connection is closed, which run does.
	p.tasks.Go(l.replies)
	l.run()
	p.leave(l)
}

func (p *Proxy) refuse(client net.Conn) {
	p.mu.Lock()
	p.state.counts.Refused++
	p.mu.Unlock()
	reset(client)
}

// enter makes a connection known, unless there must be none, or none to this server any more.
func (p *Proxy) enter(l *link, target string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.state.parted || p.state.closed || p.state.target != target {
		return false
	}
	p.state.counts.Connections++
	p.state.links[l] = struct{}{}
	return true
}

func (p *Proxy) leave(l *link) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.state.links, l)
}

// decide asks the rule about a request and counts the answer.
func (p *Proxy) decide(r request) Action {
	a := p.judge.decide(r)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.state.counts.count(a)
	return a
}

// linger waits the latency, or less when the test ends.
func (p *Proxy) linger() {
	p.mu.Lock()
	wait := p.state.least
	if spread := p.state.longest - p.state.least; spread > 0 {
		wait += rand.N(spread)
	}
	p.mu.Unlock()
	if wait > 0 {
		p.sleep(wait)
	}
}

// sleep tells whether it slept to the end.
func (p *Proxy) sleep(d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-p.done:
		return false
	}
}

func (p *Proxy) close() {
	p.mu.Lock()
	p.state.closed = true
	for l := range p.state.links {
		l.reset()
	}
	p.mu.Unlock()
	close(p.done)
	_ = p.listener.Close()
	p.tasks.Wait()
}
