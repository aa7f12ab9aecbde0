package redistest_test

import (
	"context"
	"net"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/necrostack/necrostack/spine/redisstream/tmp_fault"
)

// proxied is a client of the shared server behind a proxy of its own.
type proxied struct {
	*redistest.Proxy
	client *redis.Client // through the proxy
	direct *redis.Client
	key    string
}

func newProxied(t *testing.T) proxied {
	t.Helper()
	s := redistest.SharedServer(t)
	p := redistest.NewProxy(t, s.Addr())
	return proxied{Proxy: p, client: connect(t, p.URL()), direct: s.Client(), key: redistest.Namespace(t)}
}

func (p proxied) set(ctx context.Context, value string) error {
	return p.client.Set(ctx, p.key, value, 0).Err()
}

func (p proxied) stored(t *testing.T) string {
	t.Helper()
	value, err := p.direct.Get(t.Context(), p.key).Result()
	if err != redis.Nil {
		require.NoError(t, err)
	}
	return value
}

// assertTimeout: nothing came, not even the end of the connection.
func assertTimeout(t *testing.T, err error) {
	t.Helper()
	var timeout net.Error
	if assert.ErrorAs(t, err, &timeout) {
		assert.True(t, timeout.Timeout(), "%v", err)
	}
}

func TestProxyPassesWhatNoRuleStops(t *testing.T) {
	t.Parallel()
	p := newProxied(t)
	require.NoError(t, p.set(t.Context(), "a\r\nb"))
	assert.Equal(t, "a\r\nb", p.client.Get(t.Context(), p.key).Val())
	assert.Equal(t, redistest.Counts{Connections: 1, Requests: 2, Passed: 2}, p.Counts())
}

func TestDroppedReplyHasBeenDone(t *testing.T) {
	t.Parallel()
	p := newProxied(t)
	p.DropReply(1, "set")

	require.ErrorIs(t, p.client.Get(t.Context(), p.key).Err(), redis.Nil)
	assert.Error(t, p.set(t.Context(), "v"))
	assert.Equal(t, "v", p.stored(t))
	assert.NoError(t, p.set(t.Context(), "w"), "one was asked for")
	assert.Equal(t, 1, p.Counts().RepliesDropped)
}

func TestRequestClosedBeforeIsNotDone(t *testing.T) {
	t.Parallel()
	p := newProxied(t)
	p.SetRule(redistest.First(1, redistest.CloseBefore))

	assert.Error(t, p.set(t.Context(), "v"))
	assert.Empty(t, p.stored(t))
	assert.NoError(t, p.set(t.Context(), "w"))
	assert.Equal(t, redistest.Counts{Connections: 2, Requests: 2, Passed: 1, ClosedBefore: 1}, p.Counts())
}

func TestDelayedRequestTakesEffectLater(t *testing.T) {
	t.Parallel()
	p := newProxied(t)
	p.SetRule(redistest.First(1, redistest.Delay(300*time.Millisecond), "SET"))

	began := time.Now()
	assert.Error(t, p.set(t.Context(), "late"))
	assert.Less(t, time.Since(began), 300*time.Millisecond, "the client hears of it at once")
	require.NoError(t, p.set(t.Context(), "early"))
	assert.Equal(t, "early", p.stored(t))
	assert.Equal(t, 1, p.Counts().Delayed)
	assert.Zero(t, p.Counts().DeliveredLate)

	p.WaitDelayed()
	assert.GreaterOrEqual(t, time.Since(began), 300*time.Millisecond)
	assert.Equal(t, "late", p.stored(t))
	assert.Equal(t, 1, p.Counts().DeliveredLate)
}

func TestDelayedRequestComesAsTheSameUserAndDatabase(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t, redistest.User("default", "off"), redistest.User("writer", "on", ">secret", "~*", "+@all"))
	p := redistest.NewProxy(t, s.Addr())
	client := connect(t, as(t, "redis://"+p.Addr()+"/3", "writer", "secret"))
	p.SetRule(redistest.First(1, redistest.Delay(0)))

	assert.Error(t, client.Set(t.Context(), "k", "late", 0).Err())
	p.WaitDelayed()
	assert.Equal(t, redistest.Counts{Connections: 1, Requests: 1, Delayed: 1, DeliveredLate: 1}, p.Counts())
	assert.Equal(t, "late", client.Get(t.Context(), "k").Val())
	assert.ErrorIs(t, s.Client().Get(t.Context(), "k").Err(), redis.Nil, "database 0")
}

func TestDelayedRequestToAnEndedServerIsLost(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t)
	p := redistest.NewProxy(t, s.Addr())
	client := connect(t, p.URL())
	p.SetRule(redistest.First(1, redistest.Delay(50*time.Millisecond)))

	assert.Error(t, client.Set(t.Context(), "k", "late", 0).Err())
	s.Kill()
	p.WaitDelayed()
	assert.Equal(t, 1, p.Counts().LostLate)
}

// The end of a test waits for no delay, and for no server that says nothing.
func TestProxyEndsWithTheTest(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t)
	began := time.Now()
	var p *redistest.Proxy
	f := try(t, func(f *fake) {
		p = redistest.NewProxy(f, s.Addr())
		client := connect(t, p.URL())
		p.SetRule(redistest.First(1, redistest.Delay(time.Hour)))
		assert.Error(t, client.Set(t.Context(), "k", "v", 0).Err())
		assert.NoError(t, client.Ping(t.Context()).Err())
		p.SetRule(redistest.First(1, redistest.Delay(0)))
		s.Pause()
		assert.Error(t, client.Set(shortly(t), "k", "v", 0).Err())
		assert.Equal(t, 2, p.Counts().Delayed)
		assert.Error(t, client.Get(shortly(t), "k").Err())
	})
	assert.Empty(t, f.errors)
	assert.Less(t, time.Since(began), soon)
	assert.Error(t, connect(t, p.URL()).Ping(t.Context()).Err())
}

func TestBlackholeIsSilentAndDoesNothing(t *testing.T) {
	t.Parallel()
	p := newProxied(t)
	p.SetRule(redistest.First(1, redistest.Blackhole, "SET"))

	assertTimeout(t, p.set(shortly(t), "v"))
	assert.Empty(t, p.stored(t))
	assert.NoError(t, p.set(t.Context(), "w"), "on a new connection")
	assert.Equal(t, redistest.Counts{Connections: 2, Requests: 2, Passed: 1, Blackholed: 1}, p.Counts())
}

func TestBlackholedReplyIsSilentAndDone(t *testing.T) {
	t.Parallel()
	p := newProxied(t)
	p.SetRule(redistest.First(1, redistest.BlackholeReply, "SET"))

	assertTimeout(t, p.set(shortly(t), "v"))
	assert.Equal(t, "v", p.stored(t))
	assert.Equal(t, 1, p.Counts().RepliesBlackholed)
}

// Blackholes stay open until somebody closes them, also when the server goes.
func TestBlackholeOutlivesTheServer(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t)
	p := redistest.NewProxy(t, s.Addr())
	client := connect(t, p.URL())
	p.SetRule(redistest.First(1, redistest.Blackhole))
	failed := make(chan error, 1)
	go func() { failed <- client.Get(t.Context(), "k").Err() }() // ends with the partition
	require.Eventually(t, func() bool { return p.Counts().Blackholed == 1 }, soon, time.Millisecond)

	s.Kill()
	select {
	case err := <-failed:
		t.Fatalf("the client heard something: %v", err)
	case <-time.After(50 * time.Millisecond):
	}
	p.Partition()
	assert.Error(t, <-failed)
}

func TestPipelineIsAnsweredUpToTheFault(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		action redistest.Action
		done   int64
	}{
		"reply dropped":    {redistest.DropReplyAndClose, 3},
		"closed before":    {redistest.CloseBefore, 2},
		"delayed":          {redistest.Delay(0), 3},
		"reply blackholed": {redistest.BlackholeReply, 3},
		"blackholed":       {redistest.Blackhole, 2},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newProxied(t)
			seen := 0
			p.SetRule(func([][]byte) redistest.Action {
				if seen++; seen == 3 {
					return tt.action
				}
				return redistest.Pass
			})
			commands, err := p.client.Pipelined(shortly(t), func(pipe redis.Pipeliner) error {
				for i := range 4 {
					pipe.RPush(t.Context(), p.key, i)
				}
				return nil
			})
			assert.Error(t, err)
			// The client calls all of it failed, and keeps the answers that it has read.
			var lengths []int64
			for _, c := range commands {
				lengths = append(lengths, c.(*redis.IntCmd).Val())
			}
			assert.Equal(t, []int64{1, 2, 0, 0}, lengths)
			p.WaitDelayed()
			assert.Equal(t, tt.done, p.direct.LLen(t.Context(), p.key).Val())
		})
	}
}

func TestTransactionFailsAsOne(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		action redistest.Action
		done   int64
	}{
		"passes":        {redistest.Pass, 2},
		"reply dropped": {redistest.DropReplyAndClose, 2},
		"closed before": {redistest.CloseBefore, 0},
		"delayed":       {redistest.Delay(0), 2},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newProxied(t)
			p.SetRule(redistest.First(1, tt.action, "INCR"))
			_, err := p.client.TxPipelined(t.Context(), func(pipe redis.Pipeliner) error {
				pipe.RPush(t.Context(), p.key, "a")
				pipe.Incr(t.Context(), p.key+":n")
				pipe.RPush(t.Context(), p.key, "b")
				return nil
			})
			assert.Equal(t, tt.action != redistest.Pass, err != nil, "%v", err)
			p.WaitDelayed()
			assert.Equal(t, tt.done, p.direct.LLen(t.Context(), p.key).Val())
			assert.Equal(t, 1, p.Counts().Requests)
		})
	}
}
