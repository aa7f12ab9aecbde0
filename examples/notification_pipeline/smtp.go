package main

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/wneessen/go-mail"
	"github.com/wneessen/go-mail/smtp"

	"github.com/necrostack/necrostack/actors"
)

// letter is one mail.
type letter struct {
	id      string // of the event: a repeated mail has the Message-ID of the first
	to      string
	subject string
	text    string
	at      time.Time
	urgent  bool
}

func mailOf(ev actors.EventOf[EmailSendRequested]) letter {
	p := ev.Payload
	return letter{
		id: ev.ID().String(), to: p.To, subject: p.Subject, text: p.Text, at: ev.Time(),
		urgent: p.Priority == "high" || p.Priority == "critical",
	}
}

// mailServer is where mail goes.
type mailServer struct {
	host           string
	port           int
	user, password string // "" is no authentication
	from           string // sender of every mail
}

// parseMailServer reads smtp://[user:password@]host[:port]. STARTTLS is used where it is offered.
func parseMailServer(text, from string) (mailServer, error) {
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "smtp" || u.Hostname() == "" {
		// The text may hold a password, so it is not repeated.
		return mailServer{}, errors.New("want smtp://[user:password@]host[:port]")
	}
	port, err := strconv.Atoi(cmp.Or(u.Port(), "25"))
	if err != nil || port < 1 || port > 65535 {
		return mailServer{}, fmt.Errorf("port is %q, want a number from 1 to 65535", u.Port())
	}
	password, _ := u.User.Password()
	return mailServer{u.Hostname(), port, u.User.Username(), password, from}, nil
}

func (s mailServer) address() string { return net.JoinHostPort(s.host, strconv.Itoa(s.port)) }

// mailer sends mails over one connection, which it keeps. It is for one goroutine.
type mailer struct {
	server mailServer
	client *mail.Client
	talk   *smtp.Client // nil: not connected

	mu   sync.Mutex
	conn net.Conn // below talk; an attempt that has to end closes it
}

// newMailer does not connect; send does.
func newMailer(server mailServer) *mailer { return &mailer{server: server} }

// patience bounds a step of the conversation where nothing else does; an attempt's context ends sooner.
const patience = 30 * time.Second

func (m *mailer) settings() []mail.Option {
	opts := []mail.Option{
		mail.WithPort(m.server.port), mail.WithTimeout(patience), mail.WithHELO("localhost"),
		mail.WithTLSPolicy(mail.TLSOpportunistic), mail.WithTLSConfig(&tls.Config{ServerName: m.server.host}),
		mail.WithDialContextFunc(m.dial),
	}
	if m.server.user == "" {
		return opts
	}
	return append(opts, mail.WithSMTPAuth(mail.SMTPAuthAutoDiscover),
		mail.WithUsername(m.server.user), mail.WithPassword(m.server.password))
}

// send delivers one mail. A connection that has gone stale since the last one is replaced, without
// that counting as an attempt. Its error is permanent when the server says so (5xx).
func (m *mailer) send(ctx context.Context, l letter) error {
	msg, err := m.compose(l)
	if err != nil {
		return actors.Permanent(err)
	}
	defer m.cutAtEnd(ctx)()
	kept := m.talk != nil
	err = m.converse(ctx, msg)
	if kept && stale(err) && ctx.Err() == nil {
		err = m.converse(ctx, msg)
	}
	switch {
	case msg.IsDelivered():
		return nil // what went wrong after the server's 250 concerns the next mail
	case ctx.Err() != nil:
		// The connection was cut, which says nothing. This says why, and a stop that it is no failed attempt.
		return fmt.Errorf("%s did not answer in time: %w", m.server.address(), ctx.Err())
	default:
		return judged(err)
	}
}

func (m *mailer) compose(l letter) (*mail.Msg, error) {
	msg := mail.NewMsg()
	if err := msg.From(m.server.from); err != nil {
		return nil, fmt.Errorf("sender: %w", err)
	}
	if err := msg.To(l.to); err != nil {
		return nil, fmt.Errorf("recipient: %w", err)
	}
	msg.SetMessageIDWithValue(l.id + "@necrostack.example")
	msg.SetDateWithValue(l.at)
	msg.Subject(l.subject)
	if l.urgent {
		msg.SetImportance(mail.ImportanceUrgent)
	}
	msg.SetBodyString(mail.TypeTextPlain, l.text)
	return msg, nil
}

// converse hands one mail to the server, connecting first where that is needed. After anything but a plain
// refusal of the mail nobody knows where the conversation is, and it is given up.
func (m *mailer) converse(ctx context.Context, msg *mail.Msg) error {
	err := m.connect(ctx)
	if err == nil {
		err = m.client.SendWithSMTPClient(m.talk, msg)
	}
	if err != nil && !refused(err) {
		m.drop()
	}
	return err
}

func (m *mailer) connect(ctx context.Context) error {
	if m.talk != nil {
		return nil
	}
	client, err := mail.NewClient(m.server.host, m.settings()...)
	if err != nil {
		return actors.Permanent(err)
	}
	talk, err := client.DialToSMTPClientWithContext(ctx)
	if err != nil {
		return fmt.Errorf("connect to %s: %w", m.server.address(), err)
	}
	m.client, m.talk = client, talk
	return nil
}

// dial keeps hold of the connection, so that the end of an attempt can cut it.
func (m *mailer) dial(ctx context.Context, network, address string) (net.Conn, error) {
	conn, err := new(net.Dialer).DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	m.mu.Lock()
	m.conn = conn
	m.mu.Unlock()
	if ctx.Err() != nil {
		m.cut() // the attempt ended before there was anything to cut
	}
	return conn, nil
}

// cut ends whatever the conversation waits for.
func (m *mailer) cut() {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.conn != nil {
		_ = m.conn.Close() // nothing to be said about a connection that is given up
	}
}

// cutAtEnd cuts the connection when ctx ends, until the function it returns is called.
func (m *mailer) cutAtEnd(ctx context.Context) (release func()) {
	done := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(done)
		m.cut()
	})
	return func() {
		if !stop() {
			<-done // or it would cut the next mail's connection
			m.drop()
		}
	}
}

func (m *mailer) drop() {
	m.cut()
	m.talk = nil
}

// farewell is how long the server may take to say good-bye.
const farewell = time.Second

// close ends the conversation in good order, if there is one.
func (m *mailer) close() {
	if m.talk == nil {
		return
	}
	if err := m.talk.UpdateDeadline(farewell); err == nil {
		_ = m.client.CloseWithSMTPClient(m.talk) // a server that is gone already is as good
	}
	m.drop()
}

// stale reports that the server has closed a kept connection while it was not used.
func stale(err error) bool {
	var e *mail.SendError
	return errors.As(err, &e) && e.Reason == mail.ErrConnCheck
}

// serverClosing is the code with which a server announces that it closes the connection.
const serverClosing = 421

// refused reports that the server has answered, and will listen to the next mail.
func refused(err error) bool {
	var e *mail.SendError
	return errors.As(err, &e) && e.ErrorCode() != 0 && e.ErrorCode() != serverClosing
}

// judged marks as permanent what the server will never take, and shortens the text: who and what the
// mail was stands in the event.
func judged(err error) error {
	var e *mail.SendError
	if !errors.As(err, &e) {
		return err
	}
	text, _, _ := strings.Cut(e.Error(), ", affected ")
	short := fmt.Errorf("smtp: %s", text)
	if e.ErrorCode() >= 500 {
		return actors.Permanent(short)
	}
	return short
}
