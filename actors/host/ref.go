package host

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/necrostack/necrostack/actors"
	"github.com/necrostack/necrostack/persistence"
	"github.com/necrostack/necrostack/supervision"
)

// Ref is a running organ without a Spine: it is told payloads, and does what its policy says with
// what fails, in memory. Nothing of it outlives the process but what a store given by WithStore keeps.
//
// Order is as under a Spine. A keyed organ, and one that is Ordered, handles the events of a key
// strictly in the order in which they were told: one that waits for a retry holds back
// those behind it. Any other organ begins the first attempts of a key in order, and retries overtake.
//
// All methods, and the functions Tell, Handle and Ask, are safe for concurrent use.
type Ref struct {
	organ  *Organ
	policy supervision.Policy
	config refConfig
	wants  func(typ string) bool // an OnFailed
	log    *slog.Logger
	apply  applier // of a keyed organ
	mint   mint

	mu       sync.Mutex
	agenda   *agenda
	gate     gate
	running  [][]*task // per line, one per item of the lane's batch
	spare    []*Batch
	timer    *time.Timer
	swept    time.Time // last time
	troubles int       // in a row: the store did not take a change, or cells could not be loaded
	stopping bool
	stats    RefStats
	idle     chan struct{} // closed when nothing is held any more; nil when nobody waits
	result   *stopResult
}

// applier is what a Ref needs of a store besides persistence.Store.
type applier interface {
	Apply(cell persistence.Cell, ev actors.Event, c persistence.Change) error
}

// Spawn runs a stateless organ. All mistakes in organ, policy and options are reported at once.
func (s *System) Spawn(organ actors.Organ, policy supervision.Policy, opts ...RefOption) (*Ref, error) {
	return s.spawnRef(organ, policy, opts)
}

// SpawnKeyed runs a keyed organ. A change of a cell is in the store before its outcome is told to
// anybody.
func (s *System) SpawnKeyed(organ actors.KeyedOrgan, policy supervision.Policy, opts ...RefOption) (*Ref, error) {
	if organ == nil {
		return nil, errors.New("host: spawn: the organ is nil")
	}
	return s.spawnRef(organ, policy, opts)
}

// reactive is what a Ref needs to know of an organ of either sort.
type reactive interface {
	actors.Definition
	WantsFailed(typ string) bool
}

func (s *System) spawnRef(organ reactive, policy supervision.Policy, opts []RefOption) (*Ref, error) {
	_, keyed := organ.(actors.KeyedOrgan)
	c, err := refConfigOf(organ, policy, keyed, opts)
	if err != nil {
		return nil, err
	}
	policy = policy.WithDefaults()
	r := &Ref{
		policy: policy, config: c, wants: organ.WantsFailed, log: c.log, swept: clock(),
		gate: gate{breaker: supervision.NewBreaker(policy.Breaker)},
		mint: mint{stamper: actors.NewStamper(actors.StamperOptions{Limits: c.limits, Checking: c.checking})},
	}
	if r.log == nil {
		r.log = s.log
	}
	config := OrganConfig{
		Service: refService, Workers: c.workers, Ordered: c.ordered, Policy: policy, Limits: c.limits, Checking: c.checking,
		Store: c.store, Deliver: r.deliver, Notify: r.notify,
	}
	r.apply, _ = c.store.(applier)
	r.mu.Lock() // lanes may tell something before we know how many there are
	defer r.mu.Unlock()
	if r.organ, err = s.Organ(organ, config); err != nil {
		return nil, err
	}
	r.agenda = newAgenda(len(r.organ.lanes), keyed || c.ordered)
	r.running = make([][]*task, len(r.organ.lanes))
	if err := s.keep(r); err != nil {
		return nil, err
	}
	return r, nil
}

// keep remembers r, so that Stop stops it.
func (s *System) keep(r *Ref) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopped {
		return ErrStopped // and its organ with it
	}
	s.refs = append(s.refs, r)
	return nil
}

// refService is the service of organs that belong to none.
const refService = "ref"

// Name is the organ's name.
func (r *Ref) Name() string { return r.organ.name }

// CellStats returns the numbers of a keyed organ.
func (r *Ref) CellStats() CellStats { return r.organ.CellStats() }

// Tell queues p and returns. The error is that of a payload that makes no event, ErrStopped, or
// ErrMailboxFull; then nothing is queued. What becomes of it later is told to OnEmit and OnDead.
func Tell(ref *Ref, p actors.Payload) error { return ref.take(p, nil) }

func (r *Ref) take(p actors.Payload, waiter *reply) error {
	ev, err := r.mint.event(p)
	if err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case r.stopping:
		return ErrStopped
	case r.stats.Held >= r.config.mailbox:
		return fmt.Errorf("%w: organ %q holds %d events", ErrMailboxFull, r.organ.name, r.stats.Held)
	}
	r.stats.Held++
	r.stats.Told++
	t := &task{event: ev, reply: waiter}
	now := clock()
	r.agenda.add(t, now)
	r.feed(t.line, now)
	r.wake(now)
	return nil
}

// mint makes events of payloads.
type mint struct {
	mu      sync.Mutex
	stamper *actors.Stamper
}

func (m *mint) event(p actors.Payload) (actors.Event, error) {
	m.mu.Lock()
	defer m.mu.Unlock() // also when p panics
	return m.stamper.Root(p, clock())
}

// feedAll gives every free lane what there is for it, and sets the timer. r.mu is held.
func (r *Ref) feedAll() {
	now := clock()
	r.agenda.awake(now)
	for i := range r.agenda.lines {
		r.feed(i, now)
	}
	r.wake(now)
}

// feed gives the lane of line i what there is for it, if it is free. r.mu is held.
func (r *Ref) feed(i int, now time.Time) {
	if r.stopping || !r.agenda.wants(i, now) {
		return
	}
	picked := r.pick(i)
	if len(picked) == 0 {
		return
	}
	b := r.batch()
	for k, t := range picked {
		b.Items = append(b.Items, Item{Event: t.event, Attempt: int32(t.failures) + 1, Ref: uint32(k), Failed: t.final})
	}
	r.running[i] = picked
	r.organ.lanes[i].Run(b)
}

// batchLimit is the most events a lane gets at once.
const batchLimit = actors.BatchLimit

// pick takes what the lane of line i may have: what is closing always, since OnFailed touches
// nothing outside; what is ready as far as the gate lets it.
func (r *Ref) pick(i int) []*task {
	if r.agenda.lines[i].closing.len() > 0 {
		return r.agenda.pick(i, batchLimit, false)
	}
	fresh, probe := r.gate.admits(batchLimit)
	if fresh == 0 {
		return nil
	}
	picked := r.agenda.pick(i, fresh, true)
	switch {
	case probe && len(picked) == 0:
		r.gate.begun(nil)
	case probe:
		r.gate.begun(r.organ.lanes[i])
	}
	return picked
}

// wake sets the timer for what has to be done next. r.mu is held.
func (r *Ref) wake(now time.Time) {
	if r.stopping {
		return
	}
	next := r.agenda.next(now)
	if opens := r.gate.opens(); opens > 0 {
		next = earlier(next, now.Add(opens))
	}
	if r.organ.keyed != nil && r.organ.cells.resident.Load() > 0 {
		next = earlier(next, r.swept.Add(sweepEvery))
	}
	switch {
	case next.IsZero():
		if r.timer != nil {
			r.timer.Stop()
		}
	case r.timer == nil:
		r.timer = time.AfterFunc(next.Sub(now), r.tick) // stopped by Stop
	default:
		r.timer.Reset(next.Sub(now))
	}
}

// sweepEvery is how often the cells of a keyed organ are swept.
const sweepEvery = time.Minute

func earlier(a, b time.Time) time.Time {
	if a.IsZero() || b.Before(a) {
		return b
	}
	return a
}

func (r *Ref) tick() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.stopping {
		return
	}
	if now := clock(); r.organ.keyed != nil && now.Sub(r.swept) >= sweepEvery {
		r.swept = now
		for _, l := range r.organ.lanes {
			l.Sweep()
		}
	}
	r.feedAll()
}

// notify takes the organ's Notices.
func (r *Ref) notify(n Notice) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.agenda == nil {
		return // it was never spawned
	}
	switch n.Kind {
	case LaneReady:
		r.agenda.lines[n.Lane.index].down = false
	case Restarting:
		r.stats.Restarts++
		r.log.Warn("organ restarts", "organ", r.organ.name, "error", n.Err)
	case BudgetSpent:
		r.gate.breaker.Trip()
		r.log.Error("organ restarts too often, breaker opened", "organ", r.organ.name, "error", n.Err)
	case HandlerAbandoned:
		r.stats.Abandoned++
		r.log.Error("handler ignores its deadline, worker replaced", "organ", r.organ.name, "error", n.Err)
	case CellQuarantined:
		r.log.Error("cell quarantined", "organ", r.organ.name, "error", n.Err)
	}
	r.feedAll()
}

func (r *Ref) batch() *Batch {
	if n := len(r.spare); n > 0 {
		b := r.spare[n-1]
		r.spare = r.spare[:n-1]
		return b
	}
	return &Batch{}
}

func (s *System) forgetRef(r *Ref) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.refs = slices.DeleteFunc(s.refs, func(x *Ref) bool { return x == r })
}

func (r *Ref) delay(attempt int) time.Duration {
	return r.policy.Retry.Backoff.Delay(attempt, rand.Float64())
}

// Wait returns when nothing is held: queued, running, or waiting for its time. Events
// that were told meanwhile are waited for, too.
func (r *Ref) Wait(ctx context.Context) error {
	for {
		r.mu.Lock()
		if r.stats.Held == 0 {
			r.mu.Unlock()
			return nil
		}
		if r.idle == nil {
			r.idle = make(chan struct{})
		}
		idle := r.idle
		r.mu.Unlock()
		select {
		case <-idle:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
