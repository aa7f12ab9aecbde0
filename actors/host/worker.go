package host

import (
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/necrostack/necrostack/actors"
	"github.com/necrostack/necrostack/supervision"
)

// worker is the actor of a lane. What it does with a batch is its craft's business; the
// worker itself keeps the protocol with supervisor, watch and owner.
type worker struct {
	lane    *Lane
	organ   *Organ
	mailbox *mailbox
	turn    *turn
	craft   craft
	broken  error // why the craft could not start: nothing can be handled
	gone    bool  // replaced: what this actor still does concerns nobody
	held    []string
}

// craft is how requests are handled: by reactions, or by cells. A panic in run or answer, and
// the end of the goroutine, are the worker's to deal with.
type craft interface {
	// start and stop are called on no handler's time: they return, whatever they call.
	start() error
	stop()
	// run handles the items it can. An error says that a panic has made the rest unsafe.
	run(b *Batch) error
	// crashed is told that run or receive was left by a panic.
	crashed()
	// receive handles every other request, and returns what to do when that has gone well.
	receive(r request) (then func())
}

// Receive implements actor.Actor. Nothing in the lifecycle messages may panic: a panic in
// Stopping would resurrect the actor, one in Stopped would hang its parent.
func (w *worker) Receive(ctx actor.Context) {
	switch ctx.Message().(type) {
	case *actor.Started:
		w.broken = w.craft.start()
	case *actor.Restarting, *actor.Stopping:
		w.craft.stop()
	case *actor.Stopped:
		w.stopped()
	case revived:
		w.revived()
	}
}

// stopped ends the lane, unless it goes on with another actor. As it has its first one in itself, that lets go of everything.
func (w *worker) stopped() {
	if w.turn.state() != turnAbandoned {
		w.lane.close()
	}
	w.craft = nil
	if w.lane.turn.Load() != w.turn { // else the supervisor has yet to deliver the batch
		w.turn.batch, w.turn.question = nil, nil
	}
}

// revived says that the lane is ready, if it is.
func (w *worker) revived() {
	if w.broken != nil {
		w.escalate(w.broken)
		return
	}
	w.organ.config.Notify(Notice{Kind: LaneReady, Organ: w.organ, Lane: w.lane})
}

func (w *worker) next() {
	if w.turn.state() == turnAbandoned {
		return // the lane has another actor, or will have
	}
	switch r := w.lane.take().(type) {
	case nil:
	case *Batch:
		w.run(r)
	default:
		w.receive(r)
	}
}

func (w *worker) run(b *Batch) {
	b.begin(clock())
	w.turn.batch, w.turn.question = b, nil
	w.held = w.held[:0]
	returned := false
	defer func() {
		if !returned {
			w.crashed(b, supervision.NewPanicError(recover()))
		}
	}()
	err := w.broken
	if err == nil {
		err = w.craft.run(b)
	} else {
		b.Problem = err
	}
	returned = true
	if w.gone {
		w.comeBack()
		return
	}
	w.handBack(b, err)
}

// crashed is called when a panic has left run, or when its goroutine ends (runtime.Goexit).
func (w *worker) crashed(b *Batch, err error) {
	w.craft.crashed()
	inHandler := w.turn.state() != turnIdle
	switch {
	case w.gone, inHandler && !w.finish():
		w.comeBack()
		return
	case inHandler && w.turn.group > 0:
		for range w.turn.group {
			w.fail(b, &b.Items[len(b.Outcomes)], err, nil)
		}
	default:
		b.Problem = err
	}
	w.handBack(b, err)
}

// comeBack ends what an abandoned handler has left behind.
func (w *worker) comeBack() {
	w.organ.system.abandoned.Add(-1)
	w.organ.config.Notify(Notice{Kind: HandlerReturned, Organ: w.organ, Lane: w.lane})
}

// handBack completes b and gives it to the owner; after a panic the supervisor is next. In
// this order: the owner must not hear that the lane is ready before it hears that it is down.
func (w *worker) handBack(b *Batch, err error) {
	b.rest(Undone)
	took := time.Since(b.Started)
	b.Ended = b.Started.Add(took)
	w.mailbox.took(took)
	b.Down = err != nil
	w.turn.batch = nil
	if err != nil {
		defer w.escalate(err) // also when the owner ends the goroutine, as a failing test does
	}
	w.organ.deliver(b)
}

func (w *worker) escalate(err error) { w.mailbox.invoker.EscalateFailure(err, nil) }

// receive handles a request that is no batch.
func (w *worker) receive(r request) {
	w.turn.batch = nil
	w.turn.question, _ = r.(*question)
	returned := false
	defer func() {
		if returned {
			return
		}
		err := supervision.NewPanicError(recover())
		w.craft.crashed()
		if w.turn.state() != turnIdle && !w.finish() {
			w.comeBack()
			return
		}
		r.refuse(w.lane, err)
	}()
	then := w.craft.receive(r)
	returned = true
	if w.gone {
		w.comeBack()
		return
	}
	then()
}

// begin says that the next group items are in their handler now.
func (w *worker) begin(group int) {
	w.turn.start(group)
	// After the word, not before: the watch looks once more after disarming.
	w.organ.system.watch.arm()
}

// finish claims the result of what was begun. false: the lane has been replaced.
func (w *worker) finish() bool {
	w.gone = !w.turn.finish()
	return !w.gone
}

// hold makes the batch's later items of ev's key wait: their turn comes after ev's.
func (w *worker) hold(ev actors.Event) {
	if ev.HasKey() {
		w.held = append(w.held, ev.Key())
	}
}

func (w *worker) holds(ev actors.Event) bool {
	if len(w.held) == 0 || !ev.HasKey() {
		return false
	}
	for _, k := range w.held {
		if k == ev.Key() {
			return true
		}
	}
	return false
}
