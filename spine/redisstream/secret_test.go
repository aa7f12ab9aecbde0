package redisstream

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/logging"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/necrostack/necrostack/spine/redisstream/redistest"
)

// paper collects everything that anybody writes.
type paper struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (p *paper) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.text.Write(b)
}

// Printf is the library's logger.
func (p *paper) Printf(_ context.Context, format string, args ...any) {
	fmt.Fprintf(p, format+"\n", args...)
}

func (p *paper) String() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.text.String()
}

// dump writes v in every way that a program might.
func (p *paper) dump(log *slog.Logger, v any) {
	fmt.Fprintf(p, "%v %+v %#v %s\n", v, v, v, v)
	log.Info("dump", "value", v)
}

// Good starts and bad ones, with the password from each place it may come from. Not parallel: the library has one
// logger for all, and the environment is set.
func TestThePasswordIsNeverSeen(t *testing.T) {
	t.Setenv("NECRO_SECRET", sentinel)
	file := filepath.Join(t.TempDir(), "password")
	require.NoError(t, os.WriteFile(file, []byte(sentinel+"\n"), 0o600))
	out := &paper{}
	redis.SetLogger(out)
	t.Cleanup(logging.Enable)

	rules := []string{"on", ">" + sentinel, "~*", "+@all", "-xadd"}
	good := redistest.Start(t, redistest.AOF("everysec"), redistest.User("necro", rules...))
	wrong := redistest.Start(t, redistest.User("necro", "on", ">another"))
	encrypted := redistest.Start(t, redistest.TLS())
	gone := redistest.Start(t)
	gone.Stop()
	trust := WithTLS(encrypted.TLSConfig())
	for _, server := range []*redistest.Server{good, wrong, gone} {
		starts(t, out, "redis://", server.Addr(), file)
	}
	starts(t, out, "rediss://", encrypted.Addr(), file, trust)
	start(t, out, "rediss://necro:"+sentinel+"@"+encrypted.Addr())    // an authority nobody knows
	start(t, out, "redis://necro:"+sentinel+"@"+encrypted.Addr())     // no TLS
	start(t, out, "rediss://necro:"+sentinel+"@"+wrong.Addr())        // TLS where there is none
	start(t, out, "redis://necro:"+sentinel+"@"+good.Addr()+"/x")     // no database
	start(t, out, "redis://necro:"+sentinel+"@"+good.Addr()+":6379x") // no port
	// The test would see it: what was written is about these servers, and signed in at the good one.
	assert.Contains(t, out.String(), good.Addr())
	assert.Contains(t, out.String(), `may not run XADD`)
	assert.Contains(t, out.String(), "WRONGPASS")
	assert.Contains(t, out.String(), "connection refused")
	assert.Contains(t, out.String(), "x509: ")
	assert.NotContains(t, out.String(), sentinel)
}

// starts signs in with the password from each place, and from two at once.
func starts(t *testing.T, out *paper, scheme, server, file string, opts ...Option) {
	t.Helper()
	from := func(more ...Option) []Option { return append(more, opts...) }
	start(t, out, scheme+"necro:"+sentinel+"@"+server, opts...)
	start(t, out, scheme+server, from(WithUser("necro"), WithPasswordFile(file))...)
	start(t, out, scheme+server, from(WithUser("necro"), WithPasswordEnv("NECRO_SECRET"))...)
	start(t, out, scheme+"necro:"+sentinel+"@"+server, from(WithUser("other"))...)
	start(t, out, scheme+"necro:"+sentinel+"@"+server, from(WithPasswordFile(file))...)
}

// start goes the whole way of a node's start, writing down all it meets.
func start(t *testing.T, out *paper, address string, opts ...Option) {
	t.Helper()
	for _, handler := range []slog.Handler{slog.NewTextHandler(out, nil), slog.NewJSONHandler(out, nil)} {
		log := slog.New(handler)
		s := made(t, append(opts, WithLogger(log), WithTimeouts(300*time.Millisecond, time.Second))...)
		main, blocking, err := s.connect(address)
		out.dump(log, err)
		out.dump(log, s)
		out.dump(log, *s)
		if err != nil {
			continue
		}
		err = checkServer(t.Context(), main, s, needed)
		out.dump(log, err)
		for _, client := range []*redis.Client{main, blocking} {
			out.dump(log, client)
			out.dump(log, *client.Options())
			out.dump(log, client.XAdd(t.Context(), &redis.XAddArgs{Stream: "necro:x", Values: []string{"a", "b"}}))
			require.NoError(t, client.Close())
		}
	}
}
