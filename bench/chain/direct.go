package chain

import (
	"context"
	"log/slog"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/necrostack/necrostack/bench/load"
)

// direct is four actors of proto.actor, each of which sends straight to the next. Mailboxes are
// the default: unbounded.
type direct struct {
	window *load.Window
	system *actor.ActorSystem
	chain  []*actor.PID // last first
	at     uint64
}

func openDirect(w *load.Window) (load.Line, error) {
	quiet := actor.WithLoggerFactory(func(*actor.ActorSystem) *slog.Logger { return slog.New(slog.DiscardHandler) })
	d := &direct{window: w, system: actor.NewActorSystem(quiet)}
	d.spawn(func(c actor.Context) {
		if _, ok := c.Message().(load.D); ok {
			w.Done()
		}
	})
	d.spawn(sendOn[load.C](d.chain[0], toD))
	d.spawn(sendOn[load.B](d.chain[1], toC))
	d.spawn(sendOn[load.A](d.chain[2], toB))
	return d, nil
}

func (d *direct) spawn(receive actor.ReceiveFunc) {
	d.chain = append(d.chain, d.system.Root.Spawn(actor.PropsFromFunc(receive)))
}

func sendOn[P load.Carrier, Q any](to *actor.PID, next func(load.Body) Q) actor.ReceiveFunc {
	return func(c actor.Context) {
		if p, ok := c.Message().(P); ok {
			c.Send(to, next(p.Content().Next()))
		}
	}
}

// Feed implements load.Line.
func (d *direct) Feed(ctx context.Context, n int) error {
	first := d.chain[len(d.chain)-1]
	return d.window.Feed(ctx, n, func(n int) error {
		for range n {
			d.system.Root.Send(first, start(d.at))
			d.at++
		}
		return nil
	})
}

// Close implements load.Line.
func (d *direct) Close() error {
	for _, pid := range d.chain {
		_ = d.system.Root.StopFuture(pid).Wait() // Its only error is that the actor was slow to go.
	}
	d.system.Shutdown()
	return nil
}
