package redistest

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"fmt"
	mathrand "math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"
)

const (
	startLimit = 30 * time.Second // a large append only file takes its time to load
	stopLimit  = 15 * time.Second // the server itself waits up to 10 s for replicas
	startTries = 5                // each with another port, as long as none has succeeded
	keeper     = "redistest"      // the user that this package works as
)

// errEnded: the process has ended before it was ready.
var errEnded = errors.New("redis-server has ended")

// instance is a server with its folders, over all processes that it is in its life.
type instance struct {
	settings  settings
	home      string // configuration and log, which a full Dir must not harm
	secret    string // password of the keeper
	authority authority
	port      int
	client    *redis.Client

	mu      sync.Mutex // held while the process changes
	process *process
}

// launch starts a server that keeps its files in an existing folder.
func launch(home string, opts []Option) (*instance, error) {
	in := &instance{home: home, secret: rand.Text()}
	for _, opt := range opts {
		opt(&in.settings)
	}
	if in.settings.data == "" {
		in.settings.data = filepath.Join(home, "data")
		if err := os.Mkdir(in.settings.data, 0o755); err != nil {
			return nil, err
		}
	}
	if in.settings.tls {
		a, err := newAuthority(home)
		if err != nil {
			return nil, fmt.Errorf("make certificates: %w", err)
		}
		in.authority = a
	}
	if err := in.first(); err != nil {
		return nil, err
	}
	in.client = redis.NewClient(in.options())
	return in, nil
}

// first starts the first process, on a port that is free. Somebody may take a port between our look
// and the server's, and the server then ends at once; so it does for a wrong option, in vain.
func (in *instance) first() error {
	var err error
	for range startTries {
		if in.port, err = freePort(); err != nil {
			return err
		}
		if err = in.start(); !errors.Is(err, errEnded) {
			return err
		}
	}
	return err
}

// freePort finds a port below those that systems give to outgoing connections: while the server
// is down, no connection may sit on its port, not even one that a client tries to make to it.
func freePort() (int, error) {
	var err error
	for range 100 {
		port := 10_000 + mathrand.IntN(20_000)
		l, listenErr := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
		if listenErr == nil {
			return port, l.Close()
		}
		err = listenErr
	}
	return 0, fmt.Errorf("find a free port: %w", err)
}

func (in *instance) start() error {
	conf := filepath.Join(in.home, "redis.conf")
	if err := os.WriteFile(conf, []byte(in.configuration()), 0o600); err != nil {
		return err
	}
	log, err := os.OpenFile(in.logFile(), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	defer func() { _ = log.Close() }() // The process has its own.
	p, err := startProcess(conf, log)
	if err != nil {
		return err
	}
	in.process = p
	if err := in.awaitReady(); err != nil {
		return errors.Join(fmt.Errorf("%w; its log ends with:\n%s", err, in.logTail()), p.kill())
	}
	return nil
}

func (in *instance) configuration() string {
	all := settings{}
	all.add("bind", "127.0.0.1")
	all.add("dir", in.settings.data)
	all.add("save", "")
	all.add("appendonly", "no")
	all.add("user", keeper, "on", ">"+in.secret, "~*", "&*", "+@all")
	if in.settings.tls {
		all.add("port", "0")
		all.add("tls-port", strconv.Itoa(in.port))
		all.add("tls-auth-clients", "no")
		all.add("tls-ca-cert-file", in.authority.file)
		all.add("tls-cert-file", in.authority.certificate)
		all.add("tls-key-file", in.authority.key)
	} else {
		all.add("port", strconv.Itoa(in.port))
	}
	all.lines = append(all.lines, in.settings.lines...)
	return all.text()
}

// awaitReady returns when the process answers and has loaded its data.
func (in *instance) awaitReady() error {
	ctx, cancel := context.WithTimeout(context.Background(), startLimit)
	defer cancel()
	client := redis.NewClient(in.options())
	defer func() { _ = client.Close() }() // It has only asked.
	var err error
	for {
		if err = in.ready(ctx, client); err == nil {
			return nil
		}
		select {
		case <-in.process.ended:
			return errEnded
		case <-ctx.Done():
			return fmt.Errorf("redis-server is not ready after %s: %w", startLimit, err)
		case <-time.After(5 * time.Millisecond):
		}
	}
}

// ready asks whether it is our process that answers, and not one that had the port before.
func (in *instance) ready(ctx context.Context, client *redis.Client) error {
	// Not by the client: it writes to the log what is only to be expected now.
	probe, err := net.Dial("tcp", in.addr())
	if err != nil {
		return err
	}
	_ = probe.Close()
	if err := client.Ping(ctx).Err(); err != nil {
		return err
	}
	pid, err := info(ctx, client, "server", "process_id")
	if err != nil {
		return err
	}
	if pid != strconv.Itoa(in.process.pid()) {
		return fmt.Errorf("another redis-server, process %s, answers at %s", pid, in.addr())
	}
	return nil
}

func (in *instance) options() *redis.Options {
	return &redis.Options{
		Addr: in.addr(), Username: keeper, Password: in.secret, TLSConfig: in.tlsConfig(),
		MaxRetries: -1, DialerRetries: 1, ContextTimeoutEnabled: true,
		MaintNotificationsConfig: &maintnotifications.Config{Mode: maintnotifications.ModeDisabled},
	}
}

func (in *instance) addr() string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(in.port)) }

func (in *instance) url() string {
	if in.settings.tls {
		return "rediss://" + in.addr() + "/0"
	}
	return "redis://" + in.addr() + "/0"
}

func (in *instance) tlsConfig() *tls.Config {
	if !in.settings.tls {
		return nil
	}
	return in.authority.config()
}

func (in *instance) logFile() string { return filepath.Join(in.home, "redis.log") }

func (in *instance) logTail() string {
	const most = 2000 // bytes; a dozen lines
	text, err := os.ReadFile(in.logFile())
	if err != nil {
		return err.Error()
	}
	return strings.TrimSpace(string(text[max(0, len(text)-most):]))
}
