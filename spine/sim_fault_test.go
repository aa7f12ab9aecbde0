package spine

import "time"

func (s *sim) reviveLane() {
	i := s.rnd.IntN(len(s.downs))
	l := s.downs[i]
	s.downs = append(s.downs[:i], s.downs[i+1:]...)
	s.step(func(now time.Time) { s.c.laneReady(now, l) })
}

// passTime lets time pass to the next thing that waits for it, or a little.
func (s *sim) passTime() {
	now := time.Now()
	next := now.Add(time.Duration(s.rnd.IntN(int(2 * time.Second))))
	if due, ok := s.mem.nextDue(); ok && due.After(now) && due.Before(next.Add(20*time.Second)) {
		next = due
	}
	if !s.wake.IsZero() && s.wake.Before(next) {
		next = s.wake
	}
	if d := next.Sub(now); d > 0 {
		time.Sleep(d)
	}
	if !s.wake.IsZero() && !time.Now().Before(s.wake) {
		s.wake = time.Time{}
		s.step(s.c.tick)
	}
}

func (s *sim) togglePause() {
	s.cover["pause"]++
	o := s.c.organs[s.rnd.IntN(len(s.c.organs))]
	s.step(func(now time.Time) { s.c.pause(now, o, !o.paused) })
}

func (s *sim) resumeAll() {
	for _, o := range s.c.organs {
		if o.paused {
			s.step(func(now time.Time) { s.c.pause(now, o, false) })
		}
	}
}

func (s *sim) tripBreaker() {
	s.cover["breaker"]++
	o := s.c.organs[s.rnd.IntN(len(s.c.organs))]
	s.step(func(now time.Time) { s.c.budgetSpent(now, o) })
}

// crash drops everything but the store, and starts again.
func (s *sim) crash() {
	s.cover["crash"]++
	s.open()
}

// drain ends the run in good order: afterwards nothing is in flight.
func (s *sim) drain() {
	s.cover["drain"]++
	s.step(s.c.drain)
	for range 10_000 {
		if s.ended {
			break
		}
		switch {
		case len(s.running) > 0 && s.rnd.IntN(3) == 0:
			s.finishBatch(false)
		case len(s.chunks) > 0:
			s.executeChunk(false)
		case len(s.answers) > 0:
			s.deliverAnswer()
		case s.pull != nil && !s.pull.done && s.pull.over && s.rnd.IntN(2) == 0:
			s.pull.ds, s.pull.done = nil, true
		case s.pull != nil && !s.pull.done:
			s.executePull()
		case s.pull != nil:
			s.deliverPull()
		case len(s.running) > 0:
			s.finishBatch(false)
		}
		if s.t.Failed() {
			return
		}
	}
	b, _ := s.mem.Backlog(s.t.Context())
	if !s.ended || b.InFlight > 0 || s.c.ledger.inHand() > 0 {
		s.fail("drained: ended %v, backlog %+v, in hand %d", s.ended, b, s.c.ledger.inHand())
	}
}
