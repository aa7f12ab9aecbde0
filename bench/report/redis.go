package report

import (
	"fmt"
	"time"

	"github.com/necrostack/necrostack/bench/latency"
	"github.com/necrostack/necrostack/bench/measure"
	"github.com/necrostack/necrostack/bench/redis"
	"github.com/necrostack/necrostack/bench/redis/server"
)

// redisPreamble is what the reader has to know before the first number.
const redisPreamble = `# Redis

Generated; do not edit.

A chain A→B→C→D on one redis-server of the same machine: each handler emits one event of 250 bytes to the next. The limit
loop is the least that one can do with go-redis and a Lua script: one consumer reads up to N events, and commits what follows
from them (emitted events, acknowledgements, trimming) in one call; it checks nothing, retries nothing, and calls no
organ. Everybody gets a new server for each round; contenders take turns and are compared within a round. Read ratios, not
numbers: the machine is shared and noisy, and server and clients share its cores.

`

// Redis is the document of the chain on Redis.
func Redis(r redis.Result, f Facts) Document {
	d := Document{File: "REDIS.md", Preamble: redisPreamble, Facts: f, Data: struct {
		Facts Facts `json:"facts"`
		redis.Result
	}{f, r}}
	if targets := r.Targets(); len(targets) > 0 {
		d.Sections = append(d.Sections, Section{Title: "Targets", Tables: []Table{orderTargets(targets)}})
	}
	for _, s := range r.Suites {
		section := Section{Title: fmt.Sprintf("redis-server %s, %s", r.Server, fsyncTitle(s.Fsync))}
		if has(s, func(row redis.Row) bool { return len(row.Rounds) > 0 }) {
			section.Tables = append(section.Tables, redisThroughput(r, s))
		}
		if has(s, func(row redis.Row) bool { return len(row.Paced) > 0 }) {
			section.Tables = append(section.Tables, redisLatency(r, s))
		}
		d.Sections = append(d.Sections, section)
	}
	if section, ok := steadySection(r); ok {
		d.Sections = append(d.Sections, section)
	}
	return d
}

func fsyncTitle(f server.Fsync) string {
	if f == server.Off {
		return "no append-only file"
	}
	return "appendfsync " + string(f)
}

func has(s redis.Suite, f func(redis.Row) bool) bool {
	for _, row := range s.Rows {
		if f(row) {
			return true
		}
	}
	return false
}

func redisThroughput(r redis.Result, s redis.Suite) Table {
	t := Table{
		Title: "Hops per second, " + fsyncTitle(s.Fsync),
		About: fmt.Sprintf("Medians of %d rounds of about %s, lowest and highest beside them. The ratio is to the limit loop of the same N in the same "+
			"round, of N=%d for the peers.", r.Config.Rounds, r.Config.Duration, redis.BaseN),
		Head: []string{"contender", "hops/s", "low–high", "× limit loop (low–high)", "server CPU µs/hop", "client CPU µs/hop", "allocs/hop", "server memory B/hop"},
		Note: "CPU and allocations of the client are of the whole process: with it who publishes the starts. The server's CPU is of all its threads. Its memory " +
			"is what it has grown by during the round: a peer that trims nothing keeps every event.",
	}
	for _, row := range s.Rows {
		if len(row.Rounds) == 0 {
			continue
		}
		hops := row.Spread(redis.Measured.Rate)
		median := func(f func(redis.Measured) float64) float64 { return row.Spread(f).Median }
		t.Rows = append(t.Rows, []string{
			row.Name, rate(hops.Median), bounds(hops, rate), spread(row.Against(s.Base(row))),
			times(median(redis.Measured.ServerWork) / 1e3), times(median(redis.Measured.ClientWork) / 1e3),
			times(median(redis.Measured.Allocs)), whole(median(redis.Measured.Growth)),
		})
	}
	return t
}

func redisLatency(r redis.Result, s redis.Suite) Table {
	t := Table{
		Title: "Latency over four hops, " + fsyncTitle(s.Fsync),
		About: fmt.Sprintf("%s starts per second, whatever became of those before (open loop), for %s a round; from when a start was due to when its "+
			"last event was settled. Measured before the throughput: after minutes of full load this machine is slower for a while. "+
			"Medians of %d rounds; ratios are to the limit loop in the same round.",
			rate(r.Config.Rate), r.Config.Paced, r.Config.Rounds),
		Head: []string{"contender", "starts/s", "p50", "p99", "p99.9", "highest", "p50 × limit loop (low–high)", "p99 × limit loop (low–high)", "lag p50", "lag p99"},
		Note: "Where fewer starts per second were done than came, latency is how long the queue became. The lag is how late this program published a start, " +
			"timers and slow publishing alike; it is in the latency. Of Watermill and asynq a start is done when its last handler runs: the acknowledgement comes after.",
	}
	for _, row := range s.Rows {
		if len(row.Paced) > 0 {
			t.Rows = append(t.Rows, latencyRow(row, s.Base(row)))
		}
	}
	return t
}

func latencyRow(row, base redis.Row) []string {
	p50 := func(q latency.Quantiles) time.Duration { return q.P50 }
	p99 := func(q latency.Quantiles) time.Duration { return q.P99 }
	p999 := func(q latency.Quantiles) time.Duration { return q.P999 }
	highest := func(q latency.Quantiles) time.Duration { return q.Max }
	median := func(s measure.Spread) string { return short(time.Duration(s.Median)) }
	return []string{
		row.Name, whole(row.PacedRate().Median),
		median(row.Quantile(p50)), median(row.Quantile(p99)), median(row.Quantile(p999)), median(row.Quantile(highest)),
		spread(row.QuantileAgainst(base, p50)), spread(row.QuantileAgainst(base, p99)),
		median(row.Lag(p50)), median(row.Lag(p99)),
	}
}
