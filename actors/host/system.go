package host

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/asynkron/protoactor-go/actor"
)

// System is one actor system and everything that runs in it. Making one costs some
// milliseconds; share it in tests. All methods are safe for concurrent use.
type System struct {
	actors *actor.ActorSystem
	log    *slog.Logger
	watch  *watch
	crew   crew

	base      context.Context // handlers' contexts derive from it
	interrupt context.CancelCauseFunc
	stopping  atomic.Bool // lanes give back what they have not begun
	abandoned atomic.Int32
	shutdown  sync.Once

	mu      sync.Mutex // also held while an organ starts, so that Stop misses none
	stopped bool
	started int // organs so far
	routers []*Router
	organs  []*Organ
	refs    []*Ref
}

// Options configures NewSystem.
type Options struct {
	// Context gives handlers' contexts their values. Its end does not stop anything.
	Context context.Context
	Logger  *slog.Logger // nil: slog.Default
}

// ErrStopping is the cause with which handlers' contexts end when the drain time is over.
var ErrStopping = errors.New("host: stopping")

// ErrStopped reports work for a system, an organ or a ref that has been stopped.
var ErrStopped = errors.New("host: stopped")

// NewSystem makes a system without organs.
func NewSystem(o Options) *System {
	log := o.Logger
	if log == nil {
		log = slog.Default()
	}
	parent := o.Context
	if parent == nil {
		parent = context.Background()
	}
	s := &System{log: log}
	s.base, s.interrupt = context.WithCancelCause(context.WithoutCancel(parent))
	s.watch = newWatch(s)
	s.actors = actor.NewActorSystem(actor.WithLoggerFactory(func(*actor.ActorSystem) *slog.Logger {
		return slog.New(quiet{log.Handler()})
	}))
	return s
}

// Abandoned is the number of handlers that have ignored the end of their context and still
// run.
func (s *System) Abandoned() int { return int(s.abandoned.Load()) }

// Unhurry makes lanes give back what they have not begun; running handlers go on.
func (s *System) Unhurry() { s.stopping.Store(true) }

// Interrupt is Unhurry, and ends the contexts of running handlers. One that does not return
// within the watch's grace is abandoned; its event counts as interrupted, not as an attempt.
func (s *System) Interrupt() {
	s.Unhurry()
	s.interrupt(ErrStopping)
	s.watch.hurry()
}

// Stop ends all refs, organs and routers and waits for them until ctx ends. Handlers that run
// go on; call Interrupt before, or meanwhile, to end them. What lanes have not begun is
// delivered as Undone. Abandoned handlers are not waited for.
//
// When ctx ends first, the error wraps its error, and Stop may be called again to wait on. Stop may be
// called again after it has succeeded, too. The DrainErrors of refs are joined into its error.
func (s *System) Stop(ctx context.Context) error {
	s.mu.Lock()
	s.stopped = true
	refs, organs, routers := slices.Clone(s.refs), slices.Clone(s.organs), slices.Clone(s.routers)
	s.mu.Unlock()
	s.Unhurry()
	var left []error
	for _, r := range refs {
		left = append(left, r.Stop(ctx))
	}
	for _, o := range organs {
		o.halt()
	}
	for _, o := range organs {
		if err := o.Stop(ctx); err != nil {
			return errors.Join(append(left, err)...)
		}
	}
	for _, r := range routers {
		if err := r.stop(ctx); err != nil {
			return errors.Join(append(left, err)...)
		}
	}
	s.shutdown.Do(func() {
		s.interrupt(ErrStopped)
		s.watch.stop()
		s.actors.Shutdown()
		s.crew.close()
	})
	return errors.Join(left...)
}

// spawn starts a top-level actor with mailbox m, under a name of its own. s.mu is held.
func (s *System) spawn(make func() actor.Actor, m *mailbox, name string) (*actor.PID, error) {
	if s.stopped {
		return nil, ErrStopped
	}
	s.started++
	props := actor.PropsFromProducer(make, m.props())
	return s.actors.Root.SpawnNamed(props, fmt.Sprintf("%s/%d", name, s.started))
}

// forget drops an organ that has ended.
func (s *System) forget(o *Organ) {
	s.watch.remove(o)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.organs = slices.DeleteFunc(s.organs, func(x *Organ) bool { return x == o })
}

// quiet lets only warnings of the actor engine through: it logs each recovered
// panic at Info, and ours are told by Notices.
type quiet struct{ slog.Handler }

func (q quiet) Enabled(ctx context.Context, l slog.Level) bool {
	return l >= slog.LevelWarn && q.Handler.Enabled(ctx, l)
}

func (q quiet) WithAttrs(a []slog.Attr) slog.Handler { return quiet{q.Handler.WithAttrs(a)} }
func (q quiet) WithGroup(name string) slog.Handler   { return quiet{q.Handler.WithGroup(name)} }

// clock is when something happened, for those who are given no other.
func clock() time.Time { return time.Now() }
