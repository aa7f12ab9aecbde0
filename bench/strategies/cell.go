package strategies

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/necrostack/necrostack/actors"
	"github.com/necrostack/necrostack/bench/latency"
	"github.com/necrostack/necrostack/bench/load"
	"github.com/necrostack/necrostack/bench/measure"
	"github.com/necrostack/necrostack/bench/pace"
	"github.com/necrostack/necrostack/spine"
)

// How the organ runs, and what is in flight where it gets as many events as it can take.
const (
	workers  = 64
	inFlight = 4096
	batch    = 256
	letters  = 10_000_000
	// abandoned is far beyond the handlers there are: on a machine that is busy elsewhere even those that listen to their
	// context seem to ignore it for a moment.
	abandoned = 10_000
)

// patience bounds how long a cell may take for what is left after its time.
const patience = time.Minute

var (
	errStuck  = fmt.Errorf("the Spine did not start, or the last events were not settled, within %s", patience)
	errEnough = errors.New("the time of the measurement is over")
)

func (c Cell) measure(ctx context.Context, config Config) (m Measured, err error) {
	if err := c.full(ctx, config, &m); err != nil {
		return m, err
	}
	return m, c.paced(ctx, config, &m)
}

// run is an organ under faults, up and running.
type run struct {
	*load.Spine
	cell      Cell
	attempts  int // of the policy, without redeliveries
	window    *load.Window
	published int

	plan *pace.Plan // set before the first event; nil: latencies are not asked for

	// On the Spine's goroutine.
	counts  Counts
	latency latency.Histogram
	sound   latency.Histogram
}

const organName = "organ"

// start returns when the Spine runs.
func (c Cell) start(ctx context.Context, config Config) (*run, error) {
	policy := config.Policy
	policy.Exhausted = c.Strategy
	started := make(chan struct{})
	r := &run{
		cell: c, attempts: policy.WithDefaults().Retry.Attempts, window: load.NewWindow(inFlight, batch),
		latency: latency.New(), sound: latency.New(),
	}
	var err error
	r.Spine, err = load.StartSpine(r.window, spine.NewMemory(spine.WithLetterLimit(letters)), nil,
		spine.WithOrgan(actors.NewOrgan(organName, actors.Sink(c.handle)), spine.Workers(workers), spine.WithOrganPolicy(policy)),
		spine.WithMaxAbandoned(abandoned),
		spine.WithHooks(spine.Hooks{Started: func() { close(started) }, Completed: r.completed, Settled: r.settled}))
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, patience, errStuck)
	defer cancel()
	select {
	case <-started:
		return r, nil
	case <-ctx.Done():
		return nil, errors.Join(context.Cause(ctx), r.Close())
	}
}

func (r *run) completed(x spine.Completion) {
	switch {
	case x.Attempt > r.attempts:
		r.counts.Redelivered++
	case x.Attempt > 1:
		r.counts.Retried++
	case x.Failure != nil:
		r.counts.Failing++
	}
}

func (r *run) settled(x spine.Result) {
	if r.plan == nil {
		r.window.Done()
		return
	}
	p, err := actors.Decode[load.A](x.Event)
	if err != nil {
		return // the organ had it, so this cannot be; the count of latencies would show it
	}
	took := time.Since(r.plan.At(int(p.Number)))
	r.latency.Add(took)
	if r.cell.failures(p.Number) == 0 {
		r.sound.Add(took)
	}
}

func (r *run) publish(ctx context.Context, n int) error {
	ps := make([]actors.Payload, n)
	for i := range ps {
		ps[i] = load.A{Body: load.Body{Number: uint64(r.published + i)}}
	}
	r.published += n
	_, err := r.Publish(ctx, ps...)
	return err
}

// finish waits for the last event, and adds up what became of all of them.
func (r *run) finish(ctx context.Context) (Counts, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, patience, errStuck)
	defer cancel()
	if err := r.WaitIdle(ctx); err != nil {
		return Counts{}, errors.Join(err, context.Cause(ctx))
	}
	organ := r.Stats().Organs[organName]
	// What the hooks have counted is there to be read: the answers above came after them.
	c := r.counts
	c.Events, c.Succeeded, c.Lost, c.Dead = r.published, organ.Handled, organ.Logged, organ.DeadLetters
	if sum := c.Succeeded + c.Lost + c.Dead; sum != c.Events {
		return c, fmt.Errorf("of %d events %d have succeeded, %d were lost and %d are dead letters: %d are missing",
			c.Events, c.Succeeded, c.Lost, c.Dead, c.Events-sum)
	}
	return c, nil
}

// full gives the organ as many events as it can take.
func (c Cell) full(ctx context.Context, config Config, m *Measured) (err error) {
	r, err := c.start(ctx, config)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	m.Full, err = measure.Take(0, func() error {
		until, cancel := context.WithTimeoutCause(ctx, config.Duration, errEnough)
		defer cancel()
		// What is published when the time is over is published: publish has the other context.
		err := r.window.Feed(until, math.MaxInt, func(n int) error { return r.publish(ctx, n) })
		if !errors.Is(err, errEnough) {
			return err
		}
		m.Counts, err = r.finish(ctx)
		return err
	})
	m.Full.Events = m.Counts.Events
	return err
}

// paced gives it events at a rate.
func (c Cell) paced(ctx context.Context, config Config, m *Measured) (err error) {
	r, err := c.start(ctx, config)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	plan := pace.For(time.Now().Add(lead), config.Rate, config.Duration)
	r.plan = &plan
	if _, err := plan.Drive(ctx, batch, func(_, n int) error { return r.publish(ctx, n) }); err != nil {
		return err
	}
	if m.Paced, err = r.finish(ctx); err != nil {
		return err
	}
	m.Latency, m.Sound = r.latency.Quantiles(), r.sound.Quantiles()
	if m.Latency.Count != int64(m.Paced.Events) {
		return fmt.Errorf("%d of %d events have a latency", m.Latency.Count, m.Paced.Events)
	}
	return nil
}

// lead is how long before the first event the plan is made.
const lead = 10 * time.Millisecond
