package main

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"time"

	"github.com/necrostack/necrostack/examples/trading_orderbook/desk"
	"github.com/necrostack/necrostack/spine"
	"github.com/necrostack/necrostack/supervision"
)

// parts is what a floor is made of.
type parts struct {
	desk     desk.Config
	events   io.Writer // of the event log; nil is none
	audit    io.Writer // of the audit file; nil is none
	chains   bool      // audit chains are computed beside the desk's
	stories  int       // commands whose story is kept, for reports
	log      *slog.Logger
	policies supervision.Policies
	more     []spine.Option
}

// floor is the desk on a Spine, and those who watch it.
type floor struct {
	desk    *desk.Desk
	backend backend
	spine   *spine.Spine
	letters *supervision.Desk
	record  *record
	stories *stories
	audit   *auditor
	feed    *feed
}

// backend is what the program needs of a place for events.
type backend interface {
	spine.Backend
	spine.Inspector
	supervision.DeadLetters
}

// openBackend is the place where events are kept: this process.
func openBackend() backend {
	return spine.NewMemory(spine.WithLetterLimit(letterRoom), spine.WithCapacity(backlogRoom))
}

const (
	service     = "desk"
	letterRoom  = 1_000_000
	backlogRoom = 50_000 // commands that wait: whoever has more of them waits too
)

func newFloor(p parts) (*floor, error) {
	f := &floor{
		backend: openBackend(),
		record:  newRecord(p.events),
		stories: newStories(p.stories),
		audit:   newAuditor(p.audit, p.chains),
		feed:    newFeed(),
	}
	f.letters = supervision.NewDesk(f.backend, service)
	var err error
	if f.desk, err = desk.New(p.desk); err != nil {
		return nil, err
	}
	options := append(f.desk.Options(),
		spine.WithService(service),
		spine.WithOrgan(newIntake()),
		spine.WithOrgan(f.feed.organ(), spine.Ordered()),
		spine.WithPolicies(p.policies),
		spine.WithMaxSteps(0),
		spine.WithLogger(p.log),
		spine.WithHooks(f.audit.hooks()),
		spine.WithHooks(f.stories.hooks()),
		spine.WithHooks(f.record.hooks()))
	f.spine, err = spine.New(f.backend, append(options, p.more...)...)
	return f, err
}

// dead returns the dead letters, oldest first, at most so many.
func (f *floor) dead(ctx context.Context, most int) ([]supervision.DeadLetter, error) {
	var all []supervision.DeadLetter
	for l, err := range f.letters.List(ctx, supervision.Filter{}) {
		if err != nil {
			return all, err
		}
		if all = append(all, l); len(all) == most {
			break
		}
	}
	return all, nil
}

// close says what was not written to the files.
func (f *floor) close() error {
	return errors.Join(f.backend.Close(context.Background()), f.record.logError(), f.audit.logError())
}

// open begins to work. work ends it; what it returns is why it did not go on to its end by itself.
func (f *floor) open(ctx context.Context) *work {
	inner, stop := context.WithCancel(ctx)
	w := &work{floor: f, stop: stop, ended: make(chan struct{})}
	go func() { // ends with inner, or when the Spine gives up
		defer close(w.ended)
		w.err = f.spine.Run(inner)
	}()
	return w
}

// work is a floor while it is open.
type work struct {
	floor *floor
	stop  context.CancelFunc
	ended chan struct{}
	err   error // of Run, once it has ended
}

// How long to wait before looking again.
const glance = 5 * time.Millisecond

// idle waits until nothing is left to do, breakers and retries included, or ctx ends, or the Spine
// gives up. The Spine may still be on its way up.
func (w *work) idle(ctx context.Context) error {
	for {
		err := w.floor.spine.WaitIdle(ctx)
		if !errors.Is(err, spine.ErrNotRunning) && !errors.Is(err, spine.ErrWaiting) {
			return err
		}
		timer := time.NewTimer(glance)
		select {
		case <-timer.C:
		case <-w.ended:
			timer.Stop()
			return w.err
		case <-ctx.Done():
			timer.Stop()
			return ctx.Err()
		}
	}
}

// close ends the work, and returns what was wrong with it.
func (w *work) close() error {
	w.stop()
	<-w.ended
	return w.err
}
