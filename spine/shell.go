package spine

import (
	"time"

	"github.com/necrostack/necrostack/actors/host"
)

// Messages of the router, besides *host.Batch.
type (
	wakeMsg   struct{} // to the actor: there is something in the inbox
	startMsg  struct{}
	pulledMsg struct {
		ds  []Delivery
		err error
	}
	settledMsg struct {
		chunk   *chunk
		answers []Answer
		err     error
	}
	noticeMsg struct {
		organ  int32
		notice host.Notice
	}
	backlogMsg struct {
		backlog Backlog
		err     error
	}
	pauseMsg struct {
		organ  *organ
		paused bool
	}
	askMsg   struct{ ask *ask }
	saveMsg  struct{ saving *saving }
	idleMsg  struct{ waiter chan error }
	drainMsg struct{}
	hurryMsg struct{}
	tickMsg  struct{}
)

// receive is the router actor: it steps the core through everything that has come, and then performs
// what follows from all of it.
func (r *run) receive(any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	msgs := r.inbox.take()
	now := clock()
	for _, msg := range msgs {
		r.step(now, msg)
	}
	r.inbox.giveBack(msgs)
	r.settleAtOnce(now) // before lanes are looked at, some of which it frees
	for more := true; more; more = r.settleAtOnce(now) {
		r.core.flush()
	}
	r.settle.outlook.Store(int32(r.core.outlook()))
	r.feed.dispatched()
	r.perform(&r.core.out)
}

// settleAtOnce steps the core through the answers to what it settles, if the settler has them at once.
func (r *run) settleAtOnce(now time.Time) (settled bool) {
	ch := r.core.out.chunk
	if ch == nil {
		return false
	}
	m, ok := r.settle.atOnce(ch)
	if !ok {
		return false
	}
	r.core.out.chunk = nil
	r.notes(&r.core.out) // what was decided comes before what came of it
	r.settled(now, m)
	return true
}

func (r *run) settled(now time.Time, m settledMsg) {
	r.trace.settled(r.core, m.chunk, m.answers)
	r.core.settled(now, m.chunk, m.answers, m.err)
}

func (r *run) step(now time.Time, msg any) {
	c := r.core
	switch m := msg.(type) {
	case *pulledMsg:
		r.trace.received(m.ds)
		c.arrived(now, m.ds, m.err)
		r.feed.giveBack(m)
	case *host.Batch:
		l := c.laneOf(m)
		r.trace.completed(l.organ.name, m)
		c.finished(now, l, m)
	case settledMsg:
		r.settled(now, m)
	case noticeMsg:
		r.notice(now, m)
	case backlogMsg:
		c.backlog(now, m.backlog, m.err)
	case pauseMsg:
		c.pause(now, m.organ, m.paused)
	case askMsg:
		c.question(now, m.ask)
	case saveMsg:
		c.save(now, m.saving)
	case idleMsg:
		c.awaitIdle(now, m.waiter)
	case drainMsg:
		c.drain(now)
	case hurryMsg:
		c.hurry(now)
	case tickMsg:
		r.alarmAt = time.Time{}
		c.tick(now)
	case startMsg:
		c.tick(now)
	}
}

func (r *run) notice(now time.Time, m noticeMsg) {
	c, o, n := r.core, r.core.organs[m.organ], m.notice
	switch n.Kind {
	case host.LaneReady:
		c.laneReady(now, o.lanes[n.Lane.Index()])
	case host.Restarting:
		c.note(Note{Kind: NoteRestart, Organ: o.name, Err: n.Err})
	case host.BudgetSpent:
		c.note(Note{Kind: NoteBudget, Organ: o.name, Err: n.Err})
		c.budgetSpent(now, o)
	case host.HandlerAbandoned:
		c.note(Note{Kind: NoteAbandoned, Organ: o.name, Err: n.Err})
		c.abandoned(now, r.system.Abandoned())
	case host.HandlerReturned:
		c.stats.abandoned = r.system.Abandoned()
	case host.CellQuarantined:
		c.note(Note{Kind: NoteQuarantine, Organ: o.name, Err: n.Err})
	}
}

// perform does what the core wants done.
func (r *run) perform(out *effects) {
	for _, l := range out.forgets {
		l.host.Forget()
	}
	for _, s := range out.saves {
		s.lane.host.FlushSome(s.saving.of, s.saving.done)
	}
	for _, l := range out.sweeps {
		l.host.Sweep()
	}
	for _, a := range out.asks {
		a.lane.host.Ask(a.ask.key, a.ask.query, a.ask.answer)
	}
	for _, x := range out.runs {
		r.trace.dispatched(x.lane.organ.name, x.batch)
		x.lane.host.Run(x.batch)
	}
	if out.chunk != nil && !r.settle.add(out.chunk) {
		r.core.keepChunk(out.chunk)
	}
	if out.inspect {
		r.settle.inspect()
	}
	if out.pull {
		r.feed.pull(r.core.credit.want)
	}
	if out.cancelPull { // maybe the one just begun, by what was settled at once since
		r.feed.cancel()
	}
	if out.unhurry {
		r.system.Unhurry()
		close(r.draining)
	}
	if out.interrupt {
		r.system.Interrupt()
	}
	r.setAlarm(out.wake)
	r.notes(out)
	if out.ended {
		r.end()
	}
	out.reset()
}

func (r *run) notes(out *effects) {
	r.trace.notes(out.notes)
	clear(out.notes)
	out.notes = out.notes[:0]
}

// reset empties the effects and keeps their memory.
func (e *effects) reset() {
	clear(e.runs)
	clear(e.forgets)
	clear(e.asks)
	clear(e.saves)
	clear(e.sweeps)
	*e = effects{
		runs: e.runs[:0], forgets: e.forgets[:0], asks: e.asks[:0], notes: e.notes[:0],
		saves: e.saves[:0], sweeps: e.sweeps[:0],
	}
}

// setAlarm arms the one timer for the earliest time the core has asked for.
func (r *run) setAlarm(at time.Time) {
	if at.IsZero() || !r.alarmAt.IsZero() && !at.Before(r.alarmAt) {
		return
	}
	r.alarmAt = at
	d := max(time.Until(at), 0)
	if r.alarm == nil {
		r.alarm = time.AfterFunc(d, func() { r.tell(tickMsg{}) }) // stopped by takeDown
		return
	}
	r.alarm.Reset(d)
}

// stats returns the run's numbers.
func (r *run) stats() Stats {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.statsNow()
}

func (r *run) statsNow() Stats {
	s := r.core.statsNow()
	s.Delayed = r.settle.delayed()
	for i := range r.core.organs {
		o := r.core.organs[i]
		if o.keyed {
			x := s.Organs[o.name]
			x.Cells = o.lanes[0].host.Organ().CellStats()
			s.Organs[o.name] = x
		}
	}
	return s
}
