package cluster

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/necrostack/necrostack/bench/latency"
	"github.com/necrostack/necrostack/bench/load"
)

var (
	ParseWork  = parseWork
	KeysOfEach = keysOfEach
	ShardOf    = shardOf
	PlanText   = planText
	Turns      = turns
)

// Moment makes a moment of nodes that have acknowledged so much.
func Moment(at time.Time, w Work, cpu time.Duration, acked ...int64) moment {
	m := moment{at: at, work: w, own: cpu}
	for _, n := range acked {
		m.nodes = append(m.nodes, Status{Acked: n, CPU: cpu})
	}
	return m
}

func (m moment) Since(before moment) Cost { return m.since(before) }

// Tally counts as stands do.
type Tally struct{ tally }

func (t *Tally) Expect(n int, each func()) { t.expect(n, each) }
func (t *Tally) Done(n int64)              { t.done(n) }

// Asks makes a round of questions.
func Asks(n int64, with, base Cost) AskRound {
	return AskRound{Asked: Asked{Quantiles: latency.Quantiles{Count: n}}, With: with, Base: base}
}

// orphanVariable holds the address of a server: the process is to start a node there, and to wait for its own end.
const orphanVariable = "NECROSTACK_BENCH_ORPHAN"

// LeaveAnOrphan is for the process that a test kills.
func LeaveAnOrphan() {
	addr, ok := os.LookupEnv(orphanVariable)
	if !ok {
		return
	}
	os.Unsetenv(orphanVariable)
	o := orders{Addr: addr, Name: "orphan", Shards: 4, Lease: time.Second, Relay: load.Relay{Places: 1}}
	_, err := startProcess(o, hears{done: func(int64) {}, failed: func(err error) { fmt.Fprintln(os.Stderr, err) }})
	if err != nil {
		os.Exit(1)
	}
	select {}
}

const OrphanVariable = orphanVariable

// RunOnNothing starts a cluster whose server cannot be reached.
func RunOnNothing(ctx context.Context) error {
	x := Setting{Name: "nothing", Nodes: 1, Shards: 4, Lease: time.Second, Relay: load.Relay{Places: 1}}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	s := &stand{setting: x, failed: func(err error) { cancel(err) }}
	p, err := startProcess(orders{Addr: "127.0.0.1:1", Name: "node-1", Shards: x.Shards, Lease: x.Lease, Relay: x.Relay}, hears{done: s.tally.done, failed: s.failed})
	if err != nil {
		return err
	}
	defer p.close()
	s.nodes = []*process{p}
	<-ctx.Done()
	return context.Cause(ctx)
}
