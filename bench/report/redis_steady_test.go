package report_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/necrostack/necrostack/bench/latency"
	"github.com/necrostack/necrostack/bench/redis"
)

// steadyOnRedis is three stations: the server grows, the heap does not.
func steadyOnRedis() redis.Result {
	s := redis.Steady{
		Name: "ours", Kind: redis.Ours,
		Earlier:  []redis.Holding{{Kind: "in", Keys: 16, Entries: 200, Bytes: 9000}},
		Holdings: []redis.Holding{{Kind: "in", Keys: 16, Entries: 300, Pending: 7, Bytes: 9500}, {Kind: "prog", Keys: 1, Entries: 2, Bytes: 80}},
		Slow: redis.SlowLog{Count: 70, Longest: []redis.SlowCall{
			{Time: time.Unix(3661, 0), Took: 12 * time.Millisecond, Command: "evalsha 0123abcd {n:1}:own", Machine: 15 * time.Millisecond},
		}},
		Pings:   redis.Pings{Quantiles: latency.Quantiles{Count: 400, P50: time.Millisecond, Max: 30 * time.Millisecond}, Slow: 8},
		Machine: redis.Pings{Quantiles: latency.Quantiles{Count: 400, P50: 50 * time.Microsecond, Max: 15 * time.Millisecond}, Slow: 2},
	}
	for _, memory := range []int64{1_000_000, 2_000_000, 3_000_000} {
		s.Stations = append(s.Stations, redis.Station{Hops: 500_000, Took: 10 * time.Second, Memory: memory, Heap: 5_000_000, Entries: 250})
	}
	return redis.Result{Config: redis.Defaults, Server: "7.0.15", Steady: []redis.Steady{s}}
}

func TestSteadyTablesSayWhatWasMeasured(t *testing.T) {
	t.Parallel()
	got := redisText(t, steadyOnRedis())
	for _, want := range []string{
		`ours, steady: used_memory of the last third by the one before, at most +1\.05 +1\.05 +1\.50 \(1\.50–1\.50\) +MISSED\n`,
		`ours, steady: heap of the last third by the one before, at most +1\.05 +1\.05 +1\.00 \(1\.00–1\.00\) +goal\n`,
		`ours, steady: calls above 10ms in the slow log, at most +0 +0 +70\.0 \(70\.0–70\.0\) +MISSED\n`,
		`ours, first third +50 k +1000 +5000 +250\n`,
		`ours, last third +50 k +3000 +5000 +250\n`,
		`in +16 +16 +200 +300 +9000 +9500 +7\n`,
		`prog +0 +1 +0 +2 +0 +80 +0\n`,
		`ours: same server +1\.00 ms .* 30\.0 ms +2\.00 %\n`,
		`ours: idle server +50\.0 µs .* 15\.0 ms +0\.50 %\n`,
		`evalsha 0123abcd \{n:1\}:own +01:01:01 +12\.0 ms +15\.0 ms\n`,
	} {
		assert.Regexp(t, want, got)
	}
	assert.NotContains(t, got, "too short")
}

func TestShortSteadyRunIsNotJudged(t *testing.T) {
	t.Parallel()
	r := steadyOnRedis()
	r.Steady[0].Stations[0].Hops = 10_000
	r.Steady[0].Stations[1].Hops = 10_000
	r.Steady[0].Slow = redis.SlowLog{}
	got := redisText(t, r)
	assert.NotContains(t, got, "Targets")
	assert.NotContains(t, got, "Slow log")
	assert.Contains(t, got, "ours: too short to tell a leak from a warm-up")
}
