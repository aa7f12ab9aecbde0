package redis

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/necrostack/necrostack/bench/latency"
	"github.com/necrostack/necrostack/bench/load"
	"github.com/necrostack/necrostack/bench/measure"
	"github.com/necrostack/necrostack/bench/pace"
	"github.com/necrostack/necrostack/bench/redis/server"
)

// stand is a contender up and running on a server of its own.
type stand struct {
	contender Contender
	server    *server.Server
	line      Line
	tally     tally
	at        uint64 // starts so far
}

// patience bounds a round: a line that loses an event ends with an error, not never.
const patience = 2 * time.Minute

var errStuck = fmt.Errorf("nothing more came within %s", patience)

// on lets f use a stand with a server of that policy. ctx of f ends with the first failure of the line.
func (c Contender) on(ctx context.Context, fsync server.Fsync, f func(ctx context.Context, s *stand) error) (err error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	s := &stand{contender: c}
	if s.server, err = server.Start(ctx, fsync); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.server.Close()) }()
	if s.line, err = c.Open(ctx, s.server.Addr, Reports{Done: s.tally.Done, Failed: func(err error) { cancel(err) }}); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.line.Close()) }()
	return f(ctx, s)
}

// feed publishes n starts, as many at a time as the contender's window has room for, and returns when all are done.
func (s *stand) feed(ctx context.Context, n int) error {
	window := load.NewWindow(s.contender.Window, s.contender.batch())
	s.tally.expect(s.at, n, func(uint64) { window.Done() })
	return window.Feed(ctx, n, func(n int) error { return s.publish(ctx, n) })
}

func (s *stand) publish(ctx context.Context, n int) error {
	first := s.at
	s.at += uint64(n)
	return s.line.Publish(ctx, first, n)
}

// warmShare of a round's starts comes before its clock starts: connections are open, scripts are known.
const warmShare = 0.1

// measure is one round of n starts.
func (s *stand) measure(ctx context.Context, n int) (m Measured, err error) {
	if err := s.feed(ctx, max(int(float64(n)*warmShare), 1)); err != nil {
		return m, fmt.Errorf("warm up: %w", err)
	}
	before, err := s.server.Usage(ctx)
	if err != nil {
		return m, err
	}
	if m.Sample, err = measure.Take(n*Hops, func() error { return s.feed(ctx, n) }); err != nil {
		return m, err
	}
	after, err := s.server.Usage(ctx)
	m.Server, m.Memory = after.CPU-before.CPU, after.Memory-before.Memory
	return m, err
}

// firstTry is the starts with which calibrate begins.
const firstTry = 16

// calibrate finds out how many starts take about d.
func (s *stand) calibrate(ctx context.Context, d time.Duration) (int, error) {
	for n := firstTry; ; n *= 2 {
		began := time.Now()
		if err := s.feed(ctx, n); err != nil {
			return 0, err
		}
		// Less than that is mostly the beginning and the end.
		if took := time.Since(began); took >= d/4 {
			return max(int(float64(n)*float64(d)/float64(took)), 1), nil
		}
	}
}

// pacedWarm starts come before the first one that has its time, and lead is how long before that the plan is made.
const (
	pacedWarm = 200
	lead      = 10 * time.Millisecond
)

// pace is one round of starts at times fixed beforehand.
func (s *stand) pace(ctx context.Context, rate float64, d time.Duration) (m Paced, err error) {
	if err := s.feed(ctx, pacedWarm); err != nil {
		return m, fmt.Errorf("warm up: %w", err)
	}
	plan := pace.For(time.Now().Add(lead), rate, d)
	first, seen, all := s.at, latency.New(), make(chan struct{})
	rest := plan.N
	s.tally.expect(first, plan.N, func(number uint64) { // one at a time
		seen.Add(time.Since(plan.At(int(number - first))))
		if rest--; rest == 0 {
			close(all)
		}
	})
	lag, err := plan.Drive(ctx, s.contender.batch(), func(_, n int) error { return s.publish(ctx, n) })
	if err != nil {
		return m, err
	}
	select {
	case <-all:
	case <-ctx.Done():
		return m, context.Cause(ctx)
	}
	m = Paced{Took: time.Since(plan.Begin), Starts: plan.N, Latency: seen.Quantiles(), Lag: lag.Quantiles()}
	return m, nil
}
