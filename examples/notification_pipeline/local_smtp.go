package main

import (
	"context"
	"errors"
	"io"
	"log"
	"net"
	"net/mail"
	"sync"
	"time"

	"github.com/emersion/go-smtp"
)

// localSMTP is a mail server that keeps count instead of mails.
type localSMTP struct {
	*gate
	latency time.Duration
	server  *smtp.Server
	ports   *portBook
	served  sync.WaitGroup
}

// Bounds of the server: what nobody needs is a connection that says nothing, and a mail that never ends.
const (
	maxMail  = 2 << 20 // bytes
	idleMail = time.Minute
	goodbye  = 2 * time.Second
)

func startLocalSMTP(g *gate, latency time.Duration) (*localSMTP, error) {
	listener, err := listen()
	if err != nil {
		return nil, err
	}
	s := &localSMTP{gate: g, latency: latency, ports: &portBook{Listener: listener, conns: map[net.Conn]struct{}{}}}
	s.server = smtp.NewServer(smtp.BackendFunc(func(*smtp.Conn) (smtp.Session, error) {
		return &mailSession{server: s}, nil
	}))
	s.server.Domain = "localhost"
	s.server.MaxMessageBytes, s.server.MaxRecipients = maxMail, 1
	s.server.ReadTimeout, s.server.WriteTimeout = idleMail, idleMail
	s.server.ErrorLog = log.New(io.Discard, "", 0)      // a client that hangs up is no news
	s.served.Go(func() { _ = s.server.Serve(s.ports) }) // ends with close, which is all its error says
	return s, nil
}

func (s *localSMTP) address() string { return s.ports.Addr().String() }

// close ends all conversations and waits for the server.
func (s *localSMTP) close() {
	close(s.closing)
	s.ports.closeAll()
	ctx, cancel := context.WithTimeout(context.Background(), goodbye)
	defer cancel()
	_ = s.server.Shutdown(ctx) // all connections are closed: what it could say is that time was up
	s.served.Wait()
}

// mailSession is one conversation.
type mailSession struct{ server *localSMTP }

var (
	errMailboxBusy    = &smtp.SMTPError{Code: 421, EnhancedCode: smtp.EnhancedCode{4, 3, 2}, Message: "try again later"}
	errMailboxBlocked = &smtp.SMTPError{Code: 550, EnhancedCode: smtp.EnhancedCode{5, 7, 1}, Message: "mailbox is blocked"}
)

func (m *mailSession) Mail(string, *smtp.MailOptions) error { return nil }

func (m *mailSession) Rcpt(to string, _ *smtp.RcptOptions) error {
	switch m.server.judge(to) {
	case turnedAway:
		return errMailboxBusy
	case refusedForGood:
		return errMailboxBlocked
	default:
		return nil
	}
}

func (m *mailSession) Data(r io.Reader) error {
	m.server.enter()
	defer m.server.leave()
	msg, err := mail.ReadMessage(r)
	if err != nil {
		return err
	}
	if _, err := io.Copy(io.Discard, msg.Body); err != nil {
		return err
	}
	m.server.pause(m.server.latency)
	id := msg.Header.Get("Message-ID")
	if id == "" {
		return errors.New("the mail has no Message-ID")
	}
	m.server.accept(id)
	return nil
}

func (m *mailSession) Reset() {}

func (m *mailSession) Logout() error { return nil }

// portBook is a listener that can close what it has accepted: the server's own Close does not wait, and its
// Shutdown does not close.
type portBook struct {
	net.Listener
	mu     sync.Mutex
	closed bool
	conns  map[net.Conn]struct{}
}

// Accept implements net.Listener.
func (b *portBook) Accept() (net.Conn, error) {
	conn, err := b.Listener.Accept()
	if err != nil {
		return nil, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		_ = conn.Close()
	}
	b.conns[conn] = struct{}{}
	return bookedConn{conn, b}, nil
}

// closeAll closes the listener itself too: the server may not have come round to listening yet, and then
// its Shutdown knows nothing of it.
func (b *portBook) closeAll() {
	_ = b.Listener.Close() // the first of two
	b.mu.Lock()
	defer b.mu.Unlock()
	b.closed = true
	for conn := range b.conns {
		_ = conn.Close() // the other side notices
	}
}

type bookedConn struct {
	net.Conn
	book *portBook
}

// Close implements net.Conn.
func (c bookedConn) Close() error {
	c.book.mu.Lock()
	delete(c.book.conns, c.Conn)
	c.book.mu.Unlock()
	return c.Conn.Close()
}
