// Package spinetest runs a Spine under test: it starts it, tells what it has settled without
// sleeping or polling, and fails the test when the Spine does not end in good order.
//
//	s := spinetest.Start(t, spine.NewMemory(), spine.WithOrgan(mailer))
//	s.Publish(Ping{})
//	got := s.Settled(1)[0] // waits for it
//
// Everything goes through the checking mode, so that what passes here behaves alike on a
// durable backend. It works inside a testing/synctest bubble, where backoff and timeouts cost no
// real time.
package spinetest

import (
	"context"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/necrostack/necrostack/actors"
	"github.com/necrostack/necrostack/spine"
	"github.com/necrostack/necrostack/supervision"
)

// Settled is one event that one organ is finished with.
type Settled struct {
	Event   actors.Event
	Organ   string // "" for an event that no organ wants
	Attempt int    // the last one; 0 when there was none
	Acked   bool   // with this every organ was finished with the event
	Emitted []actors.Event
	Failure *actors.Failure         // of the last attempt; nil: it succeeded
	Letter  *supervision.DeadLetter // nil: there is none
}

// Running is a Spine that runs for the length of a test.
type Running struct {
	*spine.Spine
	t       testing.TB
	started chan struct{} // closed when it runs
	ended   chan struct{} // closed when Run has returned
	err     error         // of Run; to be read after ended

	mu      sync.Mutex
	changed chan struct{}                  // closed and replaced when something is recorded
	last    map[attemptOf]spine.Completion // attempts of what is not settled
	settled []Settled
	taken   int
	dead    []supervision.DeadLetter
	notes   []spine.Note
}

type attemptOf struct {
	id    actors.ID
	organ string
}

// Patience is how long Settled and Idle wait before they fail the test; in a synctest bubble it is
// fake time.
const Patience = 10 * time.Minute

// Start makes a Spine and runs it until the test ends. Mistakes in the options fail the test at once.
func Start(t testing.TB, b spine.Backend, opts ...spine.Option) *Running {
	t.Helper()
	r := &Running{
		t: t, started: make(chan struct{}), ended: make(chan struct{}),
		changed: make(chan struct{}), last: map[attemptOf]spine.Completion{},
	}
	// What the test says comes later and wins; its log belongs to the test's output.
	log := slog.New(slog.NewTextHandler(t.Output(), nil))
	all := append([]spine.Option{spine.WithLogger(log)}, opts...)
	s, err := spine.New(b, append(all, spine.WithChecking(), spine.WithHooks(r.hooks()))...)
	if err != nil {
		t.Fatalf("spinetest: %v", err)
	}
	r.Spine = s
	r.run()
	return r
}

// run returns when the Spine runs, so that everything that needs that works at once.
func (r *Running) run() {
	ctx, stop := context.WithCancel(context.Background())
	go func() { // ends with the test's cleanup, which waits for it
		defer close(r.ended)
		r.err = r.Spine.Run(ctx)
	}()
	r.t.Cleanup(func() {
		stop()
		<-r.ended
		if r.err != nil {
			r.t.Errorf("spinetest: Run: %v", r.err)
		}
	})
	select {
	case <-r.started:
	case <-r.ended:
	}
}

// Publish publishes payloads and returns their ids; a refusal fails the test.
func (r *Running) Publish(ps ...actors.Payload) []actors.ID {
	r.t.Helper()
	ids, err := r.Spine.Publish(r.t.Context(), ps...)
	if err != nil {
		r.t.Fatalf("spinetest: publish: %v", err)
	}
	return ids
}

// Settled waits for the next n settled events, in the order in which they were settled. An event that
// two organs handle counts twice. Each is returned once. The test fails when they do not come: Patience is
// over, or the Spine has stopped.
func (r *Running) Settled(n int) []Settled {
	r.t.Helper()
	late := time.NewTimer(Patience)
	defer late.Stop()
	for {
		got, changed := r.take(n)
		if len(got) == n {
			return got
		}
		select {
		case <-changed:
		case <-r.ended:
			r.t.Fatalf("spinetest: Run ended while the test waited for %d settled events, have %d: %v", n, r.untaken(), r.err)
		case <-late.C:
			r.t.Fatalf("spinetest: waited %s for %d settled events, have %d", Patience, n, r.untaken())
		}
	}
}

// Idle waits until nothing is ready, running, or waiting for a retry.
func (r *Running) Idle() {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(r.t.Context(), Patience)
	defer cancel()
	if err := r.Spine.WaitIdle(ctx); err != nil {
		r.t.Fatalf("spinetest: wait until idle: %v", err)
	}
}

// Dead returns the dead letters so far.
func (r *Running) Dead() []supervision.DeadLetter {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]supervision.DeadLetter(nil), r.dead...)
}

// Notes returns the failures and alarms told so far.
func (r *Running) Notes() []spine.Note {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]spine.Note(nil), r.notes...)
}

// take returns the next n settled events, or none and what will be closed when there are more.
func (r *Running) take(n int) ([]Settled, chan struct{}) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.settled)-r.taken < n {
		return nil, r.changed
	}
	got := r.settled[r.taken : r.taken+n : r.taken+n]
	r.taken += n
	return got, nil
}

func (r *Running) untaken() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.settled) - r.taken
}

func (r *Running) hooks() spine.Hooks {
	return spine.Hooks{
		Started: func() { close(r.started) },
		Completed: func(c spine.Completion) {
			r.record(func() { r.last[attemptOf{c.Event.ID(), c.Organ}] = c })
		},
		Settled: func(x spine.Result) { r.record(func() { r.settle(x) }) },
		Note:    func(n spine.Note) { r.record(func() { r.notes = append(r.notes, n) }) },
	}
}

func (r *Running) settle(x spine.Result) {
	at := attemptOf{x.Event.ID(), x.Organ}
	c := r.last[at]
	delete(r.last, at)
	r.settled = append(r.settled, Settled{
		Event: x.Event, Organ: x.Organ, Attempt: c.Attempt, Acked: x.Acked, Emitted: x.Emitted, Failure: c.Failure, Letter: x.Letter,
	})
	if x.Letter != nil {
		r.dead = append(r.dead, *x.Letter)
	}
}

func (r *Running) record(f func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	f()
	close(r.changed)
	r.changed = make(chan struct{})
}
