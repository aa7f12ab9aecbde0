package redis_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	goredis "github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/necrostack/necrostack/bench/chain"
	"github.com/necrostack/necrostack/bench/measure"
	"github.com/necrostack/necrostack/bench/redis"
	"github.com/necrostack/necrostack/bench/redis/server"
)

// leak is a line that leaves an entry for every start, one of them unacknowledged, and has one slow call.
type leak struct {
	client *goredis.Client
	to     redis.Reports
}

const leakyStream = "{ns:3}:in"

// busy keeps the server for 100 ms.
const busy = `local function now() local t = redis.call('TIME') return t[1] * 1e6 + t[2] end
local begun = now()
while now() - begun < 100000 do end
return 1`

func openLeak(ctx context.Context, addr string, to redis.Reports) (redis.Line, error) {
	l := &leak{client: server.Connect(addr, 1), to: to}
	err := l.client.XGroupCreateMkStream(ctx, leakyStream, "g", "0").Err()
	if err == nil {
		err = l.client.HSet(ctx, "ns:load", "a", 1, "b", 2).Err()
	}
	return l, err
}

func (l *leak) Publish(ctx context.Context, first uint64, n int) error {
	for number := first; number < first+uint64(n); number++ {
		err := l.client.XAdd(ctx, &goredis.XAddArgs{Stream: leakyStream, Values: []any{"f", strings.Repeat("v", 5000)}}).Err()
		if err == nil && number == 0 {
			err = l.linger(ctx)
		}
		if err != nil {
			return err
		}
		l.to.Done(number)
	}
	return nil
}

// linger is the entry that stays unacknowledged, and the slow call.
func (l *leak) linger(ctx context.Context) error {
	read := &goredis.XReadGroupArgs{Group: "g", Consumer: "c", Streams: []string{leakyStream, ">"}, Count: 1}
	if err := l.client.XReadGroup(ctx, read).Err(); err != nil {
		return err
	}
	return l.client.Eval(ctx, busy, []string{"slow"}).Err()
}

func (l *leak) Close() error { return l.client.Close() }

func TestSteadyRunShowsWhatGrows(t *testing.T) {
	t.Parallel()
	const starts = 1000
	c := quick()
	c.Parts, c.Events = []string{redis.Lasting}, starts*redis.Hops
	leaky := redis.Contender{Name: "leaky", Kind: redis.Ours, Window: 64, Steady: true, Open: openLeak}
	r, err := redis.Run(t.Context(), c, []redis.Contender{leaky, fake("no long run", true, func(*echo) {})}, quiet)
	require.NoError(t, err)
	assert.Empty(t, r.Suites, "no rounds were asked for")
	assert.NotEmpty(t, r.Server)
	require.Len(t, r.Steady, 1)
	s := r.Steady[0]
	assert.Equal(t, c.Events, s.Hops())
	require.Len(t, s.Stations, 50)
	for i, at := range s.Stations {
		require.EqualValues(t, (i+1)*starts/50, at.Entries, "station %d", i)
		require.Positive(t, at.Heap)
		require.Positive(t, at.Took)
	}
	assert.Greater(t, s.Stations[49].Memory-s.Stations[0].Memory, int64(starts*5000*9/10))
	assert.Greater(t, s.Growth(func(at redis.Station) float64 { return float64(at.Memory) }).Median, 1.2)

	require.Len(t, s.Holdings, 2)
	stream := s.Holdings[0]
	assert.Greater(t, stream.Bytes, int64(starts*5000))
	stream.Bytes = 0
	assert.Equal(t, redis.Holding{Kind: "in", Keys: 1, Entries: starts, Pending: 1}, stream)
	assert.Equal(t, "load", s.Holdings[1].Kind)
	assert.EqualValues(t, 2, s.Holdings[1].Entries)
	assert.EqualValues(t, starts*34/50, s.Earlier[0].Entries, "a third was still to come")

	// A busy machine can make other calls slow, too.
	slow := slices.DeleteFunc(slices.Clone(s.Slow.Longest), func(c redis.SlowCall) bool { return c.Command != "eval" })
	require.Len(t, slow, 1, "every call is told once: %v", s.Slow)
	assert.GreaterOrEqual(t, slow[0].Took, 100*time.Millisecond)
	assert.Positive(t, slow[0].Machine)
	assert.GreaterOrEqual(t, s.Slow.Count, len(s.Slow.Longest))
	assert.Positive(t, s.Pings.Count)
	assert.Positive(t, s.Machine.Count)
}

func TestThirdsLeaveOutTheFirstStations(t *testing.T) {
	t.Parallel()
	var s redis.Steady
	for i := range int64(8) {
		s.Stations = append(s.Stations, redis.Station{Hops: 10, Took: time.Second, Memory: i, Heap: uint64(2 * i), Entries: 4 * i})
	}
	thirds := s.Thirds()
	assert.Equal(t, [3]redis.Station{
		{Hops: 10, Took: time.Second, Memory: 2, Heap: 5, Entries: 10},
		{Hops: 10, Took: time.Second, Memory: 4, Heap: 9, Entries: 18},
		{Hops: 10, Took: time.Second, Memory: 6, Heap: 13, Entries: 26},
	}, thirds)
	assert.Equal(t, measure.Spread{Median: 1.5, Low: 1.5, High: 1.5}, s.Growth(func(at redis.Station) float64 { return float64(at.Memory) }))
	s.Stations = s.Stations[:2]
	assert.Zero(t, s.Thirds())
	assert.Zero(t, s.Growth(redis.Station.Rate))
}

func TestOnlyLongRunsArePromises(t *testing.T) {
	t.Parallel()
	s := redis.Steady{Name: "ours", Slow: redis.SlowLog{Count: 1}}
	for i := range uint64(6) {
		s.Stations = append(s.Stations, redis.Station{Hops: 100_000, Took: time.Second, Memory: 100, Heap: 100 + 10*(i/4)})
	}
	assert.Empty(t, redis.Result{Steady: []redis.Steady{s}}.Targets())
	for i := range s.Stations {
		s.Stations[i].Hops *= 2
	}
	var met []chain.Verdict
	for _, x := range (redis.Result{Steady: []redis.Steady{s}}).Targets() {
		met = append(met, x.Judge())
	}
	assert.Equal(t, []chain.Verdict{chain.Goal, chain.Missed, chain.Missed}, met, "memory, heap and slow calls")
}
