package redistest

import (
	"bufio"
	"net"
	"time"
)

// deliverLate delivers a request after a time, on a connection that is opened like the one it came on.
func (p *Proxy) deliverLate(after time.Duration, opening []request, r request) {
	// It ends at its time, or when the test does.
	p.tasks.Go(func() {
		delivered := p.sleep(after) && p.deliverAlone(opening, r)
		p.mu.Lock()
		defer p.mu.Unlock()
		if delivered {
			p.state.counts.DeliveredLate++
		} else {
			p.state.counts.LostLate++
		}
		p.state.late.Broadcast()
	})
}

// deliverAlone tells whether the server has answered.
func (p *Proxy) deliverAlone(opening []request, r request) bool {
	server, err := net.Dial("tcp", p.target())
	if err != nil {
		return false
	}
	defer func() { _ = server.Close() }()
	over := make(chan struct{})
	defer close(over)
	// It ends with this call.
	p.tasks.Go(func() {
		select {
		case <-p.done: // A paused server must not hold up the end of the test.
			_ = server.Close()
		case <-over:
		}
	})
	out := bufio.NewReader(server)
	for _, next := range append(opening[:len(opening):len(opening)], r) {
		if !ask(server, out, next) {
			return false
		}
	}
	return true
}

// ask sends a request and reads its replies.
func ask(server net.Conn, out *bufio.Reader, r request) bool {
	if _, err := server.Write(r.raw); err != nil {
		return false
	}
	for replies := 0; replies < len(r.commands); {
		_, push, err := readReply(out)
		if err != nil {
			return false
		}
		if !push {
			replies++
		}
	}
	return true
}
