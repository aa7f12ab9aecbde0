package host

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/necrostack/necrostack/actors"
	"github.com/necrostack/necrostack/supervision"
)

// Organ is a running organ: a supervisor actor and its lanes.
type Organ struct {
	system  *System
	quit    atomic.Bool // as System.stopping, for this organ
	deliver func(*Batch)

	name   string
	config OrganConfig
	keyed  actors.KeyedOrgan // nil for a stateless one
	organ  actors.Organ
	lanes  []*Lane
	pid    *actor.PID // of the supervisor
	cells  cellCounters

	base      context.Context // of its handlers
	interrupt context.CancelCauseFunc
	halting   sync.Once
	ended     chan struct{} // closed by the supervisor when all lanes have ended
}

// Organ starts the lanes of def, which is an actors.Organ or a *actors.Keyed.
func (s *System) Organ(def actors.Definition, c OrganConfig) (*Organ, error) {
	if err := def.Err(); err != nil {
		return nil, err
	}
	o := &Organ{system: s, name: def.Name(), ended: make(chan struct{})}
	switch d := def.(type) {
	case actors.KeyedOrgan:
		o.keyed = d
	case actors.Organ:
		o.organ = d
	default:
		return nil, fmt.Errorf("host: organ %q is a %T, which cannot be run", def.Name(), def)
	}
	if err := c.err(o.keyed != nil); err != nil {
		return nil, fmt.Errorf("host: organ %q: %w", o.name, err)
	}
	o.config = c.withDefaults(o.keyed != nil)
	o.deliver = o.config.Deliver
	for i := range o.config.Workers {
		o.lanes = append(o.lanes, &Lane{organ: o, index: i})
	}
	if err := o.start(); err != nil {
		return nil, err
	}
	return o, nil
}

func (o *Organ) start() error {
	s := o.system
	s.mu.Lock()
	defer s.mu.Unlock()
	o.base, o.interrupt = context.WithCancelCause(s.base)
	boss := &supervisor{
		organ:   o,
		budget:  supervision.NewBudget(o.config.Policy.Restarts),
		waiting: map[*Lane]*restartTimer{},
		started: make(chan error, 1),
	}
	pid, err := s.spawn(func() actor.Actor { return boss }, &mailbox{crew: &s.crew}, "organ/"+o.config.Service+"/"+o.name)
	if err != nil {
		return fmt.Errorf("host: organ %q: %w", o.name, err)
	}
	if err := <-boss.started; err != nil {
		s.actors.Root.Stop(pid)
		return fmt.Errorf("host: organ %q: %w", o.name, err)
	}
	o.pid = pid
	s.organs = append(s.organs, o)
	s.watch.add(o)
	return nil
}

// Name is the organ's name.
func (o *Organ) Name() string { return o.name }

// Tag is what the owner has called the organ in its config.
func (o *Organ) Tag() int32 { return o.config.Tag }

// Lanes are the organ's lanes; their number never changes.
func (o *Organ) Lanes() []*Lane { return o.lanes }

// Keyed reports whether the organ has cells.
func (o *Organ) Keyed() bool { return o.keyed != nil }

// Stop ends the organ's lanes, as System.Stop does for all, and waits for them until ctx ends. It
// may be called again.
func (o *Organ) Stop(ctx context.Context) error {
	o.halt()
	select {
	case <-o.ended:
	default:
		select {
		case <-o.ended:
		case <-ctx.Done():
			return fmt.Errorf("host: stop organ %q: %w", o.name, ctx.Err())
		}
	}
	o.interrupt(ErrStopped)
	o.system.forget(o)
	return nil
}

// Interrupt is System.Interrupt for this organ.
func (o *Organ) Interrupt() {
	o.quit.Store(true)
	o.interrupt(ErrStopping)
	o.system.watch.hurry()
}

func (o *Organ) halt() {
	o.quit.Store(true)
	o.halting.Do(func() { o.system.actors.Root.Send(o.pid, halt{}) })
}

// stops reports whether lanes are to give back what they have not begun.
func (o *Organ) stops() bool { return o.quit.Load() || o.system.stopping.Load() }
