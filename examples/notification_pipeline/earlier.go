package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/necrostack/necrostack/examples/console"
)

// finishEarlier carries out what an interrupted run has left undone: the books of a stress run are about
// that run alone.
func finishEarlier(ctx context.Context, o options, c console.Console) (err error) {
	o.events, o.audit = "", ""
	a, err := newApp(ctx, o, c)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, a.close()) }()
	stats, err := a.pipeline.spine.RunUntilIdle(ctx)
	if stats.Acked > 0 {
		a.printf("%s of an earlier run are done with\n", console.Plural(stats.Acked, "event"))
	}
	return a.interrupted(ctx, err)
}

// briefly is how long a question to the store may take that is for a message only.
const briefly = 3 * time.Second

// interrupted explains an error of a run that somebody has ended.
func (a *app) interrupted(ctx context.Context, err error) error {
	if ctx.Err() == nil || err == nil {
		return err
	}
	brief, cancel := context.WithTimeout(context.Background(), briefly)
	defer cancel()
	b, errBacklog := a.pipeline.backend.Backlog(brief)
	if errBacklog != nil {
		return errors.Join(err, errBacklog)
	}
	what := console.Plural(b.Ready+b.InFlight+b.Retrying+b.Waiting, "event") + " left unfinished"
	if a.options.store.Durable() {
		return fmt.Errorf("interrupted: %s; the next run goes on with them", what)
	}
	return fmt.Errorf("interrupted: %s", what)
}
