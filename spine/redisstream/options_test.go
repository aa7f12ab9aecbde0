package redisstream

import (
	"crypto/tls"
	"log/slog"
	"math"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/necrostack/necrostack/actors"
)

// The settings have no exported face of their own, so these tests stand inside the package.

func TestDefaultsAreTheDocumentedOnes(t *testing.T) {
	t.Parallel()
	s, err := newSettings(nil)
	require.NoError(t, err)
	assert.Equal(t, "necro", s.namespace)
	assert.Equal(t, 16, s.shards)
	assert.Equal(t, 5*time.Second, s.lease)
	assert.Equal(t, 1_000_000, s.capacity)
	assert.False(t, s.refuse)
	assert.Equal(t, 10*time.Minute, s.window)
	assert.Zero(t, s.retain)
	assert.Equal(t, 10_000, s.letters)
	assert.False(t, s.original)
	assert.False(t, s.relaxed)
	assert.NotNil(t, s.log)
	assert.NotNil(t, s.now)
	assert.True(t, strings.HasSuffix(s.node, "-"+strconv.Itoa(os.Getpid())), s.node)
}

func TestOptionsSetWhatTheyName(t *testing.T) {
	t.Parallel()
	log := slog.New(slog.DiscardHandler)
	then := time.Unix(1, 0)
	s, err := newSettings([]Option{
		WithNamespace("shop"), WithShards(4096), WithNode("n-1"), WithLease(100 * time.Millisecond),
		WithCapacity(1), RefuseWhenFull(), WithDedup(0), WithRetain(RetainForever), WithLetterLimit(1),
		WithOriginalForm(), WithRelaxedDurability(), WithLogger(log), WithClock(func() time.Time { return then }),
		WithPoolSize(7), WithTimeouts(3*time.Second, 4*time.Second), WithBusyPoll(0),
	})
	require.NoError(t, err)
	assert.Equal(t, "shop", s.namespace)
	assert.Equal(t, 4096, s.shards)
	assert.Equal(t, "n-1", s.node)
	assert.Equal(t, 100*time.Millisecond, s.lease)
	assert.Equal(t, 1, s.capacity)
	assert.True(t, s.refuse)
	assert.Zero(t, s.window)
	assert.Equal(t, time.Duration(math.MaxInt64), s.retain)
	assert.Equal(t, 1, s.letters)
	assert.True(t, s.original)
	assert.True(t, s.relaxed)
	assert.Same(t, log, s.log)
	assert.Equal(t, then, s.now())
	assert.Equal(t, 7, s.link.pool)
	assert.Zero(t, s.link.poll)
	assert.Equal(t, 3*time.Second, s.link.dial)
	assert.Equal(t, 4*time.Second, s.link.read)
	assert.Equal(t, 4*time.Second, s.link.write)
}

func TestAllMistakesAreReportedAtOnce(t *testing.T) {
	t.Parallel()
	_, err := newSettings([]Option{
		WithNamespace("a:b"), WithShards(0), WithNode("two words"), WithLease(99 * time.Millisecond),
		WithCapacity(-3), WithDedup(-time.Second), WithRetain(-time.Minute), WithLetterLimit(0), WithLogger(nil),
		WithClock(nil), WithTLS(nil), WithUser(""), WithPasswordFile(""), WithPasswordEnv("NECRO_PASSWORD"),
		WithPoolSize(1025), WithTimeouts(0, -time.Second), WithBusyPoll(11 * time.Millisecond),
	})
	require.Error(t, err)
	for _, words := range []string{
		`WithNamespace: namespace "a:b"`, "WithShards: 0 is not allowed, 1 to 4096 is", `WithNode: `, `"two words"`,
		"WithLease: 99ms is not allowed, at least 100ms is", "WithCapacity: -3 is not allowed, at least 1 is",
		"WithDedup: -1s", "WithRetain: -1m0s", "WithLetterLimit: 0", "WithLogger: the logger is nil",
		"WithClock: the clock is nil", "WithTLS: the configuration is nil", "WithUser: ", "WithPasswordFile: the name is empty",
		`WithPasswordEnv "NECRO_PASSWORD": only one password`, "WithPoolSize: 1025 is not allowed, 1 to 1024 is",
		"WithTimeouts: dial: 0s", "WithTimeouts: answer: -1s",
		"WithBusyPoll: 11ms is not allowed, 0s to 10ms is",
	} {
		assert.ErrorContains(t, err, words)
	}
	assert.ErrorIs(t, err, actors.ErrName)
}

func TestNamesThatWouldBreakKeysAreRefused(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"", "a:b", "a{b", "a}b", "a b", "a\nb", strings.Repeat("x", 257)} {
		_, err := newSettings([]Option{WithNamespace(name)})
		assert.ErrorContains(t, err, "WithNamespace", "%q", name)
	}
}

func TestShardsAreBoundedOnBothSides(t *testing.T) {
	t.Parallel()
	for n, good := range map[int]bool{-1: false, 0: false, 1: true, 4096: true, 4097: false} {
		_, err := newSettings([]Option{WithShards(n)})
		assert.Equal(t, good, err == nil, "%d: %v", n, err)
	}
}

func TestAnyHostNameMakesASafeNode(t *testing.T) {
	t.Parallel()
	for _, host := range []string{"web-1.example.org", "", "büro {2}", "tab\there", strings.Repeat("x", 300), strings.Repeat("ü", 300)} {
		node := safeNode(host, math.MaxInt)
		assert.NoError(t, checkNode(node), "%q", host)
	}
	assert.Equal(t, "web-1.example.org-7", safeNode("web-1.example.org", 7))
	assert.NotEqual(t, safeNode("a", 1), safeNode("a", 2))
}

func TestTLSThatVerifiesNobodyIsRefused(t *testing.T) {
	t.Parallel()
	_, err := newSettings([]Option{WithTLS(&tls.Config{InsecureSkipVerify: true})})
	require.ErrorContains(t, err, "InsecureSkipVerify")

	own := func(tls.ConnectionState) error { return nil }
	_, err = newSettings([]Option{WithTLS(&tls.Config{InsecureSkipVerify: true, VerifyConnection: own})})
	require.NoError(t, err)
}
