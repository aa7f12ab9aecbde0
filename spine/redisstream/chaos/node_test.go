package chaos_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"time"

	"github.com/necrostack/necrostack/persistence"
	"github.com/necrostack/necrostack/spine"
	"github.com/necrostack/necrostack/spine/redisstream"
	"github.com/necrostack/necrostack/supervision"
)

// work is a node of the service until ctx ends.
func work(ctx context.Context, b *redisstream.Backend, o orders) error {
	opening := &opening{Backend: b}
	s, err := spine.New(opening, options(o)...)
	if err != nil {
		return err
	}
	healing := make(chan error, 1)
	if o.Healed {
		go func() { healing <- heal(ctx, b) }() // ends with its work, or ctx
	} else {
		healing <- nil
	}
	err = s.Run(ctx)
	if err != nil && !opening.done {
		fmt.Fprintln(os.Stderr, "chaos: it cannot begin:", err)
		os.Exit(unreachableCode) // whoever has started it does so again
	}
	if ctx.Err() == nil {
		err = errors.Join(err, errors.New("the run ended by itself"))
	}
	return errors.Join(err, <-healing, closeBackend(b))
}

// unreachableCode is how a node ends whose store could not be reached when it began: that is reported, not waited for.
const unreachableCode = 78

// opening notes whether the store was opened.
type opening struct {
	*redisstream.Backend
	done bool
}

func (o *opening) Open(ctx context.Context, s spine.Service) error {
	err := o.Backend.Open(ctx, s)
	o.done = err == nil
	return err
}

// drain is for how long a node that ends finishes what it has in hand.
const drain = 2 * time.Second

func options(o orders) []spine.Option {
	return append(organs(o.Healed, o.Program),
		spine.WithService(service),
		spine.WithPolicy(supervision.Policy{
			Retry:     supervision.Retry{Attempts: attempts, Backoff: supervision.Backoff{Base: 10 * time.Millisecond, Factor: 3, Max: 200 * time.Millisecond, Jitter: 0.2}},
			Exhausted: supervision.Store,
			Restarts:  supervision.Restarts{Max: 10_000, Within: time.Second},
		}),
		spine.WithSnapshots(persistence.SnapshotPolicy{Records: 8, Weight: 1, InPlace: o.InPlace}),
		spine.WithDrain(drain),
		spine.WithLogger(slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelError + 1}))),
	)
}

// heal replays every dead letter.
func heal(ctx context.Context, b *redisstream.Backend) error {
	desk := supervision.NewDesk(b, service)
	for {
		done, err := healOnce(ctx, desk)
		if done {
			return err
		}
		select {
		case <-time.After(20 * time.Millisecond): // it is not open yet
		case <-ctx.Done():
			return fmt.Errorf("replay dead letters: %w", err)
		}
	}
}

// healOnce is not done while the desk cannot be asked.
func healOnce(ctx context.Context, desk *supervision.Desk) (done bool, err error) {
	if _, _, err := desk.Count(ctx); err != nil {
		return false, err
	}
	var ids []string
	for l, err := range desk.List(ctx, supervision.Filter{}) {
		if err != nil {
			return false, err
		}
		ids = append(ids, l.ID)
	}
	for _, id := range ids {
		if _, err := desk.Replay(ctx, id, nil); err != nil {
			return true, fmt.Errorf("replay dead letter %s: %w", id, err)
		}
	}
	return true, nil
}
