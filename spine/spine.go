package spine

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/necrostack/necrostack/actors"
	"github.com/necrostack/necrostack/persistence"
	"github.com/necrostack/necrostack/supervision"
)

// Spine routes the events of a backend to organs and settles what they make of them. Make one with
// New; its methods are safe for concurrent use.
type Spine struct {
	backend  Backend
	settings settings
	service  Service

	mu      sync.Mutex
	stamper *actors.Stamper // of Publish; under mu
	run     *run            // nil: not running
	last    Stats           // of the last run
	running bool
}

// New makes a Spine on a backend. It reports all mistakes in the options and in the organs at once.
func New(b Backend, opts ...Option) (*Spine, error) {
	s := &Spine{backend: b, settings: defaults()}
	for i, o := range opts {
		if o == nil {
			s.settings.errs = append(s.settings.errs, fmt.Errorf("spine: option %d is nil", i+1))
			continue
		}
		o(&s.settings)
	}
	err := s.settings.check()
	if isNil(b) {
		err = errors.Join(fmt.Errorf("spine: backend is nil (%T)", b), err)
	}
	if err == nil {
		err = s.checkKeyed()
	}
	if err != nil {
		return nil, err
	}
	if d, ok := b.(Durable); ok && d.Durable() {
		s.settings.encode = true
	}
	s.service = s.settings.serviceOf()
	s.stamper = actors.NewStamper(actors.StamperOptions{
		Service: s.settings.service, Limits: s.settings.limits, Checking: s.settings.checking, Encode: s.settings.encode,
	})
	return s, nil
}

// checkKeyed asks for what keyed organs need of the backend.
func (s *Spine) checkKeyed() error {
	for _, o := range s.settings.organs {
		if _, keyed := o.def.(actors.KeyedOrgan); !keyed {
			continue
		}
		if _, ok := s.backend.(persistence.Store); !ok {
			return fmt.Errorf("spine: organ %q is keyed, and the backend %T keeps no state", o.def.Name(), s.backend)
		}
	}
	return nil
}

func (s *settings) serviceOf() Service {
	v := Service{Name: s.service, Start: s.start, Retired: s.retired}
	for _, o := range s.organs {
		_, keyed := o.def.(actors.KeyedOrgan)
		v.Organs = append(v.Organs, OrganSpec{
			Name: o.def.Name(), Types: o.def.Types(), Keyed: keyed, Ordered: keyed || o.ordered,
		})
	}
	return v
}

func (s *settings) policyOf(o organSetting) supervision.Policy {
	if o.policy != nil {
		return o.policy.WithDefaults()
	}
	return s.policies.For(o.def.Name())
}

// Service is what the Spine tells its backend of itself when it runs. It must not be changed.
func (s *Spine) Service() Service { return s.service }

// Publish appends one event for each payload and returns their ids, in order. It needs
// neither organs nor Run. Each payload is accepted, recognised as a duplicate (not an error: the
// event is there), or refused; refusals are joined into the error, which names the
// payload's position and type, and leave the zero ID in their place. When the backlog is full it waits until
// ctx ends, unless the backend was told to refuse.
func (s *Spine) Publish(ctx context.Context, ps ...actors.Payload) ([]actors.ID, error) {
	evs := make([]actors.Event, 0, len(ps))
	at := make([]int, 0, len(ps))
	var errs []error
	now := clock()
	s.mu.Lock()
	for i, p := range ps {
		ev, err := s.stamper.Root(p, now)
		if err != nil {
			errs = append(errs, fmt.Errorf("spine: publish payload %d (%T): %w", i+1, actors.Unwrap(p), err))
			continue
		}
		evs, at = append(evs, ev), append(at, i)
	}
	s.mu.Unlock()
	ids := make([]actors.ID, len(ps))
	err := s.publish(ctx, evs, func(k int, err error) {
		if err != nil {
			errs = append(errs, fmt.Errorf("spine: publish payload %d (%s): %w", at[k]+1, evs[k].Type(), err))
			return
		}
		ids[at[k]] = evs[k].ID()
	})
	return ids, errors.Join(append(errs, err)...)
}

// PublishEvents appends events made elsewhere, such as read from their JSON form, unchanged.
// Their sizes are checked. Refusals are joined into the error.
func (s *Spine) PublishEvents(ctx context.Context, evs ...actors.Event) error {
	var errs []error
	good := make([]actors.Event, 0, len(evs))
	for i, ev := range evs {
		if ev.IsZero() {
			errs = append(errs, fmt.Errorf("spine: publish event %d: it is the zero Event", i+1))
			continue
		}
		if err := s.settings.limits.Check(ev); err != nil {
			errs = append(errs, fmt.Errorf("spine: publish event %d (%s): %w", i+1, ev.ID(), err))
			continue
		}
		good = append(good, ev.AsPublished())
	}
	err := s.publish(ctx, good, func(k int, err error) {
		if err != nil {
			errs = append(errs, fmt.Errorf("spine: publish event %s: %w", good[k].ID(), err))
		}
	})
	return errors.Join(append(errs, err)...)
}

func (s *Spine) publish(ctx context.Context, evs []actors.Event, each func(int, error)) error {
	if len(evs) == 0 {
		return nil
	}
	answers, err := s.backend.Publish(ctx, evs)
	for k, a := range answers {
		if a.Code == Refused {
			each(k, a.Err)
		} else {
			each(k, nil)
		}
	}
	if err != nil {
		return fmt.Errorf("spine: publish: %w", err)
	}
	return nil
}

// Pause stops giving work to an organ until Resume; what is running goes on. Its events wait in
// the backend, at no cost to the other organs.
func (s *Spine) Pause(organ string) error { return s.setPaused(organ, true) }

// Resume ends Pause.
func (s *Spine) Resume(organ string) error { return s.setPaused(organ, false) }

func (s *Spine) setPaused(organ string, paused bool) error {
	r := s.current()
	if r == nil {
		return ErrNotRunning
	}
	i, ok := r.core.route.byName[organ]
	if !ok {
		return fmt.Errorf("%w: %q", ErrNoOrgan, organ)
	}
	r.tell(pauseMsg{r.core.organs[i], paused})
	return nil
}

// WaitIdle waits until nothing is ready, running, or waiting for a retry. Delayed events that
// are not due do not count. It returns ErrWaiting when only paused organs and open
// breakers hold work, and ErrNotRunning when the Spine stops.
func (s *Spine) WaitIdle(ctx context.Context) error {
	r := s.current()
	if r == nil {
		return ErrNotRunning
	}
	return r.waitIdle(ctx)
}

// Stats returns the numbers of the present run, or of the last one.
func (s *Spine) Stats() Stats {
	if r := s.current(); r != nil {
		return r.stats()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.last
}

func (s *Spine) current() *run {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.run
}
