package main

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/necrostack/necrostack/actors"
)

// scripted is an SMTP server that answers as it is told, and counts connections.
type scripted struct {
	listener net.Listener
	answers  map[string]string // by the first word of a command; "" hangs up, "." is the end of a mail
	opened   atomic.Int32
	mails    atomic.Int32
	conns    sync.WaitGroup
}

func startScripted(t *testing.T, answers map[string]string) *scripted {
	t.Helper()
	listener, err := listen()
	require.NoError(t, err)
	s := &scripted{listener: listener, answers: answers}
	s.conns.Go(s.serve) // ends with the listener
	t.Cleanup(func() {
		_ = listener.Close()
		s.conns.Wait()
	})
	return s
}

func (s *scripted) serve() {
	for {
		conn, err := s.listener.Accept()
		if err != nil {
			return
		}
		s.opened.Add(1)
		s.conns.Go(func() { s.talk(conn) }) // ends with the connection
	}
}

func (s *scripted) talk(conn net.Conn) {
	defer conn.Close()
	if !s.say(conn, "CONNECT", "220 ready") {
		return
	}
	in, data := bufio.NewScanner(conn), false
	for in.Scan() {
		word, _, _ := strings.Cut(in.Text(), " ")
		switch {
		case data && word != ".":
			continue
		case word == ".":
			data = false
			s.mails.Add(1)
		case word == "DATA":
			data = true
		}
		usual := map[string]string{"DATA": "354 go on", "QUIT": "221 bye"}[word]
		if usual == "" {
			usual = "250 fine"
		}
		if !s.say(conn, word, usual) || word == "QUIT" {
			return
		}
	}
}

// say answers a command; false hangs up.
func (s *scripted) say(conn net.Conn, word, usual string) bool {
	answer, told := s.answers[word]
	if !told {
		answer = usual
	}
	if answer == "" {
		return false
	}
	if answer == "(silence)" {
		_, _ = conn.Read(make([]byte, 1<<10)) // until the other side gives up
		return false
	}
	_, err := fmt.Fprintf(conn, "%s\r\n", answer)
	return err == nil
}

func (s *scripted) mailer(t *testing.T) *mailer {
	t.Helper()
	server, err := parseMailServer("smtp://"+s.listener.Addr().String(), "notifications@example.com")
	require.NoError(t, err)
	m := newMailer(server)
	t.Cleanup(m.close)
	return m
}

func mailTo(address string) letter {
	return letter{id: "1", to: address, subject: "Subject", text: "Text", at: time.Unix(0, 0)}
}

func kindOf(err error) actors.Kind {
	kind, _ := actors.Classify(err)
	return kind
}

func TestMailerKeepsItsConnection(t *testing.T) {
	t.Parallel()
	s := startScripted(t, nil)
	m := s.mailer(t)
	for range 3 {
		require.NoError(t, m.send(t.Context(), mailTo("alice@example.com")))
	}
	assert.EqualValues(t, 1, s.opened.Load())
	assert.EqualValues(t, 3, s.mails.Load())
}

func TestMailerReplacesAConnectionThatWentStale(t *testing.T) {
	t.Parallel()
	s := startScripted(t, nil)
	m := s.mailer(t)
	require.NoError(t, m.send(t.Context(), mailTo("alice@example.com")))
	m.cut() // as an idle timeout of the server does
	require.NoError(t, m.send(t.Context(), mailTo("alice@example.com")), "one attempt is enough")
	assert.EqualValues(t, 2, s.opened.Load())
	assert.EqualValues(t, 2, s.mails.Load())
}

func TestMailerTellsTransientFromPermanent(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name    string
		answers map[string]string
		want    actors.Kind
		text    string
		again   int32 // connections after a second mail
	}{
		{"mailbox unknown", map[string]string{"RCPT": "550 no such user"}, actors.KindPermanent, "550", 1},
		{"sender refused", map[string]string{"MAIL": "553 not you"}, actors.KindPermanent, "553", 1},
		{"mail refused", map[string]string{".": "554 spam"}, actors.KindPermanent, "554", 1},
		{"mailbox full", map[string]string{"RCPT": "452 full"}, actors.KindError, "452", 1},
		{"server goes", map[string]string{"RCPT": "421 closing"}, actors.KindError, "421", 2},
		{"server will not talk", map[string]string{"CONNECT": "554 not today"}, actors.KindError, "554", 2},
		{"hangs up", map[string]string{"CONNECT": ""}, actors.KindError, "connect to 127.0.0.1", 2},
		{"hangs up before the end", map[string]string{".": ""}, actors.KindError, "EOF", 2},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := startScripted(t, c.answers)
			m := s.mailer(t)
			for range 2 {
				err := m.send(t.Context(), mailTo("alice@example.com"))
				require.ErrorContains(t, err, c.text)
				assert.Equal(t, c.want, kindOf(err), "%v", err)
				assert.NotContains(t, err.Error(), "alice@example.com", "the event has it")
			}
			assert.Equal(t, c.again, s.opened.Load())
		})
	}
}

func TestMailThatWasAcceptedIsDeliveredWhateverComesNext(t *testing.T) {
	t.Parallel()
	s := startScripted(t, map[string]string{"RSET": ""})
	m := s.mailer(t)
	require.NoError(t, m.send(t.Context(), mailTo("alice@example.com")), "else it would be sent twice")
	require.NoError(t, m.send(t.Context(), mailTo("alice@example.com")))
	assert.EqualValues(t, 2, s.mails.Load())
	assert.EqualValues(t, 2, s.opened.Load())
}

func TestSilentMailServerCostsNoMoreThanTheAttempt(t *testing.T) {
	t.Parallel()
	for _, at := range []string{"CONNECT", "EHLO", "MAIL", "."} {
		t.Run(at, func(t *testing.T) {
			t.Parallel()
			s := startScripted(t, map[string]string{at: "(silence)"})
			m := s.mailer(t)
			ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
			defer cancel()
			err := m.send(ctx, mailTo("alice@example.com"))
			require.ErrorIs(t, err, context.DeadlineExceeded, "or a stop would count as a failed attempt")
			assert.Equal(t, actors.KindError, kindOf(err))
		})
	}
}

func TestBadAddressIsPermanent(t *testing.T) {
	t.Parallel()
	m := newMailer(mailServer{host: "127.0.0.1", port: 1, from: "notifications@example.com"})
	assert.Equal(t, actors.KindPermanent, kindOf(m.send(t.Context(), mailTo("not an address"))))
}

func TestHangingMailServerIsATimeoutAndLeavesTheOtherChannelsAlone(t *testing.T) {
	t.Parallel()
	s := startScripted(t, map[string]string{"CONNECT": "(silence)"})
	r := build(t, localOptions{}, func(p *parts) {
		server, err := parseMailServer("smtp://"+s.listener.Addr().String(), "notifications@example.com")
		require.NoError(t, err)
		p.mail = server
		policy := p.policies.Organs["email"]
		policy.Timeout, policy.Retry.Attempts = 200*time.Millisecond, 2
		p.policies.Organs["email"] = policy
	})
	r.run(t, ask("alice", "Hi", "email", "sms", "push"))
	letters := r.dead(t)
	require.Len(t, letters, 1)
	assert.Equal(t, actors.KindTimeout, letters[0].Reason)
	assert.Equal(t, 2, letters[0].Attempts)
	assert.Equal(t, 1, r.local.sms.book().accepted)
	assert.Equal(t, 1, r.local.push.book().accepted)
}

func TestMailServerAddress(t *testing.T) {
	t.Parallel()
	got, err := parseMailServer("smtp://ann:s3cret@mail.example.com:587", "me@example.com")
	require.NoError(t, err)
	assert.Equal(t, mailServer{"mail.example.com", 587, "ann", "s3cret", "me@example.com"}, got)
	got, err = parseMailServer("smtp://localhost", "")
	require.NoError(t, err)
	assert.Equal(t, 25, got.port)
	for _, text := range []string{"", "localhost:25", "http://localhost", "smtp://", "smtp://x:99999", "smtp://ann:s3cret@x:y"} {
		_, err := parseMailServer(text, "")
		require.ErrorContains(t, err, "want ", "%q", text)
		assert.NotContains(t, err.Error(), "s3cret")
	}
}
