package redistest_test

import (
	"fmt"
	"net"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/necrostack/necrostack/spine/redisstream/redistest"
)

func TestPartitionGivesErrorsAtOnceUntilHealed(t *testing.T) {
	t.Parallel()
	p := newProxied(t)
	failed := make(chan error, 1)
	go func() { failed <- p.client.BLPop(t.Context(), time.Minute, p.key).Err() }() // ends with the partition
	require.Eventually(t, func() bool { return p.Counts().Requests == 1 }, soon, time.Millisecond)
	require.NoError(t, p.client.Ping(t.Context()).Err())

	began := time.Now()
	p.Partition()
	p.Partition() // twice is once
	assert.Error(t, <-failed)
	assert.Error(t, p.client.Ping(t.Context()).Err())
	assert.Error(t, p.client.Ping(t.Context()).Err())
	assert.Less(t, time.Since(began), soon)
	assert.Equal(t, 2, p.Counts().Cut)
	assert.GreaterOrEqual(t, p.Counts().Refused, 2)

	p.Heal()
	assert.NoError(t, p.client.Ping(t.Context()).Err())
}

func TestLatencyHoldsRequestsBack(t *testing.T) {
	t.Parallel()
	p := newProxied(t)
	require.NoError(t, p.client.Ping(t.Context()).Err())
	p.SetLatency(100*time.Millisecond, 110*time.Millisecond)

	began := time.Now()
	require.NoError(t, p.client.Ping(t.Context()).Err())
	assert.GreaterOrEqual(t, time.Since(began), 100*time.Millisecond)

	began = time.Now()
	_, err := p.client.Pipelined(t.Context(), func(pipe redis.Pipeliner) error {
		for range 100 {
			pipe.Ping(t.Context())
		}
		return nil
	})
	require.NoError(t, err)
	assert.Less(t, time.Since(began), 5*time.Second, "a pipeline waits once, not a hundred times")

	p.SetLatency(time.Hour, time.Hour)
	p.SetLatency(0, 0)
	assert.NoError(t, p.client.Ping(t.Context()).Err())
}

func TestProxyOutlivesItsServer(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t)
	p := redistest.NewProxy(t, s.Addr())
	client := connect(t, p.URL())
	require.NoError(t, client.Ping(t.Context()).Err())

	s.Kill()
	_ = client.Ping(t.Context()).Err() // may be told of the end of the old connection
	assert.Error(t, client.Ping(t.Context()).Err())
	assert.NotZero(t, p.Counts().Refused)
	s.Restart()
	assert.NoError(t, client.Ping(t.Context()).Err())
}

// A client that has gone must not go on blocking in the server, and what it said last is done.
func TestRedirectLeadsToAnotherServerAtOnce(t *testing.T) {
	t.Parallel()
	old, next := redistest.Start(t), redistest.Start(t)
	p := redistest.NewProxy(t, old.Addr())
	client := connect(t, p.URL())
	require.NoError(t, client.Set(t.Context(), "where", "old", 0).Err())
	require.NoError(t, next.Client().Set(t.Context(), "where", "next", 0).Err())
	p.Redirect(next.Addr())
	_ = client.Ping(t.Context()).Err() // may be told of the end of the old connection
	assert.Equal(t, "next", client.Get(t.Context(), "where").Val())
	assert.Equal(t, 1, p.Counts().Cut)
	require.NoError(t, client.Set(t.Context(), "where", "changed", 0).Err())
	assert.Equal(t, "old", old.Client().Get(t.Context(), "where").Val())
}

func TestClosedClientIsClosedBehindTheProxy(t *testing.T) {
	t.Parallel()
	p := newProxied(t)
	conn, err := net.Dial("tcp", p.Addr())
	require.NoError(t, err)
	name := strings.ReplaceAll(p.key, ":", "-")
	_, err = fmt.Fprintf(conn, "CLIENT SETNAME %s\r\nSET %s last\r\nBLPOP nothing 0\r\n", name, p.key)
	require.NoError(t, err)
	connected := func() bool { return strings.Contains(p.direct.ClientList(t.Context()).Val(), "name="+name) }
	require.Eventually(t, connected, soon, time.Millisecond)

	require.NoError(t, conn.Close())
	require.Eventually(t, func() bool { return !connected() }, soon, time.Millisecond)
	assert.Equal(t, "last", p.stored(t))
}

func TestWhatIsNoRequestClosesTheConnection(t *testing.T) {
	t.Parallel()
	p := newProxied(t)
	conn, err := net.Dial("tcp", p.Addr())
	require.NoError(t, err)
	defer func() { require.NoError(t, conn.Close()) }()
	_, err = conn.Write([]byte("*1\r\nnonsense\r\n"))
	require.NoError(t, err)
	require.NoError(t, conn.SetDeadline(time.Now().Add(soon)))
	_, err = conn.Read(make([]byte, 1))
	assert.Error(t, err)
	assert.Zero(t, p.Counts().Requests)
}

func TestRuleIsAskedOneQuestionAtATimeAndMayReplaceItself(t *testing.T) {
	t.Parallel()
	p := newProxied(t)
	asked := 0
	var inside, most atomic.Int32
	p.SetRule(func([][]byte) redistest.Action {
		most.Store(max(most.Load(), inside.Add(1)))
		for range 100 {
			runtime.Gosched() // lets another one in, if one may
		}
		if asked++; asked == 50 {
			p.SetRule(nil)
		}
		inside.Add(-1)
		return redistest.Pass
	})
	var clients sync.WaitGroup
	for range 8 {
		clients.Go(func() { // ends when it is done
			for range 20 {
				assert.NoError(t, p.client.Ping(t.Context()).Err())
			}
		})
	}
	clients.Wait()
	assert.GreaterOrEqual(t, asked, 50)
	assert.EqualValues(t, 1, most.Load())
	assert.Equal(t, 160, p.Counts().Passed)
}

func TestRuleSeesTheCommandButNotTheOpening(t *testing.T) {
	t.Parallel()
	p := newProxied(t)
	var seen []string
	p.SetRule(func(command [][]byte) redistest.Action {
		seen = append(seen, string(command[0]))
		return redistest.Pass
	})
	require.NoError(t, p.set(t.Context(), "v"))
	require.NoError(t, p.client.ClientList(t.Context()).Err())
	p.SetRule(nil)
	assert.Equal(t, []string{"set", "client"}, seen)
}

func TestRandomRuleRepeatsItself(t *testing.T) {
	t.Parallel()
	faults := []redistest.Action{redistest.DropReplyAndClose, redistest.CloseBefore, redistest.Delay(time.Second)}
	roll := func(seed uint64) (actions []redistest.Action, counts map[redistest.Action]int) {
		rule, counts := redistest.Random(seed, 0.3, faults, "SET"), map[redistest.Action]int{}
		for range 1000 {
			a := rule([][]byte{[]byte("set")})
			actions, counts[a] = append(actions, a), counts[a]+1
			assert.Equal(t, redistest.Pass, rule([][]byte{[]byte("GET")}))
		}
		return actions, counts
	}
	first, counts := roll(1)
	again, _ := roll(1)
	other, _ := roll(2)
	assert.Equal(t, first, again)
	assert.NotEqual(t, first, other)
	assert.InDelta(t, 700, counts[redistest.Pass], 60)
	for _, a := range faults {
		assert.InDelta(t, 100, counts[a], 40)
	}
	assert.Equal(t, redistest.Pass, redistest.Random(1, 1, nil)([][]byte{[]byte("SET")}))
}

// Under random faults every answered write is there, and the proxy keeps its books.
func TestRandomFaultsLoseNoAnsweredWrite(t *testing.T) {
	t.Parallel()
	p := newProxied(t)
	p.SetRule(redistest.Random(7, 0.2, []redistest.Action{
		redistest.DropReplyAndClose, redistest.CloseBefore, redistest.Delay(20 * time.Millisecond), redistest.Blackhole, redistest.BlackholeReply,
	}))
	var mu sync.Mutex
	var answered []any
	var clients sync.WaitGroup
	for c := range 4 {
		clients.Go(func() { // ends when it is done
			for i := range 30 {
				member := fmt.Sprintf("%d-%d", c, i)
				if p.client.SAdd(shortly(t), p.key, member).Err() == nil {
					mu.Lock()
					answered = append(answered, member)
					mu.Unlock()
				}
			}
		})
	}
	clients.Wait()
	p.SetRule(nil)
	p.WaitDelayed()

	there, err := p.direct.SMIsMember(t.Context(), p.key, answered...).Result()
	require.NoError(t, err)
	assert.NotContains(t, there, false)
	n := p.Counts()
	assert.Equal(t, n.Requests, n.Passed+n.RepliesDropped+n.ClosedBefore+n.Delayed+n.Blackholed+n.RepliesBlackholed)
	assert.Equal(t, n.Delayed, n.DeliveredLate)
	assert.EqualValues(t, n.Passed+n.RepliesDropped+n.Delayed+n.RepliesBlackholed, p.direct.SCard(t.Context(), p.key).Val())
}
