package host

import (
	"fmt"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/necrostack/necrostack/supervision"
)

// supervisor is the actor above an organ's lanes. A lane that has met a panic has
// already given its batch back, told its owner that it is down, and escalated; the
// supervisor decides when it comes back. It runs on its own goroutine only, never blocks, and
// never gives up in silence.
type supervisor struct {
	organ   *Organ
	budget  *supervision.Budget
	waiting map[*Lane]*restartTimer // lanes that are down until their delay is over
	started chan error
	spawned int // actors so far
	open    int // lanes that have not ended
	halting bool
}

type restartTimer struct{ timer *time.Timer }

// Messages of the supervisor.
type (
	restart struct { // the delay is over
		lane *Lane
		due  *restartTimer
	}
	replace struct { // the lane's actor is stuck
		lane *Lane
		turn *turn
		err  error
	}
	halt    struct{}
	revived struct{} // to a lane's actor after a restart: say that the lane is ready
)

// spentDelay is how long a lane stays down when the organ's restarts are used up.
const spentDelay = 5 * time.Second

// Receive implements actor.Actor.
func (s *supervisor) Receive(ctx actor.Context) {
	switch msg := ctx.Message().(type) {
	case *actor.Started:
		s.started <- s.spawnAll(ctx)
	case restart:
		if s.waiting[msg.lane] == msg.due {
			delete(s.waiting, msg.lane)
			s.revive(ctx, msg.lane)
		}
	case replace:
		s.replace(ctx, msg)
	case halt:
		s.halt(ctx)
	case *actor.Terminated:
		s.terminated(ctx, msg.Who)
	}
}

func (s *supervisor) spawnAll(ctx actor.Context) error {
	for _, l := range s.organ.lanes {
		if err := s.spawn(ctx, l); err != nil {
			return err
		}
		s.open++
	}
	return nil
}

// spawn gives the lane a new actor.
func (s *supervisor) spawn(ctx actor.Context, l *Lane) error {
	at := l.seat()
	props := actor.PropsFromProducer(func() actor.Actor { return at.newWorker(l) }, at.mailbox.props())
	s.spawned++
	pid, err := ctx.SpawnNamed(props, fmt.Sprintf("%d.%d", l.index, s.spawned))
	if err != nil {
		return fmt.Errorf("lane %d: %w", l.index, err)
	}
	l.adopt(pid, &at.mailbox, &at.turn)
	return nil
}

// HandleFailure implements actor.SupervisorStrategy: it is where a lane's
// EscalateFailure arrives, on the supervisor's goroutine, while the lane's mailbox is
// suspended.
func (s *supervisor) HandleFailure(_ *actor.ActorSystem, boss actor.Supervisor, child *actor.PID,
	_ *actor.RestartStatistics, reason, _ any,
) {
	l := s.laneOf(child)
	if l == nil {
		return // a former actor: what it does concerns nobody, and it has been told to stop
	}
	err, ok := reason.(error)
	if !ok {
		err = fmt.Errorf("host: %v", reason)
	}
	s.failed(boss.(actor.Context), l, err)
}

func (s *supervisor) laneOf(pid *actor.PID) *Lane {
	for _, l := range s.organ.lanes {
		if l.actor().Equal(pid) {
			return l
		}
	}
	return nil
}

func (s *supervisor) failed(ctx actor.Context, l *Lane, err error) {
	o := s.organ
	if s.halting {
		ctx.Stop(l.actor())
		return
	}
	o.config.Notify(Notice{Kind: Restarting, Organ: o, Lane: l, Err: err})
	delay, ok := s.budget.Next(clock())
	if !ok {
		o.config.Notify(Notice{Kind: BudgetSpent, Organ: o, Lane: l, Err: err})
		delay = spentDelay
	}
	if delay == 0 {
		s.revive(ctx, l)
		return
	}
	// The supervisor must not block: the timer, which halt stops, comes back as a message.
	self, root, due := ctx.Self(), o.system.actors.Root, &restartTimer{}
	due.timer = time.AfterFunc(delay, func() { root.Send(self, restart{l, due}) })
	s.waiting[l] = due
}

// revive lets the lane's actor go on. A stateless organ gets a fresh instance: its
// state is suspect. A keyed one does not: the lane has dropped the cell that panicked, and
// its other cells are as good as before.
func (s *supervisor) revive(ctx actor.Context, l *Lane) {
	pid := l.actor()
	boss := ctx.(actor.Supervisor)
	if s.organ.keyed == nil {
		boss.RestartChildren(pid)
	} else {
		boss.ResumeChildren(pid)
	}
	ctx.Send(pid, revived{})
}

// replace delivers the batch of a stuck handler, and gives the lane a new actor beside the
// old one, which stops when, and if, its handler returns.
func (s *supervisor) replace(ctx actor.Context, msg replace) {
	defer s.renew(ctx, msg) // also when the owner ends the goroutine, as a failing test does
	s.organ.config.Notify(Notice{Kind: HandlerAbandoned, Organ: s.organ, Lane: msg.lane, Err: msg.err})
	if b := msg.turn.batch; b != nil {
		s.organ.config.Deliver(b)
		return
	}
	msg.turn.question.answer(nil, msg.err)
}

// renew gives the lane its new actor; when the organ ends, the lane ends here.
func (s *supervisor) renew(ctx actor.Context, msg replace) {
	o, l, old := s.organ, msg.lane, msg.lane.actor()
	revive := msg.turn.batch != nil // not to be asked once another actor is there
	if s.halting {
		l.close()
		s.ended(ctx)
		return
	}
	err := s.spawn(ctx, l)
	ctx.Stop(old)
	if err != nil {
		// The engine refuses only names that exist, and ours are counted.
		o.config.Notify(Notice{Kind: BudgetSpent, Organ: o, Lane: l, Err: err})
		l.close()
		s.ended(ctx)
		return
	}
	if revive {
		ctx.Send(l.actor(), revived{})
	}
}

// halt lets every lane end when it comes to it. One that is down would never come to it.
func (s *supervisor) halt(ctx actor.Context) {
	s.halting = true
	for _, l := range s.organ.lanes {
		if due := s.waiting[l]; due != nil {
			due.timer.Stop()
			ctx.Stop(l.actor())
			continue
		}
		ctx.Poison(l.actor())
	}
	clear(s.waiting)
}

// terminated counts the end of a lane's actor. That of an abandoned one is counted, or
// was, by replace.
func (s *supervisor) terminated(ctx actor.Context, pid *actor.PID) {
	l := s.laneOf(pid)
	if l == nil || l.turn.Load().state() == turnAbandoned {
		return
	}
	s.ended(ctx)
}

// ended counts a lane out; after the last one the organ has ended.
func (s *supervisor) ended(ctx actor.Context) {
	s.open--
	if s.open > 0 || !s.halting {
		return
	}
	o := s.organ
	if o.keyed == nil && !o.organ.Exclusive() {
		if h, err := o.organ.Handler(); err == nil {
			o.end(h)
		}
	}
	close(o.ended)
	ctx.Stop(ctx.Self())
}
