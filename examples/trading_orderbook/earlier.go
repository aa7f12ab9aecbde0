package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/necrostack/necrostack/examples/console"
	"github.com/necrostack/necrostack/spine"
)

// earlier is what runs before this one have left in the store, and are done with.
type earlier struct {
	seen    sight
	letters int
}

// finishEarlier carries out what an interrupted run has left undone: the books of account of a stress run
// are about that run alone. It returns what is there then.
func finishEarlier(ctx context.Context, o options, c console.Console) (found earlier, err error) {
	o.events, o.audit = "", ""
	a, err := newApp(ctx, o, c)
	if err != nil {
		return found, err
	}
	defer func() { err = errors.Join(err, a.close()) }()
	w := a.floor.open(ctx)
	err = a.printEarlier(ctx, w)
	if err == nil {
		err = a.await(ctx, w)
	}
	var errSeen, errCount error
	found.seen, errSeen = a.look(ctx)
	found.letters, _, errCount = a.floor.letters.Count(ctx)
	return found, a.interrupted(ctx, cmp.Or(err, errSeen, errCount, w.close()))
}

// printEarlier tells how much an interrupted run has left.
func (a *app) printEarlier(ctx context.Context, w *work) error {
	if !a.options.store.Durable() {
		return nil
	}
	left, err := w.left(ctx)
	if err == nil && left > 0 {
		a.printf("      %s of an earlier run, going on with them\n", console.Plural(left, "event"))
	}
	return err
}

// left is how many events wait or are in work. The Spine may still be on its way up.
func (w *work) left(ctx context.Context) (int, error) {
	tick := time.NewTicker(glance)
	defer tick.Stop()
	for {
		n, err := w.floor.left(ctx)
		if !errors.Is(err, spine.ErrService) {
			return n, err
		}
		select {
		case <-tick.C:
		case <-w.ended:
			return 0, w.err
		case <-ctx.Done():
			return 0, ctx.Err()
		}
	}
}

func (f *floor) left(ctx context.Context) (int, error) {
	b, err := f.backend.Backlog(ctx)
	return b.Ready + b.InFlight + b.Retrying + b.Waiting, err
}

// interrupted explains an error of a run that somebody has ended.
func (a *app) interrupted(ctx context.Context, err error) error {
	if ctx.Err() == nil || err == nil {
		return err
	}
	brief, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	left, errLeft := a.floor.left(brief)
	what := console.Plural(left, "event") + " left unfinished"
	switch {
	case errLeft != nil:
		return errors.Join(err, errLeft)
	case a.options.store.Durable():
		return fmt.Errorf("interrupted: %s; the next run goes on with them", what)
	default:
		return fmt.Errorf("interrupted: %s", what)
	}
}
