package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"time"

	"github.com/necrostack/necrostack/cluster"
	"github.com/necrostack/necrostack/examples/console"
	"github.com/necrostack/necrostack/examples/trading_orderbook/desk"
	"github.com/necrostack/necrostack/spine"
	"github.com/necrostack/necrostack/supervision"
)

// parts is what a floor is made of.
type parts struct {
	desk     desk.Config
	backend  console.Backend // is closed with the floor
	durable  bool            // the backend may hold work, and cells, of earlier runs
	service  string
	node     string    // of a cluster; "" is none
	onlooker bool      // that serves nothing
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
	backend console.Backend
	spine   *spine.Spine
	run     func(context.Context) error // of the Spine, or of its node
	node    *cluster.Node               // nil: there is no cluster
	running sync.Once                   // closes up
	up      chan struct{}               // closed when the Spine has begun to run
	letters *supervision.Desk
	record  *record
	stories *stories
	audit   *auditor
	feed    *feed
}

const service = "desk"

// room is what the place for events is asked to hold.
var room = console.Room{Events: 50_000, Letters: 1_000_000}

func newFloor(p parts) (*floor, error) {
	f := &floor{
		backend: p.backend,
		record:  newRecord(p.events),
		stories: newStories(p.stories),
		audit:   newAuditor(p.audit, p.chains),
		feed:    newFeed(),
		up:      make(chan struct{}),
	}
	f.letters = supervision.NewDesk(f.backend, p.service)
	f.feed.late, f.feed.part, f.feed.depth = p.durable, p.node != "", f.depth
	if p.desk.Wrap == nil && f.audit.on {
		p.desk.Wrap = f.audit.before.wrap
	}
	var err error
	if f.desk, err = desk.New(p.desk); err != nil {
		return nil, err
	}
	options := append(f.desk.Options(),
		spine.WithService(p.service),
		spine.WithOrgan(newIntake()),
		spine.WithOrgan(f.feed.organ(), spine.Ordered()),
		spine.WithPolicies(p.policies),
		spine.WithMaxSteps(0),
		spine.WithLogger(p.log),
		spine.WithHooks(spine.Hooks{Started: func() { f.running.Do(func() { close(f.up) }) }}),
		spine.WithHooks(f.audit.hooks()),
		spine.WithHooks(f.stories.hooks()),
		spine.WithHooks(f.record.hooks()))
	return f, f.assemble(p, append(options, p.more...))
}

// assemble makes the Spine, or the node that has it.
func (f *floor) assemble(p parts, options []spine.Option) (err error) {
	if p.node == "" {
		if f.spine, err = spine.New(f.backend, options...); err == nil {
			f.run = f.spine.Run
		}
		return err
	}
	store, shared := f.backend.(cluster.Store)
	if !shared {
		return fmt.Errorf("--node: a %T is not shared by several nodes", f.backend)
	}
	if f.node, err = cluster.Join(store, options, cluster.WithName(p.node), cluster.WithLogger(p.log), cluster.WithWeight(p.weight())); err != nil {
		return fmt.Errorf("--node: %w", err)
	}
	f.spine, f.run = f.node.Spine(), f.node.Run
	return nil
}

// weight is 0 for a node that serves nothing and only asks.
func (p *parts) weight() float64 {
	if p.onlooker {
		return 0
	}
	return cluster.DefaultWeight
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

// depth asks the book of a symbol.
func (f *floor) depth(ctx context.Context, symbol string) (desk.Depth, error) {
	d, err := spine.Ask[desk.Depth](ctx, f.spine, desk.MatchingEngine, symbol, desk.DepthOf{})
	if err != nil {
		err = fmt.Errorf("depth of %q: %w", symbol, err)
	}
	return d, err
}

// close says what was not written to the files.
func (f *floor) close() error {
	ctx, cancel := context.WithTimeout(context.Background(), console.Lease)
	defer cancel()
	return errors.Join(f.backend.Close(ctx), f.record.logError(), f.audit.logError())
}

// open begins to work. work ends it; what it returns is why it did not go on to its end by itself.
func (f *floor) open(ctx context.Context) *work {
	inner, stop := context.WithCancel(ctx)
	w := &work{floor: f, stop: stop, ended: make(chan struct{})}
	go func() { // ends with inner, or when the Spine gives up
		defer close(w.ended)
		w.err = f.run(inner)
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

// up waits until the Spine runs: before that nobody can be asked.
func (w *work) up(ctx context.Context) error {
	select {
	case <-w.floor.up:
		return nil
	case <-w.ended:
		return w.err
	case <-ctx.Done():
		return ctx.Err()
	}
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
