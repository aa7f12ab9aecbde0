// Package redis measures the chain A→B→C→D on Redis: each handler emits one event of 250 bytes to the next. What counts is
// hops, events handled, per second, from the first publish to the last event handled; and how long a start takes
// through all four when starts come at a given rate.
//
// What one cannot go below with the same client and the same server is the limit loop; beside it are peers. Every
// contender gets a server and a line of its own for each round, they take turns, round after round, and are compared within
// a round.
package redis

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/necrostack/necrostack/bench/latency"
	"github.com/necrostack/necrostack/bench/measure"
	"github.com/necrostack/necrostack/bench/redis/server"
)

// Hops are the events that are handled because of one start.
const Hops = 4

// Line is something that handles starts, up and running.
type Line interface {
	// Publish begins n starts, numbered from first on, and returns when the store has them. It is called by
	// one goroutine.
	Publish(ctx context.Context, first uint64, n int) error
	// Close ends everything that belongs to the line, but not the server.
	Close() error
}

// Reports is what a line tells.
type Reports struct {
	// Done is called for each start when its last event is settled, or handled where settling cannot be seen.
	// From any goroutine; more than once does no harm.
	Done func(number uint64)
	// Failed is called when the line cannot go on.
	Failed func(err error)
}

// Open brings up a line on the server at addr, which is empty.
type Open func(ctx context.Context, addr string, to Reports) (Line, error)

// Kind is what a contender is to the others.
type Kind string

// The kinds.
const (
	Ours      Kind = "ours"       // stateless organs
	OursKeyed Kind = "ours keyed" // keyed organs, with journals
	OursAlone Kind = "ours alone" // Ours on one shard: shown, and no promise is about it
	Limit     Kind = "limit"      // one stream, reads and commits in turn: what all are compared with
	Journaled Kind = "journaled"  // Limit, with a record per event
	Ahead     Kind = "ahead"      // Limit, each commit in one round trip with the next read
	Sharded   Kind = "sharded"    // Limit on many streams at once
	Watermill Kind = "watermill"
	Asynq     Kind = "asynq"
)

// Contender is one way to run the chain.
type Contender struct {
	Name   string
	Kind   Kind
	N      int  // events per commit, where that is given
	Window int  // starts in flight
	Core   bool // measured with every fsync policy, and for latency
	Steady bool // has a long run
	Open   Open
}

// A window is published in batches, most starts at a time, and has at least leastBatches of them, so that it does not
// drain between two.
const (
	most         = 256
	leastBatches = 16
)

func (c Contender) batch() int { return max(min(most, c.Window/leastBatches), 1) }

// The parts of the measurement.
const (
	Throughput = "throughput"
	Latency    = "latency"
	Lasting    = "steady"
)

// Parts are all of them.
var Parts = []string{Throughput, Latency, Lasting}

// Config says how to measure.
type Config struct {
	Rounds   int            `json:"rounds"`
	Duration time.Duration  `json:"duration_ns"` // about what a round of throughput takes
	Rate     float64        `json:"rate"`        // starts per second of the latency
	Paced    time.Duration  `json:"paced_ns"`    // what a round of latency takes
	Fsyncs   []server.Fsync `json:"fsyncs"`
	Events   int            `json:"events"` // hops of a steady run
	Parts    []string       `json:"parts"`
}

// Defaults is what counts.
var Defaults = Config{
	Rounds: 5, Duration: 500 * time.Millisecond, Rate: 2000, Paced: 2 * time.Second, Fsyncs: server.Fsyncs,
	Events: 5_000_000, Parts: Parts,
}

// Quick is c in seconds, with one fsync policy: shows that it runs, not how fast.
func (c Config) Quick() Config {
	c.Rounds, c.Duration, c.Paced, c.Fsyncs, c.Events = 1, 20*time.Millisecond, 100*time.Millisecond, c.Fsyncs[:1], 4000
	return c
}

// Measured is one round of throughput.
type Measured struct {
	Sample measure.Sample `json:"sample"`    // of this process: the contender, and who publishes
	Server time.Duration  `json:"server_ns"` // processor time of the server
	Memory int64          `json:"memory"`    // bytes by which the server has grown
}

// Paced is one round of latency.
type Paced struct {
	Starts  int               `json:"starts"`
	Took    time.Duration     `json:"took_ns"` // until the last was done
	Latency latency.Quantiles `json:"latency"` // from when a start was due to when its last event was settled
	Lag     latency.Quantiles `json:"lag"`     // how late starts were published: in the latency, too
}

// Row is a contender and its rounds.
type Row struct {
	Name   string     `json:"name"`
	Kind   Kind       `json:"kind"`
	N      int        `json:"n"`
	Rounds []Measured `json:"rounds,omitempty"`
	Paced  []Paced    `json:"paced,omitempty"`
}

// Suite is what was measured with one fsync policy.
type Suite struct {
	Fsync server.Fsync `json:"fsync"`
	Rows  []Row        `json:"rows"`
}

// Result is what was measured.
type Result struct {
	Config Config   `json:"config"`
	Server string   `json:"server"` // version of redis-server
	Suites []Suite  `json:"suites,omitempty"`
	Steady []Steady `json:"steady,omitempty"`
}

// Run measures the contenders, in rounds for each fsync policy and in long runs. progress is told what is about
// to happen.
func Run(ctx context.Context, c Config, contenders []Contender, progress func(string)) (Result, error) {
	r := Result{Config: c}
	if c.has(Throughput) || c.has(Latency) {
		if err := r.meet(ctx, contenders, progress); err != nil {
			return r, err
		}
	}
	if c.has(Lasting) {
		return r, r.last(ctx, contenders, progress)
	}
	return r, nil
}

// meet is the rounds.
func (r *Result) meet(ctx context.Context, contenders []Contender, progress func(string)) error {
	c := r.Config
	for _, fsync := range c.Fsyncs {
		m := meet{config: c, fsync: fsync, progress: progress}
		for _, x := range contenders {
			if x.Core || fsync == server.Off {
				m.add(x)
			}
		}
		if err := m.run(ctx); err != nil {
			return fmt.Errorf("redis: fsync %s: %w", fsync, err)
		}
		r.Server = m.version
		r.Suites = append(r.Suites, Suite{Fsync: fsync, Rows: m.rows})
	}
	return nil
}

// last is the long runs.
func (r *Result) last(ctx context.Context, contenders []Contender, progress func(string)) error {
	for _, x := range contenders {
		if !x.Steady {
			continue
		}
		s, version, err := x.steadily(ctx, r.Config.Events, progress)
		if err != nil {
			return fmt.Errorf("redis: steady: %s: %w", x.Name, err)
		}
		r.Server = version
		r.Steady = append(r.Steady, s)
	}
	return nil
}

func (c Config) has(part string) bool { return slices.Contains(c.Parts, part) }
