package report_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/necrostack/necrostack/bench/latency"
	"github.com/necrostack/necrostack/bench/measure"
	"github.com/necrostack/necrostack/bench/redis"
	"github.com/necrostack/necrostack/bench/redis/server"
	"github.com/necrostack/necrostack/bench/report"
)

// onRedis is two policies: the first with everything, the second with latency only.
func onRedis() redis.Result {
	rounds := func(took ...time.Duration) (all []redis.Measured) {
		for _, d := range took {
			all = append(all, redis.Measured{
				Sample: measure.Sample{Events: 1000, Took: d * time.Millisecond, CPU: 2 * d * time.Millisecond, Mallocs: 5000},
				Server: 3 * d * time.Millisecond, Memory: 70_000,
			})
		}
		return all
	}
	paced := func(p99 time.Duration) []redis.Paced {
		return []redis.Paced{{Starts: 2000, Took: time.Second, Latency: latency.Quantiles{P50: p99 / 4, P99: p99, P999: 2 * p99, Max: 3 * p99}, Lag: latency.Quantiles{P50: 7 * time.Microsecond, P99: time.Millisecond}}}
	}
	c := redis.Defaults
	c.Rounds = 2
	return redis.Result{Config: c, Server: "7.0.15", Suites: []redis.Suite{
		{Fsync: server.Off, Rows: []redis.Row{
			{Name: "the loop", Kind: redis.Limit, N: 64, Rounds: rounds(10, 20), Paced: paced(2 * time.Millisecond)},
			{Name: "a peer", Kind: redis.Asynq, Rounds: rounds(100, 200), Paced: paced(5 * time.Millisecond)},
			{Name: "another", Kind: redis.Watermill, Rounds: rounds(50, 100)},
		}},
		{Fsync: server.Always, Rows: []redis.Row{{Name: "the loop", Kind: redis.Limit, N: 64, Paced: paced(8 * time.Millisecond)}}},
	}}
}

func redisText(t *testing.T, r redis.Result) string {
	t.Helper()
	var b bytes.Buffer
	require.NoError(t, report.Redis(r, report.Facts{Command: "go run . redis"}).Text(&b))
	return b.String()
}

func TestRedisTablesSayWhatWasMeasured(t *testing.T) {
	t.Parallel()
	got := redisText(t, onRedis())
	for _, want := range []string{
		`the loop +75 k +50 k–100 k +1\.00 \(1\.00–1\.00\) +45\.0 +30\.0 +5\.00 +70\n`,
		`a peer +8 k +5 k–10 k +0\.10 \(0\.10–0\.10\) +450 +300 +5\.00 +70\n`,
		`a peer +2000 +1\.25 ms +5\.00 ms +10\.0 ms +15\.0 ms +2\.50 \(2\.50–2\.50\) +2\.50 \(2\.50–2\.50\) +7\.00 µs +1\.00 ms\n`,
		`Latency over four hops, appendfsync always`,
	} {
		assert.Regexp(t, want, got)
	}
	assert.NotContains(t, got, "Targets", "nothing of ours was measured")
	assert.NotContains(t, got, "Hops per second, appendfsync always", "that was not measured")
}

func TestRedisTargetsAreToldOfOurRows(t *testing.T) {
	t.Parallel()
	r := onRedis()
	ours := r.Suites[0].Rows[0]
	ours.Name, ours.Kind = "ours", redis.Ours
	r.Suites[0].Rows = append(r.Suites[0].Rows, ours)
	assert.Regexp(t, `hops per hop of the limit loop +0\.70 +0\.95 +1\.00 \(1\.00–1\.00\) +goal`, redisText(t, r))
}

func TestRedisPageIsSaved(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	require.NoError(t, report.Redis(onRedis(), report.Facts{Command: "go run . redis"}).Save(folder))
	text, err := os.ReadFile(filepath.Join(folder, "REDIS.md"))
	require.NoError(t, err)
	for _, want := range []string{"# Redis", "`go run . redis`", "## redis-server 7.0.15, no append-only file", "## redis-server 7.0.15, appendfsync always", "| a peer | 8 k |"} {
		assert.Contains(t, string(text), want)
	}
}
