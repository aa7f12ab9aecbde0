package redistest_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/necrostack/necrostack/spine/redisstream/redistest"
)

func TestOptionsReachTheServer(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t,
		redistest.AOF("everysec"),
		redistest.AOF("always"), // the later one wins
		redistest.MaxMemory(50<<20, "allkeys-lru"),
		redistest.Conf("databases", "3"),
	)
	for name, want := range map[string]string{
		"appendonly":       "yes",
		"appendfsync":      "always",
		"maxmemory":        "52428800",
		"maxmemory-policy": "allkeys-lru",
		"databases":        "3",
	} {
		assert.Equal(t, want, s.Client().ConfigGet(t.Context(), name).Val()[name], name)
	}
}

func TestConfTakesAnyBytes(t *testing.T) {
	t.Parallel()
	password := "a\n\"b\" \\ # \x01 \xff"
	s := redistest.Start(t, redistest.Conf("requirepass", password))

	assert.ErrorContains(t, connect(t, s.URL()).Ping(t.Context()).Err(), "NOAUTH")
	assert.NoError(t, connect(t, as(t, s.URL(), "", password)).Ping(t.Context()).Err())
	assert.NoError(t, s.Client().Ping(t.Context()).Err(), "our own client may do everything")
}

func TestUsersMayDoWhatTheirRulesSay(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t,
		redistest.User("default", "off"),
		redistest.User("reader", "on", ">secret", "~*", "+@read"),
	)
	require.NoError(t, s.Client().Set(t.Context(), "k", "v", 0).Err())

	reader := connect(t, as(t, s.URL(), "reader", "secret"))
	assert.Equal(t, "v", reader.Get(t.Context(), "k").Val())
	assert.ErrorContains(t, reader.Set(t.Context(), "k", "w", 0).Err(), "NOPERM")
	assert.Error(t, connect(t, s.URL()).Get(t.Context(), "k").Err())

	s.Restart()
	assert.NoError(t, s.Client().Ping(t.Context()).Err())
}

func TestTLSServerIsTrustedByItsAuthorityAlone(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t, redistest.TLS())
	require.NoError(t, s.Client().Set(t.Context(), "k", "v", 0).Err())
	assert.Equal(t, "rediss://"+s.Addr()+"/0", s.URL())
	pem, err := os.ReadFile(s.CAFile())
	require.NoError(t, err)
	assert.Contains(t, string(pem), "BEGIN CERTIFICATE")

	trusting := redis.NewClient(&redis.Options{Addr: s.Addr(), TLSConfig: s.TLSConfig(), MaxRetries: -1, DialerRetries: 1})
	defer func() { require.NoError(t, trusting.Close()) }()
	assert.Equal(t, "v", trusting.Get(t.Context(), "k").Val())

	assert.ErrorContains(t, connect(t, s.URL()).Get(t.Context(), "k").Err(), "certificate")
	assert.Error(t, connect(t, "redis://"+s.Addr()).Get(t.Context(), "k").Err(), "without TLS")
}

func TestServerWithoutTLSHasNoAuthority(t *testing.T) {
	t.Parallel()
	s := redistest.SharedServer(t)
	assert.Nil(t, s.TLSConfig())
	assert.Empty(t, s.CAFile())
}

func TestDirHoldsTheData(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := redistest.Start(t, redistest.Dir(dir), redistest.AOF("always"))
	require.NoError(t, s.Client().Set(t.Context(), "k", "precious", 0).Err())

	assert.Equal(t, dir, s.Dir())
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Len(t, entries, 1, "no configuration and no log among the data")
	assert.Equal(t, "appendonlydir", entries[0].Name())
}

func TestAOFPathFollowsARewrite(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t, redistest.AOF("always"))
	first := s.AOFPath()
	require.NoError(t, s.Client().Set(t.Context(), "k", "precious", 0).Err())
	text, err := os.ReadFile(first)
	require.NoError(t, err)
	assert.Contains(t, string(text), "precious")

	require.NoError(t, s.Client().BgRewriteAOF(t.Context()).Err())
	require.Eventually(t, func() bool {
		running, err := s.Client().Info(t.Context(), "persistence").Result()
		return err == nil && strings.Contains(running, "aof_rewrite_in_progress:0") && s.AOFPath() != first
	}, soon, 10*time.Millisecond)
	assert.Equal(t, filepath.Dir(first), filepath.Dir(s.AOFPath()))
}

func TestAOFPathWithoutAOFFailsTheTest(t *testing.T) {
	t.Parallel()
	f := try(t, func(f *fake) { redistest.Start(f).AOFPath() })
	require.Len(t, f.fatals, 1)
	assert.Contains(t, f.fatals[0], "find the append only file")
}

func TestSlowLogNotesFromItsSetting(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t)
	s.SetSlowLog(0)
	require.NoError(t, s.Client().Set(t.Context(), "k", "v", 0).Err())
	require.NotEmpty(t, s.SlowLog())
	assert.Equal(t, []string{"set", "k", "v"}, s.SlowLog()[1].Args, "the newest is the question itself")

	s.SetSlowLog(time.Hour)
	require.NoError(t, s.Client().Get(t.Context(), "k").Err())
	assert.Empty(t, s.SlowLog())
	s.SetSlowLog(-1)
	require.NoError(t, s.Client().Get(t.Context(), "k").Err())
	assert.Empty(t, s.SlowLog())
}

func TestUsedMemoryGrowsAndFlushEmpties(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t)
	before := s.UsedMemory()
	require.NoError(t, s.Client().Set(t.Context(), "k", strings.Repeat("v", 8<<20), 0).Err())
	assert.Greater(t, s.UsedMemory(), before+8<<20-1)

	s.Flush()
	assert.Zero(t, s.Client().DBSize(t.Context()).Val())
}

func TestQuestionToAnEndedServerFailsTheTest(t *testing.T) {
	t.Parallel()
	f := try(t, func(f *fake) {
		s := redistest.Start(f)
		s.Kill()
		s.UsedMemory()
	})
	require.Len(t, f.fatals, 1)
	assert.Contains(t, f.fatals[0], "read the used memory")
}
