package host

import (
	"errors"
	"fmt"
	"log/slog"

	"github.com/necrostack/necrostack/actors"
	"github.com/necrostack/necrostack/persistence"
	"github.com/necrostack/necrostack/supervision"
)

// RefOption configures Spawn and SpawnKeyed.
type RefOption func(*refConfig)

type refConfig struct {
	onEmit   func(actors.Event)
	onDead   func(supervision.DeadLetter)
	workers  int
	ordered  bool
	store    persistence.Store
	limits   actors.Limits
	checking bool
	mailbox  int
	log      *slog.Logger
	errs     []error
}

// DefaultMailbox is how many events a Ref holds at most.
const DefaultMailbox = 8192

// OnEmit has f called with every event that the handling of a told payload emits, in the order of the
// handlings of a key, and by OnFailed. Calls for different keys may overlap. f is called by the worker and
// keeps it from its next event; it may Tell. Without OnEmit such emissions are dropped, and
// counted in RefStats.Dropped. What a Handle emits is returned to its caller instead.
func OnEmit(f func(actors.Event)) RefOption {
	return func(c *refConfig) { c.onEmit = f }
}

// OnDead has f called with every event that becomes a dead letter, under the rules of OnEmit. Without
// it they are logged at ERROR.
func OnDead(f func(supervision.DeadLetter)) RefOption {
	return func(c *refConfig) { c.onDead = f }
}

// Workers sets how many lanes there are, at least 1. Default 1, for a keyed organ 4 per processor.
func Workers(n int) RefOption {
	return func(c *refConfig) {
		if n < 1 {
			c.mistake("Workers(%d), want at least 1", n)
		}
		c.workers = n
	}
}

// Ordered makes a stateless organ hold back the events of a key behind one that waits for a
// retry. A keyed organ always does.
func Ordered() RefOption {
	return func(c *refConfig) { c.ordered = true }
}

// WithStore keeps the cells of a keyed organ in store, which must have the method Apply of
// persistence.Memory. Default: a Memory of its own.
func WithStore(store persistence.Store) RefOption {
	return func(c *refConfig) { c.store = store }
}

// WithLimits sets the limits of events.
func WithLimits(l actors.Limits) RefOption {
	return func(c *refConfig) { c.limits = l }
}

// Checking takes everything through the codec, and fails handlers that change their payloads.
func Checking() RefOption {
	return func(c *refConfig) { c.checking = true }
}

// WithMailbox sets how many events the Ref holds, queued, running and waiting for a retry, at
// least 1. Default 8,192.
func WithMailbox(events int) RefOption {
	return func(c *refConfig) {
		if events < 1 {
			c.mistake("WithMailbox(%d), want at least 1", events)
		}
		c.mailbox = events
	}
}

// WithLogger sets the logger; the default is the System's.
func WithLogger(l *slog.Logger) RefOption {
	return func(c *refConfig) { c.log = l }
}

func (c *refConfig) mistake(format string, args ...any) {
	c.errs = append(c.errs, fmt.Errorf(format, args...))
}

// refConfigOf reports all mistakes at once.
func refConfigOf(organ actors.Definition, policy supervision.Policy, keyed bool, opts []RefOption) (refConfig, error) {
	c := refConfig{mailbox: DefaultMailbox}
	for _, opt := range opts {
		opt(&c)
	}
	if keyed && c.store == nil {
		c.store = persistence.NewMemory()
	}
	if _, ok := c.store.(applier); c.store != nil && !ok {
		c.mistake("WithStore(%T), which has no method Apply", c.store)
	}
	if !keyed && c.store != nil {
		c.mistake("WithStore(%T) for an organ without cells", c.store)
	}
	errs := []error{organ.Err(), policy.Err()}
	for _, err := range c.errs {
		errs = append(errs, fmt.Errorf("host: spawn %q: %w", organ.Name(), err))
	}
	return c, errors.Join(errs...)
}
