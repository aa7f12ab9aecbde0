package redisstream

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"
)

// longestBlock is the longest time a blocking read may ask the server to wait.
const longestBlock = 5 * time.Second

// pipeBuffer is the size of a connection's buffers: most commits fit, and more than 64 KiB gains nothing.
const pipeBuffer = 64 << 10

// connect makes the two clients of a node: one for requests, and one with a single connection for the
// read that waits for news, which would otherwise hold up the requests. It does no I/O.
func (s *settings) connect(address string) (main, blocking *redis.Client, err error) {
	s.link, err = s.link.resolve(address)
	if err != nil {
		return nil, nil, err
	}
	quiet := s.clientOptions(0) // what the server is told to wait for is not soon there
	quiet.PoolSize = 1
	quiet.ReadTimeout += longestBlock
	return redis.NewClient(s.clientOptions(s.link.poll)), redis.NewClient(quiet), nil
}

// target describes the server for messages and logs, without a password.
func (s *settings) target() string { return s.link.String() }

// clientOptions turns off whatever a client would do by itself: a request that is sent twice behind our
// back could be pulled twice, and a connection that is opened must pass onConnect.
func (s *settings) clientOptions(poll time.Duration) *redis.Options {
	l := s.link
	dial := &dialer{config: l.tls, encrypt: l.useTLS, poll: busyPoll{most: poll}, net: net.Dialer{
		Timeout:         l.dial,
		KeepAliveConfig: net.KeepAliveConfig{Enable: true, Idle: 30 * time.Second, Interval: 5 * time.Second, Count: 3},
	}}
	return &redis.Options{
		Network:                    l.network,
		Addr:                       l.address,
		DB:                         l.db,
		ClientName:                 "necrostack/" + s.node,
		CredentialsProviderContext: s.credentials,
		OnConnect:                  s.connected,
		Dialer:                     dial.dial,

		// Nothing of ours needs RESP3, and without it there are no push messages to look for.
		Protocol:                 2,
		MaintNotificationsConfig: &maintnotifications.Config{Mode: maintnotifications.ModeDisabled},
		DisableIdentity:          true,

		MaxRetries:            -1,
		DialerRetries:         1,
		DialTimeout:           l.dial,
		ReadTimeout:           l.read,
		WriteTimeout:          l.write,
		ContextTimeoutEnabled: true,

		PoolSize:         l.pool,
		PipelinePoolSize: -1, // pipelines count in PoolSize too
		PoolTimeout:      l.read,
		ConnMaxIdleTime:  -1,
		ReadBufferSize:   pipeBuffer,
		WriteBufferSize:  pipeBuffer,
	}
}

func (s *settings) credentials(ctx context.Context) (user, password string, err error) {
	user, password, err = s.link.credentials(ctx)
	if err != nil {
		return "", "", notSent(err)
	}
	return user, password, nil
}

func (s *settings) connected(ctx context.Context, conn *redis.Conn) error {
	if s.onConnect == nil {
		return nil
	}
	if err := s.onConnect(ctx, conn); err != nil {
		return notSent(err)
	}
	return nil
}

// unsentError says that no connection was made, so the request has not been sent.
type unsentError struct{ err error }

func (e *unsentError) Error() string { return e.err.Error() }
func (e *unsentError) Unwrap() error { return e.err }

// notSent marks err. The client takes one layer off every error of a new connection, whatever it is, so
// the mark gets one more around it.
func notSent(err error) error {
	return fmt.Errorf("%w", &unsentError{err})
}

// dialer hands a failure to connect to the request that needs the connection, and to nobody else. Where a
// dialer returns an error, the client's pool begins to count: after PoolSize failures it answers with
// the last one without trying, until a loop in the background, which Close does not wait for, has got
// through. A node that waits for its server wants the true answer each time.
type dialer struct {
	net     net.Dialer
	config  *tls.Config
	encrypt bool
	poll    busyPoll
}

func (d *dialer) dial(ctx context.Context, network, address string) (net.Conn, error) {
	conn, err := d.open(ctx, network, address)
	if err != nil {
		return unreachable{notSent(err)}, nil
	}
	return conn, nil
}

func (d *dialer) open(ctx context.Context, network, address string) (net.Conn, error) {
	if !d.encrypt {
		conn, err := d.net.DialContext(ctx, network, address)
		if err != nil {
			return nil, err
		}
		return polled(conn, &d.poll), nil
	}
	encrypted := tls.Dialer{NetDialer: &d.net, Config: d.config}
	return encrypted.DialContext(ctx, network, address)
}

// unreachable is a connection that was not made; the first use of it tells why.
type unreachable struct{ err error }

func (u unreachable) Read([]byte) (int, error)         { return 0, u.err }
func (u unreachable) Write([]byte) (int, error)        { return 0, u.err }
func (u unreachable) Close() error                     { return nil }
func (u unreachable) LocalAddr() net.Addr              { return &net.UnixAddr{} }
func (u unreachable) RemoteAddr() net.Addr             { return &net.UnixAddr{} }
func (u unreachable) SetDeadline(time.Time) error      { return nil }
func (u unreachable) SetReadDeadline(time.Time) error  { return nil }
func (u unreachable) SetWriteDeadline(time.Time) error { return nil }
