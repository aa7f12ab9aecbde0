package redisstream

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/necrostack/necrostack/actors"
)

// link is how the server is reached: what the options say, and after resolve also what the address says.
// It never holds a password: a secret is a way to one.
type link struct {
	network string // tcp or unix
	address string
	db      int
	user    string
	named   bool // by WithUser
	useTLS  bool
	tls     *tls.Config
	secrets []secret
	pool    int
	poll    time.Duration // see WithBusyPoll
	dial    time.Duration
	read    time.Duration
	write   time.Duration
}

func newLink() link {
	return link{pool: DefaultPoolSize, poll: DefaultBusyPoll, dial: 2 * time.Second, read: 5 * time.Second, write: 5 * time.Second}
}

// secret is where a password comes from. The password itself is only ever in the closure that reads it,
// where no formatting of a struct can reach it.
type secret struct {
	option string
	name   string
	read   func(name string) (string, error)
}

func (l *link) mistakes() []error {
	mistakes := []error{
		within("WithPoolSize", l.pool, 1, maxPoolSize),
		atLeast("WithTimeouts: dial", l.dial, minTimeout),
		atLeast("WithTimeouts: answer", l.read, minTimeout),
		l.checkTLS(),
	}
	if l.poll < 0 || l.poll > maxBusyPoll {
		mistakes = append(mistakes, fmt.Errorf("redisstream: WithBusyPoll: %s is not allowed, %s to %s is", l.poll, time.Duration(0), maxBusyPoll))
	}
	if l.named {
		if err := actors.CheckName("user", l.user); err != nil {
			mistakes = append(mistakes, fmt.Errorf("redisstream: WithUser: %w", err))
		}
	}
	for _, s := range l.secrets {
		if s.name == "" {
			mistakes = append(mistakes, fmt.Errorf("redisstream: %s: the name is empty", s.option))
		}
	}
	if len(l.secrets) > 1 {
		first, second := l.secrets[0], l.secrets[1]
		mistakes = append(mistakes, fmt.Errorf("redisstream: %s %q and %s %q: only one password can be used",
			first.option, first.name, second.option, second.name))
	}
	return mistakes
}

func (l *link) checkTLS() error {
	switch {
	case !l.useTLS:
		return nil
	case l.tls == nil:
		return errors.New("redisstream: WithTLS: the configuration is nil")
	case l.tls.InsecureSkipVerify && l.tls.VerifyConnection == nil && l.tls.VerifyPeerCertificate == nil:
		return errors.New("redisstream: WithTLS: InsecureSkipVerify without VerifyConnection would talk to anybody; " +
			"set RootCAs and ServerName instead")
	}
	return nil
}

// credentials reads the password; it is called for every new connection.
func (l *link) credentials(context.Context) (user, password string, err error) {
	if len(l.secrets) == 0 {
		return "", "", nil
	}
	s := l.secrets[0]
	password, err = s.read(s.name)
	return l.user, password, err
}

func passwordFile(path string) (string, error) {
	content, err := os.ReadFile(path)
	if err != nil {
		return "", fmt.Errorf("password file: %w", err)
	}
	password := strings.TrimRight(string(content), "\r\n")
	if password == "" {
		return "", fmt.Errorf("password file %q is empty", path)
	}
	return password, nil
}

func passwordEnv(name string) (string, error) {
	password := os.Getenv(name)
	if password == "" {
		return "", fmt.Errorf("environment variable %q with the password is empty", name)
	}
	return password, nil
}

// String describes the server for messages, without a password: "redis://necro@127.0.0.1:6379/0".
func (l link) String() string {
	if l.address == "" {
		return "redis (no address yet)"
	}
	u := url.URL{Scheme: "redis", Host: l.address, Path: "/" + strconv.Itoa(l.db)}
	if l.network == "unix" {
		u = url.URL{Scheme: "unix", Path: l.address, RawQuery: "db=" + strconv.Itoa(l.db)}
	} else if l.useTLS {
		u.Scheme = "rediss"
	}
	if l.user != "" {
		u.User = url.User(l.user)
	}
	return u.String()
}

// WithTLS encrypts the connection, as a rediss:// address does, with more to say: own roots, a
// certificate of the client, another name of the server. The server's name is always verified:
// InsecureSkipVerify is refused unless the configuration verifies the connection itself.
func WithTLS(c *tls.Config) Option {
	return func(s *settings) { s.link.useTLS, s.link.tls = true, c }
}

// WithUser signs in as this user of the server's access control list. It needs a password: of
// WithPasswordFile, WithPasswordEnv or the address. Default the address's user, or "default".
func WithUser(name string) Option {
	return func(s *settings) { s.link.named, s.link.user = true, name }
}

// WithPasswordFile takes the password from a file: its content without the line end. It is read for
// every new connection, so a rotated password works without a restart.
func WithPasswordFile(path string) Option {
	return func(s *settings) {
		s.link.secrets = append(s.link.secrets, secret{option: "WithPasswordFile", name: path, read: passwordFile})
	}
}

// WithPasswordEnv takes the password from an environment variable, read for every new connection.
func WithPasswordEnv(name string) Option {
	return func(s *settings) {
		s.link.secrets = append(s.link.secrets, secret{option: "WithPasswordEnv", name: name, read: passwordEnv})
	}
}

// WithPoolSize bounds the connections of this process for all but the one that waits for new events;
// requests above wait for a free one. 1 to 1024. Default 32.
func WithPoolSize(n int) Option {
	return func(s *settings) { s.link.pool = n }
}

// WithTimeouts says how long connecting may take, and how long the server may take to read a request
// and to answer it. A request without an answer is repeated; it never counts twice. Default 2 and 5
// seconds.
func WithTimeouts(dial, answer time.Duration) Option {
	return func(s *settings) { s.link.dial, s.link.read, s.link.write = dial, answer, answer }
}
