package server_test

import (
	"context"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/necrostack/necrostack/bench/redis/server"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestServerHasThePolicyAskedFor(t *testing.T) {
	t.Parallel()
	for fsync, want := range map[server.Fsync][2]string{
		server.Off:      {"no", "everysec"},
		server.Everysec: {"yes", "everysec"},
		server.Always:   {"yes", "always"},
	} {
		t.Run(string(fsync), func(t *testing.T) {
			t.Parallel()
			s, err := server.Start(t.Context(), fsync)
			require.NoError(t, err)
			defer func() { assert.NoError(t, s.Close()) }()
			assert.NotEmpty(t, s.Version)
			c := server.Connect(s.Addr, 1)
			defer c.Close()
			got, err := c.ConfigGet(t.Context(), "append*").Result()
			require.NoError(t, err)
			assert.Equal(t, want, [2]string{got["appendonly"], got["appendfsync"]})
		})
	}
}

func TestUsageGrowsWithTheData(t *testing.T) {
	t.Parallel()
	s, err := server.Start(t.Context(), server.Off)
	require.NoError(t, err)
	defer func() { assert.NoError(t, s.Close()) }()
	before, err := s.Usage(t.Context())
	require.NoError(t, err)
	c := server.Connect(s.Addr, 1)
	defer c.Close()
	require.NoError(t, c.Set(t.Context(), "key", make([]byte, 5<<20), 0).Err())
	after, err := s.Usage(t.Context())
	require.NoError(t, err)
	assert.Greater(t, after.Memory-before.Memory, int64(5<<20))
	assert.Greater(t, after.CPU, before.CPU)
}

func TestNothingAnswersAfterClose(t *testing.T) {
	t.Parallel()
	s, err := server.Start(t.Context(), server.Everysec)
	require.NoError(t, err)
	require.NoError(t, s.Close())
	conn, err := net.DialTimeout("tcp", s.Addr, time.Second)
	if !assert.Error(t, err) {
		conn.Close()
	}
}

func TestServersHaveDataOfTheirOwn(t *testing.T) {
	t.Parallel()
	for range 2 {
		s, err := server.Start(t.Context(), server.Off)
		require.NoError(t, err)
		defer func() { assert.NoError(t, s.Close()) }()
		c := server.Connect(s.Addr, 1)
		defer c.Close()
		isNew, err := c.SetNX(t.Context(), "key", "value", 0).Result()
		require.NoError(t, err)
		assert.True(t, isNew)
	}
}

func TestStartEndsWithItsContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := server.Start(ctx, server.Off)
	assert.ErrorIs(t, err, context.Canceled)
}

func TestUnknownPolicyIsAnError(t *testing.T) {
	t.Parallel()
	_, err := server.Start(t.Context(), "sometimes")
	assert.ErrorContains(t, err, `"sometimes"`)
}

// TestMissingServerIsNamed is not parallel: it changes the environment.
func TestMissingServerIsNamed(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	_, err := server.Start(t.Context(), server.Off)
	assert.ErrorContains(t, err, "needs redis-server")
}
