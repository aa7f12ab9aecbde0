package redis_test

import (
	"context"
	"errors"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/necrostack/necrostack/bench/redis"
	"github.com/necrostack/necrostack/bench/redis/server"
)

func TestMain(m *testing.M) {
	code := m.Run()
	err := goleak.Find()
	// Readers of watermill-redisstream outlive their subscriber by half a second: they sleep after an error. That is more
	// than goleak waits for.
	for n := 0; err != nil && n < 3; n++ {
		err = goleak.Find()
	}
	if err != nil && code == 0 {
		println(err.Error())
		code = 1
	}
	os.Exit(code)
}

func quiet(string) {}

// heard collects what a line reports.
type heard struct {
	mu     sync.Mutex
	times  map[uint64]int
	want   int
	all    chan struct{}
	failed chan error
}

func newHeard(want int) *heard {
	return &heard{times: map[uint64]int{}, want: want, all: make(chan struct{}), failed: make(chan error, 1)}
}

func (h *heard) reports() redis.Reports {
	return redis.Reports{Done: h.done, Failed: func(err error) { h.failed <- err }}
}

func (h *heard) done(number uint64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.times[number]++
	if h.times[number] == 1 && len(h.times) == h.want {
		close(h.all)
	}
}

// wait returns when all starts are done.
func (h *heard) wait(t *testing.T) {
	t.Helper()
	select {
	case <-h.all:
	case err := <-h.failed:
		require.NoError(t, err)
	case <-time.After(time.Minute):
		require.Fail(t, "not all starts are done", "%d of %d", len(h.times), h.want)
	}
}

func start(t *testing.T) *server.Server {
	t.Helper()
	s, err := server.Start(t.Context(), server.Off)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, s.Close()) })
	return s
}

// TestEveryContenderHandlesEveryStartOnce publishes twice, the second time from another number on.
func TestEveryContenderHandlesEveryStartOnce(t *testing.T) {
	t.Parallel()
	const starts = 300
	names := map[string]bool{}
	for _, c := range redis.Contenders() {
		require.False(t, names[c.Name], "two are named %q", c.Name)
		names[c.Name] = true
		t.Run(c.Name, func(t *testing.T) {
			t.Parallel()
			s, h := start(t), newHeard(2*starts)
			line, err := c.Open(t.Context(), s.Addr, h.reports())
			require.NoError(t, err)
			require.NoError(t, line.Publish(t.Context(), 1000, starts))
			require.NoError(t, line.Publish(t.Context(), 1000+starts, starts))
			h.wait(t)
			require.NoError(t, line.Close())
			assert.Empty(t, h.failed)
			for number := uint64(1000); number < 1000+2*starts; number++ {
				require.Equal(t, 1, h.times[number], "start %d", number)
			}
		})
	}
}

// TestLimitLoopLeavesNothingBehind: all is read, acknowledged, and in a journal where there are journals.
func TestLimitLoopLeavesNothingBehind(t *testing.T) {
	t.Parallel()
	const starts = 1000
	for _, c := range redis.Contenders() {
		if !slices.Contains([]redis.Kind{redis.Limit, redis.Journaled, redis.Ahead, redis.Sharded}, c.Kind) {
			continue
		}
		t.Run(c.Name, func(t *testing.T) {
			t.Parallel()
			s, h := start(t), newHeard(starts)
			line, err := c.Open(t.Context(), s.Addr, h.reports())
			require.NoError(t, err)
			require.NoError(t, line.Publish(t.Context(), 0, starts))
			h.wait(t)
			require.NoError(t, line.Close())
			client := server.Connect(s.Addr, 1)
			defer client.Close()
			records, cells := int64(0), 0
			keys, err := client.Keys(t.Context(), "*").Result()
			require.NoError(t, err)
			for _, key := range keys {
				length, err := client.XLen(t.Context(), key).Result()
				require.NoError(t, err)
				if strings.HasPrefix(key, "j:") {
					records += length
					cells++
					continue
				}
				assert.Less(t, length, int64(200), "%s is trimmed", key) // to whole nodes of 100
				groups, err := client.XInfoGroups(t.Context(), key).Result()
				require.NoError(t, err)
				require.Len(t, groups, 1)
				assert.Zero(t, groups[0].Pending, key)
				info, err := client.XInfoStream(t.Context(), key).Result()
				require.NoError(t, err)
				assert.Equal(t, info.LastGeneratedID, groups[0].LastDeliveredID, key)
			}
			if strings.Contains(c.Name, "journals") {
				assert.EqualValues(t, starts*redis.Hops, records)
				assert.Equal(t, 64*redis.Hops, cells)
			} else {
				assert.Zero(t, records)
			}
		})
	}
}

func TestLimitLoopThatCannotGoOnSaysSo(t *testing.T) {
	t.Parallel()
	s, h := start(t), newHeard(1)
	line, err := redis.Contenders()[0].Open(t.Context(), s.Addr, h.reports())
	require.NoError(t, err)
	client := server.Connect(s.Addr, 1)
	defer client.Close()
	require.NoError(t, client.FlushAll(t.Context()).Err())
	select {
	case err := <-h.failed:
		assert.ErrorContains(t, err, "limit loop")
	case <-time.After(time.Minute):
		assert.Fail(t, "it did not fail")
	}
	assert.NoError(t, line.Close())
}

func TestRunMeasuresThroughputAndLatency(t *testing.T) {
	t.Parallel()
	c := redis.Defaults.Quick()
	c.Rounds, c.Fsyncs = 2, []server.Fsync{server.Off, server.Always}
	contenders := []redis.Contender{
		fake("core", true, func(l *echo) {}), fake("other", false, func(l *echo) {}),
	}
	r, err := redis.Run(t.Context(), c, contenders, quiet)
	require.NoError(t, err)
	require.Len(t, r.Suites, 2)
	assert.NotEmpty(t, r.Server)
	require.Len(t, r.Suites[0].Rows, 2)
	require.Len(t, r.Suites[1].Rows, 1, "the others are measured with the first policy only")
	for _, row := range []redis.Row{r.Suites[0].Rows[0], r.Suites[1].Rows[0]} {
		assert.Equal(t, "core", row.Name)
		require.Len(t, row.Rounds, 2)
		assert.Positive(t, row.Rounds[0].Rate())
		require.Len(t, row.Paced, 2)
		assert.Equal(t, 200, row.Paced[0].Starts)
		assert.EqualValues(t, 200, row.Paced[0].Latency.Count)
		assert.EqualValues(t, 200, row.Paced[0].Lag.Count)
	}
	assert.Empty(t, r.Suites[0].Rows[1].Paced)
}

// TestStartDoneTwiceHidesNoOther: a peer that reports every start twice is not done after half of them.
func TestStartDoneTwiceHidesNoOther(t *testing.T) {
	t.Parallel()
	var line *echo
	twice := fake("twice", true, func(l *echo) { line, l.times = l, 2 })
	r, err := redis.Run(t.Context(), quick(), []redis.Contender{twice}, quiet)
	require.NoError(t, err)
	assert.EqualValues(t, 200, r.Suites[0].Rows[0].Paced[0].Latency.Count)
	assert.Equal(t, line.published, line.done)
}

func TestRunEndsWithTheFailureOfALine(t *testing.T) {
	t.Parallel()
	bad := errors.New("bad")
	_, err := redis.Run(t.Context(), quick(), []redis.Contender{fake("broken", true, func(l *echo) { l.fails = bad })}, quiet)
	assert.ErrorIs(t, err, bad)
	assert.ErrorContains(t, err, "broken")
}

func TestRunEndsWithItsContext(t *testing.T) {
	t.Parallel()
	enough := errors.New("enough")
	ctx, cancel := context.WithTimeoutCause(t.Context(), time.Second, enough)
	defer cancel()
	_, err := redis.Run(ctx, quick(), []redis.Contender{fake("loses all", true, func(l *echo) { l.times = 0 })}, quiet)
	assert.ErrorIs(t, err, enough)
}

func quick() redis.Config { return redis.Defaults.Quick() }

// echo is a line whose starts are done as soon as they are published.
type echo struct {
	to        redis.Reports
	times     int // that a start is reported
	fails     error
	published uint64
	done      uint64
}

func fake(name string, core bool, change func(*echo)) redis.Contender {
	return redis.Contender{Name: name, Kind: redis.Limit, N: redis.BaseN, Window: 64, Core: core,
		Open: func(_ context.Context, _ string, to redis.Reports) (redis.Line, error) {
			l := &echo{to: to, times: 1}
			change(l)
			return l, nil
		}}
}

func (l *echo) Publish(_ context.Context, first uint64, n int) error {
	if l.fails != nil {
		l.to.Failed(l.fails)
		return nil
	}
	for number := first; number < first+uint64(n); number++ {
		l.published++
		for range l.times {
			l.to.Done(number)
		}
		l.done++
	}
	return nil
}

func (l *echo) Close() error { return nil }
