package redisstream

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/necrostack/necrostack/spine/redisstream/redistest"
)

// clients connects as a node does, and closes with the test.
func clients(t *testing.T, address string, s *settings) (main, blocking *redis.Client) {
	t.Helper()
	main, blocking, err := s.connect(address)
	require.NoError(t, err)
	t.Cleanup(func() {
		assert.NoError(t, main.Close())
		assert.NoError(t, blocking.Close())
	})
	return main, blocking
}

func made(t *testing.T, opts ...Option) *settings {
	t.Helper()
	s, err := newSettings(append([]Option{WithNode("node-1")}, opts...))
	require.NoError(t, err)
	return &s
}

func TestTheServerKnowsANodeByName(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	s := made(t)
	for _, client := range both(clients(t, server.URL(), s)) {
		name, err := client.ClientGetName(t.Context()).Result()
		require.NoError(t, err)
		assert.Equal(t, "necrostack/node-1", name)
	}
	assert.Equal(t, "redis://"+server.Addr()+"/0", s.target())
}

func both(main, blocking *redis.Client) []*redis.Client { return []*redis.Client{main, blocking} }

func TestANewConnectionAsksForNothingButItsName(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	main, _ := clients(t, server.URL(), made(t))
	before, errorsBefore := calls(t, server), server.Client().Info(t.Context(), "errorstats").Val()
	require.NoError(t, main.Echo(t.Context(), "x").Err())
	after := calls(t, server)
	for _, name := range []string{"cmdstat_hello", "cmdstat_client|setname", "cmdstat_echo"} {
		assert.NotEqual(t, before[name], after[name], name)
		delete(after, name)
	}
	for name := range after {
		assert.Contains(t, before, name)
	}
	assert.Equal(t, errorsBefore, server.Client().Info(t.Context(), "errorstats").Val())
}

// calls is what the server says about each command that has ever run.
func calls(t *testing.T, server *redistest.Server) map[string]string {
	t.Helper()
	text, err := server.Client().Info(t.Context(), "commandstats").Result()
	require.NoError(t, err)
	return infoFacts(text)
}

func TestConnectDoesNotTouchTheServer(t *testing.T) {
	t.Parallel()
	main, _ := clients(t, "redis://127.0.0.1:1", made(t))
	err := main.Ping(t.Context()).Err()
	require.Error(t, err)
	assert.Equal(t, classRefused, classOf(err))
	assert.ErrorContains(t, err, "127.0.0.1:1: connect: connection refused")
}

// The library's pool would stop trying after as many failures as it has places, and begin again when a probe
// that runs once a second has got through.
func TestAServerThatIsBackIsFoundAtOnce(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	server.Stop()
	_, blocking := clients(t, server.URL(), made(t))
	for range 10 {
		require.Equal(t, classRefused, classOf(blocking.Ping(t.Context()).Err()))
	}
	server.Restart()
	assert.NoError(t, blocking.Ping(t.Context()).Err())
}

// The library would send each again by itself, up to three times.
func TestARequestWithoutAnAnswerIsSentOnce(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	proxy := redistest.NewProxy(t, server.Addr())
	s := made(t, WithTimeouts(time.Second, 300*time.Millisecond))
	for i, client := range both(clients(t, proxy.URL(), s)) {
		for _, action := range []redistest.Action{redistest.DropReplyAndClose, redistest.BlackholeReply} {
			key := fmt.Sprint(i, action)
			requireUnanswered(t, proxy, action, func(ctx context.Context) error { return client.Incr(ctx, key).Err() })
			requireUnanswered(t, proxy, action, func(ctx context.Context) error {
				_, err := client.Pipelined(ctx, func(pipe redis.Pipeliner) error { return pipe.Incr(ctx, key).Err() })
				return err
			})
			assert.Equal(t, "2", server.Client().Get(t.Context(), key).Val(), key)
		}
	}
}

func requireUnanswered(t *testing.T, proxy *redistest.Proxy, action redistest.Action, request func(context.Context) error) {
	t.Helper()
	proxy.SetRule(redistest.First(1, action, "INCR"))
	defer proxy.SetRule(nil)
	ctx, cancel := context.WithTimeout(t.Context(), time.Second) // the blocking client waits for longer
	defer cancel()
	requireUnknown(t, request(ctx))
}

func requireUnknown(t *testing.T, err error) {
	t.Helper()
	require.Equal(t, classUnknown.String(), classOf(err).String(), "%v", err)
}

func TestATransactionThatIsGivenUpHasNotBeenExecuted(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t, redistest.Conf("min-replicas-to-write", "1"))
	main, _ := clients(t, server.URL(), made(t))
	cmds, err := main.TxPipelined(t.Context(), func(pipe redis.Pipeliner) error {
		pipe.Get(t.Context(), "k")
		pipe.Set(t.Context(), "k", "v", 0)
		return nil
	})
	assert.Equal(t, classRefused, classOf(err))
	assert.ErrorContains(t, cmds[0].Err(), "EXECABORT")
	assert.ErrorContains(t, cmds[1].Err(), "NOREPLICAS")
	for _, cmd := range cmds {
		assert.Equal(t, classRefused, classOf(cmd.Err()), cmd.Name())
	}
}

func TestACallersDeadlineEndsARequest(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	main, _ := clients(t, server.URL(), made(t, WithTimeouts(time.Minute, time.Minute)))
	require.NoError(t, main.Ping(t.Context()).Err())
	server.Pause()
	defer server.Resume()
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	began := time.Now()
	requireUnknown(t, main.Ping(ctx).Err())
	assert.Less(t, time.Since(began), 30*time.Second)
}

func TestABlockedReadOutlivesTheReadTimeout(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	_, blocking := clients(t, server.URL(), made(t, WithTimeouts(time.Second, 50*time.Millisecond)))
	err := blocking.Do(t.Context(), "XREAD", "BLOCK", 200, "STREAMS", "nothing", "$").Err()
	assert.ErrorIs(t, err, redis.Nil)
}

func TestClosingEndsABlockedRead(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	_, blocking, err := made(t).connect(server.URL())
	require.NoError(t, err)
	ended := make(chan error, 1)
	// Ends with Close below.
	go func() {
		ended <- blocking.XRead(context.Background(), &redis.XReadArgs{Streams: []string{"x", "$"}, Block: time.Minute}).Err()
	}()
	require.EventuallyWithT(t, func(c *assert.CollectT) {
		assert.Contains(c, server.Client().Info(t.Context(), "clients").Val(), "blocked_clients:1")
	}, 10*time.Second, 5*time.Millisecond)
	require.NoError(t, blocking.Close())
	requireUnknown(t, <-ended)
	assert.Equal(t, classClosed, classOf(blocking.Ping(t.Context()).Err()))
}

func TestOnConnectSeesEveryNewConnection(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	s := made(t)
	var seen atomic.Int32
	s.onConnect = func(ctx context.Context, conn *redis.Conn) error {
		seen.Add(1)
		return conn.Ping(ctx).Err()
	}
	for i, client := range both(clients(t, server.URL(), s)) {
		require.NoError(t, client.Ping(t.Context()).Err())
		require.NoError(t, client.Ping(t.Context()).Err())
		assert.EqualValues(t, i+1, seen.Load())
	}
}

func TestARefusalOfOnConnectReachesTheRequest(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	s := made(t)
	another := errors.New("another server")
	s.onConnect = func(context.Context, *redis.Conn) error { return another }
	main, _ := clients(t, server.URL(), s)
	for range 2 {
		err := main.Set(t.Context(), "k", "v", 0).Err()
		require.ErrorIs(t, err, another)
		assert.Equal(t, classRefused, classOf(err))
	}
	assert.Zero(t, server.Client().Exists(t.Context(), "k").Val())
}

func TestAUnixSocketIsAnAddress(t *testing.T) {
	t.Parallel()
	folder, err := os.MkdirTemp("", "") // t.TempDir is longer than a socket's name may be
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, os.RemoveAll(folder)) })
	path := filepath.Join(folder, "s")
	redistest.Start(t, redistest.Conf("unixsocket", path))
	main, _ := clients(t, "unix://"+path+"?db=3", made(t))
	info, err := main.ClientInfo(t.Context()).Result()
	require.NoError(t, err)
	assert.Equal(t, 3, info.DB)

	missing, _ := clients(t, "unix://"+path+"-missing", made(t))
	assert.Equal(t, classRefused, classOf(missing.Ping(t.Context()).Err()))
}

func TestTLSTalksToTheNamedServerAlone(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t, redistest.TLS())
	ping := func(opts ...Option) error {
		main, _ := clients(t, server.URL(), made(t, opts...))
		return main.Ping(t.Context()).Err()
	}
	require.NoError(t, ping(WithTLS(server.TLSConfig())))

	wrong := server.TLSConfig()
	wrong.ServerName = "other.example"
	err := ping(WithTLS(wrong))
	var name *tls.CertificateVerificationError
	require.ErrorAs(t, err, &name)
	assert.ErrorContains(t, err, "other.example")
	assert.Equal(t, classRefused, classOf(err))

	assert.ErrorAs(t, ping(), &name, "an authority nobody knows")
}

func TestARotatedPasswordFileIsReadAgain(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t, redistest.User("necro", "on", ">old", "~*", "+@all"))
	path := filepath.Join(t.TempDir(), "password")
	require.NoError(t, os.WriteFile(path, []byte("old\n"), 0o600))
	s := made(t, WithUser("necro"), WithPasswordFile(path))
	main, _ := clients(t, server.URL(), s)
	require.Equal(t, "necro", main.ACLWhoAmI(t.Context()).Val())
	assert.Equal(t, "redis://necro@"+server.Addr()+"/0", s.target())

	require.NoError(t, server.Client().ACLSetUser(t.Context(), "necro", "resetpass", ">new").Err())
	require.NoError(t, server.Client().Do(t.Context(), "CLIENT", "KILL", "USER", "necro").Err())
	require.EventuallyWithT(t, func(c *assert.CollectT) {
		err := main.Ping(t.Context()).Err()
		assert.ErrorContains(c, err, "WRONGPASS")
		assert.Equal(c, classRefused, classOf(err))
	}, 10*time.Second, time.Millisecond)

	require.NoError(t, os.WriteFile(path, []byte("new\n"), 0o600))
	assert.Equal(t, "necro", main.ACLWhoAmI(t.Context()).Val())

	require.NoError(t, os.Remove(path))
	require.NoError(t, server.Client().Do(t.Context(), "CLIENT", "KILL", "USER", "necro").Err())
	require.EventuallyWithT(t, func(c *assert.CollectT) {
		err := main.Ping(t.Context()).Err()
		assert.ErrorIs(c, err, os.ErrNotExist)
		assert.Equal(c, classRefused, classOf(err))
	}, 10*time.Second, time.Millisecond)
}

// A server that is reached but never answers must not look like one that was not reached.
func TestAnUnansweredHandshakeIsNotTakenForARefusal(t *testing.T) {
	t.Parallel()
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer silent.Close()
	main, _ := clients(t, "redis://"+silent.Addr().String(), made(t, WithTimeouts(time.Second, 50*time.Millisecond)))
	requireUnknown(t, main.Ping(t.Context()).Err())
}

func TestPasswordsStayOutOfTheOptionsOfTheLibrary(t *testing.T) {
	t.Parallel()
	main, blocking := clients(t, "redis://necro:S3NTINEL@127.0.0.1:1", made(t))
	for _, client := range []*redis.Client{main, blocking} {
		assert.Empty(t, client.Options().Password)
		assert.False(t, strings.Contains(client.Options().Addr, sentinel))
	}
}
