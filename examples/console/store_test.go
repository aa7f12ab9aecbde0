package console_test

import (
	"bytes"
	"context"
	"flag"
	"log/slog"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/necrostack/necrostack/examples/console"
	"github.com/necrostack/necrostack/spine/redisstream/redistest"
)

func TestMain(m *testing.M) { os.Exit(redistest.Main(m, redistest.AOF("always"))) }

func open(t *testing.T, s console.Store) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	b, err := s.Open(ctx, console.Room{Letters: 10}, slog.New(slog.NewTextHandler(&bytes.Buffer{}, nil)))
	if err == nil {
		require.NoError(t, b.Close(ctx))
	}
	return err
}

func TestStoreOpens(t *testing.T) {
	t.Parallel()
	require.NoError(t, open(t, console.Store{Service: "s"}))
	assert.False(t, (&console.Store{}).Durable())
	s := console.Store{Redis: redistest.SharedServer(t).URL(), Namespace: redistest.Namespace(t), Service: "s"}
	require.NoError(t, open(t, s))
	assert.True(t, s.Durable())
}

func TestUnfitServersAreToldAtOnce(t *testing.T) {
	t.Parallel()
	forgetful := redistest.Start(t)
	evicting := redistest.Start(t, redistest.AOF("always"), redistest.MaxMemory(64<<20, "allkeys-lru"))
	locked := redistest.Start(t, redistest.AOF("always"), redistest.Conf("requirepass", "sesame"))
	gone := redistest.Start(t)
	gone.Stop()
	for want, url := range map[string]string{
		`appendonly is "no"`:                forgetful.URL(),
		`maxmemory-policy is "allkeys-lru"`: evicting.URL(),
		"NOAUTH":                            locked.URL(),
		"WRONGPASS":                         "redis://:wrong@" + locked.Addr(),
		"connection refused":                gone.URL(),
		"the address is not of the form":    locked.Addr(),
	} {
		err := open(t, console.Store{Redis: url, Namespace: "n", Service: "s"})
		require.ErrorContains(t, err, "--redis: ")
		require.ErrorContains(t, err, want)
		assert.NotContains(t, err.Error(), "wrong@")
	}
}

func TestStoreFlagsGoTogether(t *testing.T) {
	t.Parallel()
	for want, args := range map[string][]string{
		"":                      {"--redis", "redis://localhost", "--namespace", "n", "--service", "s"},
		"--redis is empty":      {"--redis", ""},
		"--namespace goes with": {"--namespace", "n"},
		"--service goes with":   {"--service", "s"},
	} {
		var s console.Store
		f := console.NewFlags("program")
		s.Flags(f, "namespace", "service")
		require.NoError(t, f.Parse(args))
		given := map[string]bool{}
		f.Visit(func(x *flag.Flag) { given[x.Name] = true })
		err := s.Check(given)
		if want == "" {
			require.NoError(t, err)
			continue
		}
		assert.ErrorContains(t, err, want)
	}
}

func TestEventIDsAreOfTheirWords(t *testing.T) {
	t.Parallel()
	assert.Equal(t, console.EventID("a", "b"), console.EventID("a", "b"))
	assert.NotEqual(t, console.EventID("a", "b"), console.EventID("ab"))
	assert.NotEqual(t, console.EventID("a", "b"), console.EventID("b", "a"))
}
