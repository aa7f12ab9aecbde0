package spine

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"time"

	"github.com/necrostack/necrostack/actors"
	"github.com/necrostack/necrostack/actors/host"
	"github.com/necrostack/necrostack/persistence"
)

// Run handles events until ctx ends. Then pulling ends, what is not begun goes back, and running
// handlers may go on for the drain time; after it their contexts end, and what is unfinished
// goes back, not counted as an attempt. Run returns nil when it is drained, and a *DrainError with what
// was left otherwise; or ErrRunning, ErrMaxSteps, ErrTooManyAbandoned, ErrBackendUnavailable, ErrEnqueue.
//
// After Run has returned nothing of it runs, handlers excepted that ignore the end of their context; a
// Spine may run again.
func (s *Spine) Run(ctx context.Context) error {
	r, err := s.start(ctx, max(s.settings.maxSteps, 0))
	if err != nil {
		return err
	}
	return s.finish(r, r.untilOver(ctx))
}

// RunUntilIdle publishes the payloads and runs until nothing is ready, running, or waiting for
// a retry; delayed events that are not due stay, and are counted in Stats.Delayed. Payloads that are refused do not keep the
// others from being handled, and are in the error as Publish says. It returns ErrMaxSteps
// after 1,000,000 deliveries (WithMaxSteps), and ErrWaiting when only paused organs and open breakers
// hold work. The backend must be an Inspector.
func (s *Spine) RunUntilIdle(ctx context.Context, ps ...actors.Payload) (Stats, error) {
	if _, ok := s.backend.(Inspector); !ok {
		return Stats{}, fmt.Errorf("spine: RunUntilIdle: the backend %T does not tell its backlog", s.backend)
	}
	steps := s.settings.maxSteps
	if steps < 0 {
		steps = DefaultMaxSteps
	}
	r, err := s.start(ctx, steps)
	if err != nil {
		return Stats{}, err
	}
	inner, stop := context.WithCancel(ctx)
	defer stop()
	var published, idle error
	fed := make(chan struct{})
	r.group.Go(func() { // ends with the wait, which ends with the run
		defer close(fed)
		defer stop()
		// What was accepted runs, whatever was refused.
		_, published = s.Publish(inner, ps...)
		idle = r.waitIdle(inner)
	})
	err = r.untilOver(inner)
	stop()
	<-fed
	err = s.finish(r, err)
	if ctx.Err() == nil && (errors.Is(idle, ErrNotRunning) || errors.Is(idle, context.Canceled)) {
		idle = nil // the run ended by itself, and err says why
	}
	return s.Stats(), errors.Join(published, idle, err)
}

// start opens the backend and brings everything up.
func (s *Spine) start(ctx context.Context, maxSteps int) (*run, error) {
	s.mu.Lock()
	if s.running {
		s.mu.Unlock()
		return nil, ErrRunning
	}
	s.running = true
	s.mu.Unlock()
	r, err := s.bringUp(ctx, maxSteps)
	s.mu.Lock()
	s.run, s.running = r, err == nil
	s.mu.Unlock()
	if err != nil {
		return nil, err
	}
	r.trace.started(s.service)
	return r, nil
}

// finish takes everything down.
func (s *Spine) finish(r *run, err error) error {
	r.takeDown()
	s.mu.Lock()
	s.last = r.statsNow()
	s.run, s.running = nil, false
	s.mu.Unlock()
	r.trace.stopped(s.service, err, s.leaves())
	return err
}

// leaves is how many events stay behind in a backend that keeps them no longer than the process; 0 where it keeps them.
func (s *Spine) leaves() int {
	if d, ok := s.backend.(Durable); ok && d.Durable() {
		return 0
	}
	i, ok := s.backend.(Inspector)
	if !ok {
		return 0
	}
	b, err := i.Backlog(context.Background())
	if err != nil {
		return 0 // it is closed, or somebody else's by now
	}
	return b.Ready + b.InFlight + b.Retrying + b.Waiting + b.Delayed
}

// run is a Spine while it runs: the core, and around it the actor that steps it, the goroutines
// that talk to the backend, and the organs.
type run struct {
	spine   *Spine
	system  *host.System
	router  *host.Router
	feed    *feed
	settle  *settler
	board   Switchboard // nil: every cell is this node's
	trace   tracer
	inbox   inbox
	deliver func(*host.Batch) // of all organs: one piece of memory
	group   sync.WaitGroup

	mu   sync.Mutex // guards core, which only the router steps, against readers of statistics
	core *core

	alarm    *time.Timer // for core.tick; the router's own
	alarmAt  time.Time
	draining chan struct{} // closed when the end has begun, whoever wanted it
	over     chan struct{} // closed when nothing is left
	ended    sync.Once
	bug      error
}

func (s *Spine) bringUp(ctx context.Context, maxSteps int) (*run, error) {
	if err := s.backend.Open(ctx, s.service); err != nil {
		return nil, fmt.Errorf("spine: open service %q: %w", s.service.Name, err)
	}
	r := &run{
		spine: s, over: make(chan struct{}), draining: make(chan struct{}),
		trace: tracer{s.settings.log, s.settings.hooks},
	}
	r.core = newCore(s.settings.coreConfig(maxSteps), s.service, s.settings.rnd)
	r.system = host.NewSystem(host.Options{Context: ctx, Logger: s.settings.log})
	r.deliver = func(b *host.Batch) { r.tell(b) }
	router, err := r.system.Router("spine/"+s.service.Name, r.receive, r.broken)
	if err != nil {
		return nil, err
	}
	r.router = router
	organs := make([]*organ, len(s.settings.organs))
	for i := range organs {
		if organs[i], err = r.newOrgan(int32(i), s.settings.organs[i]); err != nil {
			return nil, errors.Join(err, r.system.Stop(ctx))
		}
	}
	r.core.enlist(organs)
	r.feed = newFeed(s.backend, r.tell)
	r.settle = newSettler(s.backend, r.tell, &r.feed.coming)
	r.group.Go(r.feed.run)   // ends with feed.close
	r.group.Go(r.settle.run) // ends with settle.close
	if r.board, _ = s.backend.(Switchboard); r.board != nil {
		r.board.Serve(r.answer)
	}
	if h, ok := s.backend.(Handover); ok {
		h.Leave(r.save)
	}
	r.tell(startMsg{})
	// Lanes may have had something to say before everything stood: it is in the inbox.
	r.inbox.open()
	r.router.Tell(wakeMsg{})
	return r, nil
}

func (s *settings) coreConfig(maxSteps int) coreConfig {
	return coreConfig{
		service: s.service, maxEvents: s.maxEvents, maxBytes: s.maxBytes, maxBatch: s.maxBatch,
		maxQuick: max(quickTurns, 2*runtime.GOMAXPROCS(0)),
		maxHops:  s.limits.WithDefaults().Hops, maxSteps: maxSteps, maxAsks: maxAsksPerLane,
		abandoned: s.abandoned, enqueue: s.enqueue, maxFailures: s.failures,
	}
}

// newOrgan starts an organ's lanes.
func (r *run) newOrgan(index int32, set organSetting) (*organ, error) {
	s := &r.spine.settings
	spec := r.spine.service.Organs[index]
	policy := s.policyOf(set)
	store, _ := r.spine.backend.(persistence.Store)
	h, err := r.system.Organ(set.def, host.OrganConfig{
		Service: s.service, Tag: index, Workers: set.workers, Ordered: spec.Ordered, Policy: policy,
		Limits: s.limits, Checking: s.checking, Encode: s.encode,
		MaxEmissions: s.emissions, MaxEmissionBytes: s.emitBytes,
		Store: store, Snapshots: s.snapshots, ResidentCells: s.resident, IdleAfter: s.idleAfter,
		Deliver: r.deliver,
		Notify:  func(n host.Notice) { r.tell(noticeMsg{index, n}) },
	})
	if err != nil {
		return nil, err
	}
	o := newOrgan(spec, policy)
	o.wantsFailed, o.batching = wantsFailed(set.def), batching(set.def)
	if k, ok := set.def.(actors.KeyedOrgan); ok {
		idle := s.idleAfter
		if idle == 0 {
			idle = host.DefaultIdleAfter
		}
		o.tending = newTending(idle, k.Expiry())
	}
	for _, l := range h.Lanes() {
		o.add(l)
	}
	return o, nil
}

func wantsFailed(def actors.Definition) func(string) bool {
	if w, ok := def.(interface{ WantsFailed(string) bool }); ok {
		return w.WantsFailed
	}
	return func(string) bool { return false }
}

func batching(def actors.Definition) bool {
	b, ok := def.(interface{ Batching() bool })
	return ok && b.Batching()
}

// tell gives the router a message. It takes all that have come together, so one call wakes it for
// many.
func (r *run) tell(msg any) {
	if r.inbox.put(msg) {
		r.router.Tell(wakeMsg{})
	}
}

// broken is called when the core has panicked: a bug of ours, which must not look like an end in
// good order.
func (r *run) broken(err error) {
	r.bug = err
	r.end()
}

func (r *run) end() {
	r.ended.Do(func() { close(r.over) })
}

// untilOver waits for the end of ctx, drains, and returns what Run returns.
func (r *run) untilOver(ctx context.Context) error {
	select {
	case <-r.over:
		return r.outcome()
	case <-r.draining:
	case <-ctx.Done():
		r.tell(drainMsg{})
	}
	drain := time.NewTimer(r.spine.settings.drain)
	defer drain.Stop()
	select {
	case <-r.over:
		return r.outcome()
	case <-drain.C:
	}
	r.tell(hurryMsg{})
	// Interrupted handlers return at once, or are abandoned within the watch's grace. What
	// may still be missing is the backend's answer.
	last := time.NewTimer(hurryTime)
	defer last.Stop()
	select {
	case <-r.over:
	case <-last.C:
	}
	return r.outcome()
}

// hurryTime is how long interrupted handlers and unanswered settlements are waited for.
const hurryTime = 5 * time.Second

func (r *run) outcome() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.bug != nil {
		return r.bug
	}
	return r.core.result()
}

// takeDown stops everything, the backend's users first.
func (r *run) takeDown() {
	if r.board != nil {
		r.board.Serve(nil)
	}
	r.feed.close()
	r.flushCells()
	if h, ok := r.spine.backend.(Handover); ok {
		h.Leave(nil)
	}
	ctx, cancel := context.WithTimeout(context.Background(), hurryTime)
	defer cancel()
	if err := r.system.Stop(ctx); err != nil {
		r.spine.settings.log.Error("organs did not stop", "error", err)
	}
	r.settle.close()
	r.group.Wait()
	if r.alarm != nil {
		r.alarm.Stop()
	}
}

// flushCells saves the states of cells, so that the next start replays nothing.
func (r *run) flushCells() {
	var flushed sync.WaitGroup
	defer flushed.Wait()
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.bug != nil || r.core.ledger.inHand() > 0 {
		return
	}
	for _, o := range r.core.organs {
		if !o.keyed {
			continue
		}
		for _, l := range o.lanes {
			if l.free() && !l.forget {
				flushed.Add(1)
				l.host.Flush(flushed.Done)
			}
		}
	}
}

func (r *run) waitIdle(ctx context.Context) error {
	if _, ok := r.spine.backend.(Inspector); !ok {
		return fmt.Errorf("spine: WaitIdle: the backend %T does not tell its backlog", r.spine.backend)
	}
	w := make(chan error, 1)
	r.tell(idleMsg{w})
	select {
	case err := <-w:
		return err
	case <-r.over:
		return ErrNotRunning
	case <-ctx.Done():
		return ctx.Err()
	}
}

func clock() time.Time { return time.Now() }
