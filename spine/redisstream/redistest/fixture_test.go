package redistest_test

import (
	"context"
	"fmt"
	"net/url"
	"runtime"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/logging"
	"github.com/redis/go-redis/v9/maintnotifications"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/necrostack/necrostack/spine/redisstream/redistest"
)

func TestMain(m *testing.M) {
	logging.Disable() // The clients would write down each failure that the tests are about.
	goleak.VerifyTestMain(redistest.Shared(m))
}

// fake is a test that may fail without failing the one that looks at it.
type fake struct {
	testing.TB
	errors, fatals []string
	cleanups       []func()
}

func (f *fake) Helper()          {}
func (f *fake) Cleanup(c func()) { f.cleanups = append(f.cleanups, c) }
func (f *fake) Errorf(format string, args ...any) {
	f.errors = append(f.errors, fmt.Sprintf(format, args...))
}

func (f *fake) Fatalf(format string, args ...any) {
	f.fatals = append(f.fatals, fmt.Sprintf(format, args...))
	runtime.Goexit()
}

// try runs a test under a fake T, to its end and that of its cleanups.
func try(t *testing.T, test func(f *fake)) *fake {
	t.Helper()
	f := &fake{TB: t}
	done := make(chan struct{})
	go func() { // ends with the test, also when that is fatal
		defer close(done)
		test(f)
	}()
	<-done
	for i := len(f.cleanups) - 1; i >= 0; i-- {
		f.cleanups[i]()
	}
	return f
}

// connect makes a client that repeats nothing, as for whoever a URL names.
func connect(t *testing.T, where string) *redis.Client {
	t.Helper()
	o, err := redis.ParseURL(where)
	require.NoError(t, err)
	o.MaxRetries, o.DialerRetries, o.ContextTimeoutEnabled = -1, 1, true
	o.MaintNotificationsConfig = &maintnotifications.Config{Mode: maintnotifications.ModeDisabled}
	client := redis.NewClient(o)
	t.Cleanup(func() { require.NoError(t, client.Close()) })
	return client
}

// as puts a user into a URL.
func as(t *testing.T, where, user, password string) string {
	t.Helper()
	u, err := url.Parse(where)
	require.NoError(t, err)
	u.User = url.UserPassword(user, password)
	return u.String()
}

// shortly is a context for what is to time out, long enough to have reached the proxy on a busy machine.
func shortly(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	t.Cleanup(cancel)
	return ctx
}

// soon is longer than anything takes that is to happen at once.
const soon = 10 * time.Second
