package host

import (
	"context"
	"fmt"
	"runtime/debug"
	"sync/atomic"

	"github.com/asynkron/protoactor-go/actor"
)

// Router is an actor whose messages are handled by one function, one at a time, in order of
// arrival per sender. The function must not block.
type Router struct {
	system *System
	pid    *actor.PID
	halted atomic.Bool
	ended  chan struct{} // closed by the actor when it has stopped
}

// Router starts a router actor. A panic in receive is a bug of the library, not of an
// organ: it is given to failed, and the router handles nothing more.
func (s *System) Router(name string, receive func(msg any), failed func(error)) (*Router, error) {
	r := &Router{system: s, ended: make(chan struct{})}
	a := &routerActor{receive: receive, failed: failed, ended: r.ended}
	s.mu.Lock()
	defer s.mu.Unlock()
	pid, err := s.spawn(func() actor.Actor { return a }, &mailbox{crew: &s.crew, router: true}, name)
	if err != nil {
		return nil, fmt.Errorf("host: router %q: %w", name, err)
	}
	r.pid = pid
	s.routers = append(s.routers, r)
	return r, nil
}

// Tell gives the router a message; it never blocks. A message that is told while the system
// stops may be dropped.
func (r *Router) Tell(msg any) {
	if !r.halted.Load() {
		r.system.actors.Root.Send(r.pid, msg)
	}
}

func (r *Router) stop(ctx context.Context) error {
	if r.halted.CompareAndSwap(false, true) {
		r.system.actors.Root.Stop(r.pid)
	}
	select {
	case <-r.ended:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("host: stop router %q: %w", r.pid.Id, ctx.Err())
	}
}

type routerActor struct {
	receive func(any)
	failed  func(error)
	ended   chan struct{}
	broken  bool
}

// Receive implements actor.Actor.
func (a *routerActor) Receive(ctx actor.Context) {
	switch msg := ctx.Message().(type) {
	case *actor.Started, *actor.Stopping, *actor.Restarting:
	case *actor.Stopped:
		close(a.ended)
	default:
		a.handle(msg)
	}
}

func (a *routerActor) handle(msg any) {
	if a.broken {
		return
	}
	defer func() {
		if v := recover(); v != nil {
			a.broken = true
			a.failed(fmt.Errorf("host: router: panic: %v\n%s", v, debug.Stack()))
		}
	}()
	a.receive(msg)
}
