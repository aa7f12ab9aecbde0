package host

// seat is all that an actor of a lane needs, in one piece of memory: of a thousand lanes that have something to do now and
// then, nothing is in the cache.
type seat struct {
	mailbox mailbox
	turn    turn
	worker  worker
	reactor reactor
	taken   bool // mailbox and turn are in use
	worked  bool // worker and reactor are, or have been
}

// seat is for a new actor: the lane's own for the first one, which as a rule remains the only one.
func (l *Lane) seat() *seat {
	s := &l.own
	if s.taken {
		s = &seat{}
	}
	s.taken = true
	s.mailbox.crew = &l.organ.system.crew
	return s
}

// newWorker makes the actor for one turn of the lane. It is called again after a restart: what the worker before has left
// behind must not meet it.
func (s *seat) newWorker(l *Lane) *worker {
	w, r := &s.worker, &s.reactor
	if s.worked {
		w, r = &worker{}, &reactor{}
	}
	s.worked = true
	*w = worker{lane: l, organ: l.organ, mailbox: &s.mailbox, turn: &s.turn}
	s.mailbox.worker = w
	if l.organ.keyed != nil {
		w.craft = newHome(w)
		return w
	}
	*r = reactor{worker: w, organ: l.organ, emitter: newEmitter(l.organ)}
	w.craft = r
	return w
}
