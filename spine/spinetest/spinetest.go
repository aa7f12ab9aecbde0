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
	Attempt int    // the last one
	Acked   bool   // with this every organ was finished with the event
	Emitted []actors.Event
	Failure *actors.Failure // of the last attempt; nil: it succeeded
}

// Running is a Spine that runs for the length of a test.
type Running struct {
	*spine.Spine
	t testing.TB

	mu      sync.Mutex
	changed chan struct{} // closed and replaced when something is recorded
	last    map[attemptOf]spine.Completion
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
	r := &Running{t: t, changed: make(chan struct{}), last: map[attemptOf]spine.Completion{}}
	s, err := spine.New(b, append(opts, spine.WithChecking(), spine.WithHooks(r.hooks()))...)
	if err != nil {
		t.Fatalf("spinetest: %v", err)
	}
	r.Spine = s
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }() // ends with the test's cleanup, which waits for it
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Errorf("spinetest: Run: %v", err)
		}
	})
	return r
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
// two organs handle counts twice. Each is returned once.
func (r *Running) Settled(n int) []Settled {
	r.t.Helper()
	r.await(func() bool { return len(r.settled)-r.taken >= n }, "more settled events")
	r.mu.Lock()
	defer r.mu.Unlock()
	got := r.settled[r.taken : r.taken+n : r.taken+n]
	r.taken += n
	return got
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

func (r *Running) await(done func() bool, what string) {
	r.t.Helper()
	late := time.NewTimer(Patience)
	defer late.Stop()
	for {
		r.mu.Lock()
		ok, changed := done(), r.changed
		r.mu.Unlock()
		if ok {
			return
		}
		select {
		case <-changed:
		case <-late.C:
			r.t.Fatalf("spinetest: waited %s for %s, have %d", Patience, what, len(r.settled)-r.taken)
		case <-r.t.Context().Done():
			r.t.Fatalf("spinetest: the test ended while it waited")
		}
	}
}

func (r *Running) hooks() spine.Hooks {
	return spine.Hooks{
		Completed: func(c spine.Completion) {
			r.record(func() { r.last[attemptOf{c.Event.ID(), c.Organ}] = c })
		},
		Settled: func(ev actors.Event, organ string) {
			r.record(func() {
				at := attemptOf{ev.ID(), organ}
				c := r.last[at]
				delete(r.last, at)
				r.settled = append(r.settled, Settled{
					Event: ev, Organ: organ, Attempt: c.Attempt, Emitted: c.Emitted, Failure: c.Failure,
				})
			})
		},
		Acked: func(actors.Event, []actors.Event) {
			r.record(func() { r.settled[len(r.settled)-1].Acked = true })
		},
		Dead: func(d supervision.DeadLetter) { r.record(func() { r.dead = append(r.dead, d) }) },
		Note: func(n spine.Note) { r.record(func() { r.notes = append(r.notes, n) }) },
	}
}

func (r *Running) record(f func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	f()
	close(r.changed)
	r.changed = make(chan struct{})
}
