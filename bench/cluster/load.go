package cluster

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/necrostack/necrostack/bench/load"
	"github.com/necrostack/necrostack/bench/pace"
)

// load measures clusters with much to do.
func (r *Result) load(ctx context.Context, progress func(string)) error {
	c := r.Config
	rows := c.loads()
	err := turns(c.Rounds, len(rows), func(round, i int) {
		progress(fmt.Sprintf("cluster: throughput, round %d of %d, %s", round+1, c.Rounds, rows[i].Name))
	}, func(i int) error {
		return rows[i].on(ctx, keysOfEach(rows[i].Shards, keysPerShard), func(ctx context.Context, s *stand) error {
			r.Server = s.server.Version
			return s.loaded(ctx, c, &rows[i])
		})
	})
	r.Loads = rows
	return err
}

// loads are the rows: 1, 2 and more nodes each, and two that show what else costs.
func (c Config) loads() (rows []Row) {
	for _, keyed := range []bool{false, true} {
		kind := Stateless
		if keyed {
			kind = Keyed
		}
		for _, n := range c.Nodes {
			name := fmt.Sprintf("%s organs, %s", kind, nodesText(n))
			rows = append(rows, Row{Setting: c.setting(name, n, c.Shards, load.Relay{Places: places, Keyed: keyed}), Kind: kind})
		}
	}
	few := c.Nodes[min(1, len(c.Nodes)-1)]
	return append(rows,
		Row{Setting: c.setting(fmt.Sprintf("%d organs per event, %s", places, nodesText(few)), few, c.Shards, load.Relay{Places: places, Fan: true}), Kind: Fanned},
		Row{Setting: c.setting(fmt.Sprintf("stateless organs, %s, %d shards", nodesText(few), c.Many), few, c.Many, load.Relay{Places: places}), Kind: Spread},
	)
}

func nodesText(n int) string {
	if n == 1 {
		return "1 node"
	}
	return fmt.Sprintf("%d nodes", n)
}

// loaded is one round.
func (s *stand) loaded(ctx context.Context, c Config, row *Row) error {
	ctx, stop := context.WithTimeoutCause(ctx, patience, errStuck)
	defer stop()
	// Cells that nobody has had yet cost more: they are read first.
	cold, err := s.cost(ctx, func(ctx context.Context) error { return s.feed(ctx, len(s.keys)) })
	if err != nil {
		return fmt.Errorf("first events: %w", err)
	}
	n, err := s.calibrate(ctx, c.Duration)
	if err != nil {
		return fmt.Errorf("warm up: %w", err)
	}
	full, err := s.cost(ctx, func(ctx context.Context) error { return s.feed(ctx, n) })
	if err != nil {
		return err
	}
	paced, err := s.cost(ctx, func(ctx context.Context) error { return s.paced(ctx, c.Rate, c.Duration) })
	row.Cold, row.Rounds, row.Paced = append(row.Cold, cold), append(row.Rounds, full), append(row.Paced, paced)
	return errors.Join(err, s.handled(ctx))
}

// feed publishes n starts, as many at a time as the window has room for, and returns when all are done.
func (s *stand) feed(ctx context.Context, n int) error {
	w := load.NewWindow(window, batch)
	s.tally.expect(n, w.Done)
	return w.Feed(ctx, n, func(n int) error { return s.publish(ctx, n) })
}

func (s *stand) publish(ctx context.Context, n int) error {
	first := s.at
	s.at += uint64(n)
	return s.starts.Publish(ctx, first, n)
}

// firstTry is the starts with which calibrate begins, and mostGrowth by how much one try may be larger than the one before.
const (
	firstTry   = 256
	mostGrowth = 8
)

// calibrate finds out how many starts take about d. Few starts are slower than many, so it goes on until a try has taken
// half of that.
func (s *stand) calibrate(ctx context.Context, d time.Duration) (int, error) {
	for n := firstTry; ; {
		began := time.Now()
		if err := s.feed(ctx, n); err != nil {
			return 0, err
		}
		took := time.Since(began)
		due := int(float64(n) * float64(d) / float64(took))
		if took >= d/2 {
			return max(due, 1), nil
		}
		n = max(min(due, mostGrowth*n), n+1)
	}
}

// lead is how long before the first start its time is fixed.
const lead = 10 * time.Millisecond

// paced begins starts at times fixed beforehand, and returns when all are done.
func (s *stand) paced(ctx context.Context, rate float64, d time.Duration) error {
	plan := pace.For(time.Now().Add(lead), rate, d)
	all, rest := make(chan struct{}), plan.N
	s.tally.expect(plan.N, func() {
		if rest--; rest == 0 {
			close(all)
		}
	})
	if _, err := plan.Drive(ctx, batch, func(_, n int) error { return s.publish(ctx, n) }); err != nil {
		return err
	}
	select {
	case <-all:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// handled makes sure that what was measured is what was published: each event acknowledged once.
func (s *stand) handled(ctx context.Context) error {
	m, err := s.now(ctx)
	if err != nil {
		return err
	}
	acked, want := int64(0), int64(s.at)*int64(s.setting.Relay.Events())
	for _, n := range m.nodes {
		acked += n.Acked
	}
	if acked != want {
		return fmt.Errorf("%d events were acknowledged, of %d", acked, want)
	}
	return nil
}

// bursts publishes n starts again and again until ctx ends.
func (s *stand) bursts(ctx context.Context, every time.Duration, n int) error {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil
		}
		// What is begun is finished: half of a burst would be the last of some shards only.
		if err := s.publish(context.WithoutCancel(ctx), n); err != nil {
			return err
		}
	}
}

// beside runs f while starts come.
func (s *stand) beside(ctx context.Context, every time.Duration, n int, f func(ctx context.Context) error) error {
	ctx, stop := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() { ended <- s.bursts(ctx, every, n) }() // ends with stop
	err := f(ctx)
	stop()
	return errors.Join(err, <-ended)
}
