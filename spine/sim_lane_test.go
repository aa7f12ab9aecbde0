package spine

import (
	"encoding/binary"
	"fmt"
	"time"

	"github.com/necrostack/necrostack/actors"
	"github.com/necrostack/necrostack/actors/host"
	"github.com/necrostack/necrostack/persistence"
	"github.com/necrostack/necrostack/supervision"
)

// nature is how an event fares with an organ, always the same: how often it fails first, and
// how.
func (s *sim) nature(organ string, ev actors.Event) (fails int, kind actors.Kind) {
	id := ev.ID()
	h := binary.BigEndian.Uint64(id[8:]) ^ uint64(organ[1])*0x9E3779B97F4A7C15
	h ^= h >> 29
	h *= 0xBF58476D1CE4E5B9
	h ^= h >> 32
	switch h % 16 {
	case 0, 1:
		return int(h >> 8 % 4), actors.KindError
	case 2:
		return int(h >> 8 % 3), actors.KindPanic
	case 3:
		return 1 + int(h>>8%2), actors.KindTimeout
	case 4:
		return 1 << 20, actors.KindPermanent
	case 5:
		return 1 << 20, actors.KindError
	default:
		return 0, 0
	}
}

// finishBatch gives a running batch back, as the host would.
func (s *sim) finishBatch(faults bool) {
	i := s.rnd.IntN(len(s.running))
	r := s.running[i]
	if r.lane.organ == s.slow {
		return
	}
	s.running = append(s.running[:i], s.running[i+1:]...)
	b, l := r.batch, r.lane
	b.Started, b.Ended = time.Now(), time.Now()
	p := &s.plan[l.organ.index]
	failed := map[string]bool{}
	stopAt := len(b.Items)
	if faults && p.keyed && s.rnd.IntN(20) == 0 {
		s.cover["problem"]++
		b.Problem, stopAt = errSim, 0
	}
	if s.c.stop.draining {
		stopAt = s.rnd.IntN(len(b.Items) + 1)
	}
	for k := range b.Items {
		it := &b.Items[k]
		key := it.Event.Key()
		switch {
		case b.Down || k >= stopAt:
			b.Outcomes = append(b.Outcomes, host.Outcome{Code: host.Undone})
		case p.ordered && failed[key]:
			s.cover["held"]++
			b.Outcomes = append(b.Outcomes, host.Outcome{Code: host.Held})
		case s.c.stop.draining && s.rnd.IntN(5) == 0:
			s.cover["interrupted"]++
			failed[key] = true
			s.forgetCell(p, l, key)
			b.Outcomes = append(b.Outcomes, host.Outcome{Code: host.Interrupted})
		default:
			out := s.handle(p, l, it, b)
			failed[key] = failed[key] || out.Code == host.Failed
			b.Outcomes = append(b.Outcomes, out)
		}
	}
	if b.Down {
		s.downs = append(s.downs, l)
	}
	s.step(func(now time.Time) { s.c.finished(now, l, b) })
}

func (s *sim) handle(p *simOrgan, l *lane, it *host.Item, b *host.Batch) host.Outcome {
	ev := it.Event
	if it.Failed != nil {
		return host.Outcome{Emitted: s.emit(p, ev, simMark{p.name, ev.ID(), "failed"})}
	}
	fails, kind := s.nature(p.name, ev)
	if most := mostAttempts(*p, kind); int(it.Attempt) > most {
		s.fail("organ %s tries event %s %s for the time %d, the policy allows %d", p.name, ev.Type(), ev.ID(), it.Attempt, most)
	}
	if int(it.Attempt) <= fails {
		return s.failing(p, l, it, b, kind)
	}
	out := []actors.Payload{simMark{p.name, ev.ID(), "done"}}
	id := ev.ID()
	// An event has less than one child in the mean, or a seed would never end.
	switch t := int(ev.Type()[1] - '0'); {
	case t < simTypes-1 && id[0]%4 == 0:
		out = append(out, s.child(t+1, ev))
	case t == simTypes-1 && id[0]%8 == 1:
		out = append(out, s.child(t, ev)) // a cycle, which the hop limit ends
	}
	o := host.Outcome{Emitted: s.emit(p, ev, out...)}
	if p.keyed {
		o.Change = s.change(p, l, ev)
	}
	return o
}

// child is an emission that depends on its parent alone.
func (s *sim) child(t int, parent actors.Event) actors.Payload {
	id := parent.ID()
	p := actors.With(simEvent{T: simType(t), N: int(id[1])}, actors.Key(fmt.Sprintf("k%d", id[2]%5)))
	if id[3]%4 == 0 {
		s.cover["delayed"]++
		return actors.After(time.Duration(1+int(id[4]))*10*time.Millisecond, p)
	}
	return p
}

func (s *sim) emit(p *simOrgan, parent actors.Event, ps ...actors.Payload) []actors.Event {
	evs := make([]actors.Event, len(ps))
	for i, x := range ps {
		ev, err := p.stamper.Emission(parent, i, x, time.Now())
		if err != nil {
			s.fail("emission: %v", err)
			return nil
		}
		evs[i] = ev
	}
	return evs
}

func (s *sim) failing(p *simOrgan, l *lane, it *host.Item, b *host.Batch, kind actors.Kind) host.Outcome {
	if kind == actors.KindPanic || kind == actors.KindTimeout {
		s.cover[kind.String()]++
		b.Down = true
	}
	s.watch.tried(it.Ref)
	s.forgetCell(p, l, it.Event.Key())
	if kind == actors.KindTimeout {
		delete(s.cells, fmt.Sprint(p.name, l.index))
	}
	now := time.Now()
	return host.Outcome{Code: host.Failed, Failure: &actors.Failure{
		Organ: p.name, Kind: kind, Err: errSim, Attempt: int(it.Attempt), First: now, Last: now,
	}}
}

// mostAttempts is how many failures of a kind the table of package supervision allows.
func mostAttempts(p simOrgan, kind actors.Kind) int {
	most := p.policy.Retry.Attempts
	switch {
	case kind.Permanent(), p.keyed && kind == actors.KindError:
		return 1
	case p.keyed && kind == actors.KindPanic:
		most = min(most, 2)
	}
	if p.policy.Exhausted == supervision.Nack {
		most = max(most, p.policy.MaxDeliveries)
	}
	return most
}

// change is what a step does to its cell, computed on what the lane believes.
func (s *sim) change(p *simOrgan, l *lane, ev actors.Event) *persistence.Change {
	home := fmt.Sprint(p.name, l.index)
	if s.cells[home] == nil {
		s.cells[home] = map[string]uint64{}
	}
	seq, known := s.cells[home][ev.Key()]
	if !known {
		h, err := s.mem.Load(s.t.Context(), []persistence.Cell{{Organ: p.name, Key: ev.Key()}}, nil)
		if err != nil {
			s.fail("load: %v", err)
			return nil
		}
		seq = h[0].Last
	}
	s.cells[home][ev.Key()] = seq + 1
	return &persistence.Change{Base: seq, Version: 1, At: time.Now()}
}

func (s *sim) forgetCell(p *simOrgan, l *lane, key string) {
	delete(s.cells[fmt.Sprint(p.name, l.index)], key)
}
