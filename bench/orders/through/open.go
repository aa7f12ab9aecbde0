package through

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/necrostack/necrostack/actors"
	"github.com/necrostack/necrostack/bench/latency"
	"github.com/necrostack/necrostack/bench/pace"
)

// Point is one rate of the open loop.
type Point struct {
	Rate     float64           `json:"rate"` // orders per second that were to come
	Orders   int               `json:"orders"`
	Achieved float64           `json:"achieved"` // orders per second whose result was there when the last had come
	Latency  latency.Quantiles `json:"latency"`  // from when an order should have come to its result in the store
	Curve    []latency.Mark    `json:"curve"`
	Lag      latency.Quantiles `json:"lag"` // the part of it that passed before the order was published
	Depths   []Depth           `json:"depths"`
}

// Depth is what was queued at a moment.
type Depth struct {
	At         time.Duration `json:"at_ns"`      // since the first order
	Unfinished int           `json:"unfinished"` // orders that should have come and have no result
	InFlight   int           `json:"in_flight"`  // events in the Spine's hands
	Ready      int           `json:"ready"`      // events that wait in the backlog
}

// measureRate lets orders come at a rate.
func measureRate(ctx context.Context, k Kind, t *texts, c Config, rate float64) (p Point, err error) {
	s, err := open(ctx, k, t, c)
	if err != nil {
		return p, err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	ctx, cancel := context.WithTimeoutCause(ctx, c.Duration+patience, errStuck)
	defer cancel()
	s.orders.record(pace.For(time.Time{}, rate, c.Duration).N)
	plan := pace.For(time.Now().Add(lead), rate, c.Duration)
	s.meter.open.Store(&openLoop{plan, s.orders.made})
	depths := s.watch(ctx, plan)
	lag, err := plan.Drive(ctx, batch, func(_, n int) error { return s.publish(ctx, n) })
	done, took := s.meter.done.Load(), time.Since(plan.Begin)
	p = Point{Rate: rate, Orders: plan.N, Depths: depths(), Lag: lag.Quantiles(), Achieved: float64(done) / took.Seconds()}
	if err != nil {
		return p, fmt.Errorf("%d of %d orders were done: %w", done, plan.N, err)
	}
	if err := s.WaitIdle(ctx); err != nil {
		return p, fmt.Errorf("%d of %d orders were done: %w", s.meter.done.Load(), plan.N, errors.Join(err, context.Cause(ctx)))
	}
	if err := s.check(ctx); err != nil {
		return p, err
	}
	// The Spine's goroutine has counted the last one: WaitIdle came after it.
	p.Latency, p.Curve = s.meter.latency.Quantiles(), s.meter.latency.Curve()
	return p, nil
}

// lead is how long before the first order the plan is made.
const lead = 10 * time.Millisecond

func (s *system) publish(ctx context.Context, n int) error {
	ps := make([]actors.Payload, n)
	for i := range ps {
		ps[i] = s.orders.at(0)
	}
	_, err := s.Publish(ctx, ps...)
	return err
}

// depthSamples is how many times a rate is looked at.
const depthSamples = 100

// watch looks at the queues now and then, until the function that it returns is called, which returns what was
// seen.
func (s *system) watch(ctx context.Context, plan pace.Plan) func() []Depth {
	ctx, cancel := context.WithCancel(ctx)
	seen := make(chan []Depth, 1)
	go func() { // ends with cancel
		var all []Depth
		tick := time.NewTicker(max(plan.End().Sub(plan.Begin)/depthSamples, time.Millisecond))
		defer tick.Stop()
		for {
			select {
			case now := <-tick.C:
				if now.After(plan.Begin) && len(all) < depthSamples {
					all = append(all, s.depth(ctx, plan, now))
				}
			case <-ctx.Done():
				seen <- all
				return
			}
		}
	}()
	return func() []Depth {
		cancel()
		return <-seen
	}
}

func (s *system) depth(ctx context.Context, plan pace.Plan, now time.Time) Depth {
	d := Depth{At: now.Sub(plan.Begin), InFlight: s.Stats().InFlight}
	if b, err := s.backend.Backlog(ctx); err == nil {
		d.Ready = b.Ready
	}
	// Both are read last and close together: between them orders go on.
	d.Unfinished = max(plan.Due(time.Now())-int(s.meter.done.Load()), 0)
	return d
}
