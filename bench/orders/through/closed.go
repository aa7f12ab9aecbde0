package through

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/necrostack/necrostack/bench/chain"
	"github.com/necrostack/necrostack/bench/load"
	"github.com/necrostack/necrostack/bench/measure"
)

// contestant is one that takes part in the closed loop.
type contestant struct {
	name string
	kind Kind
	run  func(ctx context.Context) (matched, all measure.Sample, err error)
}

// Closed lets direct sends, the organ and the desk take turns, in rounds: one to warm up, then those that
// count. progress is told what is about to happen.
func Closed(ctx context.Context, c Config, progress func(string)) ([]Row, error) {
	t := newTexts(c.Symbols)
	all := []contestant{
		{"proto.actor, direct sends (hops)", Direct, func(ctx context.Context) (m, a measure.Sample, err error) {
			a, err = directSends(ctx, c.Hops)
			return a, a, err
		}},
		{"matching organ", Organ, func(ctx context.Context) (m, a measure.Sample, err error) {
			return closedRound(ctx, Organ, t, c, c.Orders)
		}},
		{"trading desk", Desk, func(ctx context.Context) (m, a measure.Sample, err error) {
			return closedRound(ctx, Desk, t, c, c.DeskOrders)
		}},
	}
	rows := make([]Row, len(all))
	for round := range c.Rounds + 1 {
		progress(fmt.Sprintf("closed loop: round %d of %d", round, c.Rounds))
		for k := range all {
			i := (k + round) % len(all)
			matched, whole, err := all[i].run(ctx)
			if err != nil {
				return nil, fmt.Errorf("closed loop: %s: %w", all[i].name, err)
			}
			rows[i].Name, rows[i].Kind = all[i].name, all[i].kind
			if round > 0 {
				rows[i].Matched = append(rows[i].Matched, matched)
				rows[i].Samples = append(rows[i].Samples, whole)
			}
		}
	}
	return rows, nil
}

// directSends is a round of the chain's contestant.
func directSends(ctx context.Context, hops int) (measure.Sample, error) {
	all := chain.Contestants()
	i := slices.IndexFunc(all, func(x chain.Contestant) bool { return x.Kind == chain.Direct })
	starts := max(hops/chain.Hops, 1)
	return load.Round(ctx, all[i].Open, load.Plan{
		Window: inFlight, Batch: batch, Warm: starts / warmUp, Starts: starts, PerStart: chain.Hops,
	})
}

// Round is a single round of the organ or of the desk, for profiles: matched is until the last order had its
// result, all until everything was done.
func Round(ctx context.Context, k Kind, c Config, orders int) (matched, all measure.Sample, err error) {
	return closedRound(ctx, k, newTexts(c.Symbols), c, orders)
}

// warmUp is which part of its orders comes before a round as well, not measured. It is the same for direct sends.
const warmUp = 10

// closedRound measures orders until the last was matched, and until everything was done.
func closedRound(ctx context.Context, k Kind, t *texts, c Config, orders int) (matched, all measure.Sample, err error) {
	s, err := open(ctx, k, t, c)
	if err != nil {
		return matched, all, err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	if err := s.run(ctx, max(orders/warmUp, 1)); err != nil {
		return matched, all, err
	}
	s.orders.record(orders)
	ctx, cancel := context.WithTimeoutCause(ctx, patience, errStuck)
	defer cancel()
	var took time.Duration
	all, err = measure.Take(orders, func() error {
		start := time.Now()
		if err := s.Feed(ctx, orders); err != nil {
			return err
		}
		took = time.Since(start)
		return s.WaitIdle(ctx)
	})
	if err != nil {
		return matched, all, err
	}
	return measure.Sample{Events: orders, Took: took}, all, s.check(ctx)
}
