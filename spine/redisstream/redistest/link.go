package redistest

import (
	"bufio"
	"io"
	"net"
	"sync"
)

// link is one client's connection, and the one to the server behind it. One goroutine carries
// requests, another replies.
type link struct {
	proxy   *Proxy
	client  net.Conn
	server  net.Conn
	in      *bufio.Reader // from the client
	opening []request     // what set the connection up

	mu      sync.Mutex
	changed *sync.Cond
	state   linkState
}

// linkState is what the mutex of a link guards.
type linkState struct {
	awaited int  // replies that the server owes
	deaf    bool // replies are read and thrown away
	ended   bool // there will be no more replies
}

func newLink(p *Proxy, client, server net.Conn) *link {
	const piece = 64 << 10 // bytes; a pipeline up to this arrives as one
	l := &link{proxy: p, client: client, server: server, in: bufio.NewReaderSize(client, piece)}
	l.changed = sync.NewCond(&l.mu)
	return l
}

// run carries requests until one is to fail or a side has closed. Then both sides are closed.
func (l *link) run() {
	defer l.close()
	for {
		fresh := l.in.Buffered() == 0
		r, err := readRequest(l.in)
		if err != nil {
			l.finish()
			return
		}
		if fresh {
			l.proxy.linger()
		}
		if a := l.decide(r); a != Pass {
			l.fail(a, r)
			return
		}
		if !l.deliver(r) {
			return
		}
	}
}

func (l *link) decide(r request) Action {
	if !r.opens() {
		return l.proxy.decide(r)
	}
	l.opening = append(l.opening, r)
	return Pass
}

// deliver sends a request to the server.
func (l *link) deliver(r request) bool {
	l.mu.Lock()
	l.state.awaited += len(r.commands) // before the server can answer
	l.mu.Unlock()
	_, err := l.server.Write(r.raw)
	return err == nil
}

// fail does to a request what is to be done, once all before it is answered.
func (l *link) fail(a Action, r request) {
	l.awaitReplies()
	switch a.kind {
	case dropReplyAndClose:
		l.swallow(r)
	case closeBefore:
	case blackhole:
		l.turnDeaf()
		l.ignore()
	case blackholeReply:
		l.swallow(r)
		l.ignore()
	case delay:
		l.close()
		l.proxy.deliverLate(a.delay, l.opening, r)
	}
}

// swallow has a request done by the server and tells the client nothing.
func (l *link) swallow(r request) {
	l.turnDeaf()
	if l.deliver(r) {
		l.awaitReplies()
	}
}

// ignore listens to the client until it goes.
func (l *link) ignore() { _, _ = io.Copy(io.Discard, l.in) }

// finish follows a client that has said its last: what it said before is still done.
func (l *link) finish() {
	if tcp, ok := l.server.(*net.TCPConn); ok {
		_ = tcp.CloseWrite()
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for !l.state.ended {
		l.changed.Wait()
	}
}

func (l *link) turnDeaf() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.state.deaf = true
}

// awaitReplies returns when the server owes nothing, or can no longer pay.
func (l *link) awaitReplies() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for l.state.awaited > 0 && !l.state.ended {
		l.changed.Wait()
	}
}

// replies carries replies until the server's side is closed, and then closes the client's, unless that
// is to hear nothing at all.
func (l *link) replies() {
	out := bufio.NewReader(l.server)
	for l.carryReply(out) {
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.state.ended = true
	l.changed.Broadcast()
	if !l.state.deaf {
		_ = l.client.Close()
	}
}

func (l *link) carryReply(out *bufio.Reader) bool {
	raw, push, err := readReply(out)
	if err != nil {
		return false
	}
	if !l.isDeaf() {
		// A client that is gone is noticed where it is read from.
		_, _ = l.client.Write(raw)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if !push && l.state.awaited > 0 {
		l.state.awaited--
		l.changed.Broadcast()
	}
	return true
}

func (l *link) isDeaf() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.state.deaf
}

func (l *link) close() {
	_ = l.client.Close()
	_ = l.server.Close()
}

func (l *link) reset() {
	reset(l.client)
	_ = l.server.Close()
}

// reset closes a connection so that the other side sees an error rather than an end.
func reset(c net.Conn) {
	if tcp, ok := c.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	_ = c.Close()
}
