package redisstream

import (
	"context"
	"time"
)

// pullAnswered takes the answer to a pull. The lock must be held.
func (b *Backend) pullAnswered(s *shard, r *pullRequest, old, fresh []rawEntry) {
	switch r.guard.word() {
	case "OK":
	case "FENCED":
		b.settings.log.Warn("another node has taken a shard", "shard", s.index, "service", b.service.Name)
		b.lose(s, false)
		return
	default:
		b.settings.log.Warn("the store has gone back behind what it had answered; the shard is taken over anew",
			"shard", s.index, "service", b.service.Name)
		b.lose(s, false)
		return
	}
	s.request, s.pull, s.handed = nil, r.number, text(r.guard.part(1))
	s.checkAt, s.promoted = time.Now().Add(b.beatTime()).UnixNano(), false
	for _, e := range list(r.guard.part(2)) {
		b.handedOut(s, list(e), r.number)
	}
	s.noteDue(list(r.guard.part(3)), r.organs, r.versions)
	if number(r.guard.part(4)) == 1 {
		// A repeat may have delivered what the pull of this number did not. A store that goes back between the two takes
		// that away, and neither number shows it. All of it comes again with the next pull.
		s.hot = true
		return
	}
	if len(old)+len(fresh) > 0 {
		b.pulled++
	}
	taken := old
	full := len(old) == r.count
	s.hot = full || s.news > r.news
	if !full {
		s.hot = s.hot || len(fresh) == r.count
		taken = append(taken, fresh...)
		if !s.drained {
			s.drained = true
			if s.lastSeen.before(s.floor) {
				s.lastSeen = s.floor
			}
		}
	}
	for i := range taken {
		taken[i].pull = r.number
		if s.lastSeen.before(taken[i].id) {
			s.lastSeen = taken[i].id
		}
	}
	if len(old) > 0 || len(s.unproven) > 0 {
		s.unproven = append(s.unproven, taken...)
		return
	}
	for i := range taken {
		b.enter(s, &taken[i], "", false)
	}
}

// handedOut takes an entry that was deferred: id, fields, progress. The lock must be held.
func (b *Backend) handedOut(s *shard, handed []any, pull uint64) {
	id, err := parseID(text(handed[0]))
	if err != nil {
		return
	}
	raw := rawEntry{id: id, values: stringsOf(list(handed[1])), pull: pull}
	b.enter(s, &raw, text(handed[2]), true)
}

// prove asks how far entries have come that somebody had in hand before.
func (b *Backend) prove(ctx context.Context) error {
	var shards []*shard
	var calls []*call
	b.mu.Lock()
	for _, s := range b.shards {
		if !s.owned() || len(s.unproven) == 0 {
			continue
		}
		c := &call{
			script: progressScript, keys: []string{s.own, s.progress, s.suspects, s.in},
			args: []any{s.token, formatNumber(s.commit), b.service.Name, s.inheritance()},
		}
		for i := range s.unproven {
			c.args = append(c.args, s.unproven[i].id.String())
		}
		shards, calls = append(shards, s), append(calls, c)
	}
	b.mu.Unlock()
	if len(calls) == 0 {
		return nil
	}
	err := b.once(ctx, calls...)
	b.mu.Lock()
	defer b.mu.Unlock()
	for i, s := range shards {
		if s.token != calls[i].args[0].(string) || calls[i].reply == nil {
			continue
		}
		if calls[i].word() != "OK" {
			b.lose(s, false)
			continue
		}
		raw := s.unproven
		s.unproven = nil
		inherited, marked := calls[i].args[3].(int), list(calls[i].part(2))
		for k, progress := range list(calls[i].part(1)) {
			e := b.enter(s, &raw[k], text(progress), false)
			if before := parseNumber(text(marked[k])); e != nil && (before > 0 || k < inherited) {
				e.marked, e.suspect = true, before >= deathsUnnoticed && k < inherited
			}
		}
		s.sortAgain()
		for _, e := range s.again {
			b.holdBack(s, e) // what is held of a key must not go before what is ready of it
		}
	}
	return b.broken(calls, err)
}

// inheritance is how many of the unproven entries an owner that has died had in hand.
func (s *shard) inheritance() int {
	n := 0
	for s.crashed && n < len(s.unproven) && !s.floor.before(s.unproven[n].id) {
		n++
	}
	return n
}

// enter takes an entry in hand, and returns it if an organ has something to do for it. deferred says that it comes from the store's line. The lock must be held.
func (b *Backend) enter(s *shard, raw *rawEntry, progress string, deferred bool) *entry {
	if raw.values == nil {
		b.odd(s, raw, encodeBadLetter(b.service.Name, missingReason, "the entry was removed from the stream before it was handled", b.settings.now(), nil))
		return nil
	}
	ev, err := decodeEntry(raw.values)
	if err != nil {
		b.odd(s, raw, encodeBadLetter(b.service.Name, malformedReason, err.Error(), b.settings.now(), raw.values))
		return nil
	}
	if right := ev.Shard(len(b.shards)); ev.HasKey() && right != int(s.index) {
		s.odd = append(s.odd, oddEntry{id: raw.id, pull: raw.pull, target: b.shards[right], raw: raw.values})
		return nil
	}
	organs := b.routes.of(ev)
	if organs == nil {
		s.odd = append(s.odd, oddEntry{id: raw.id, pull: raw.pull})
		return nil
	}
	b.numbers++
	e := &entry{
		number: b.numbers, id: raw.id, event: ev, pull: raw.pull, key: ev.Key(), hasKey: ev.HasKey(), size: ev.Size(),
	}
	e.begin(organs)
	return b.restore(s, e, progress, deferred)
}

func (b *Backend) odd(s *shard, raw *rawEntry, letter []string) {
	s.odd = append(s.odd, oddEntry{id: raw.id, pull: raw.pull, letter: letter})
	b.settings.log.Error("an entry cannot be handled; it becomes a dead letter", "shard", s.index, "entry", raw.id.String())
}

// restore gives the works of e the progress that the store has of them.
func (b *Backend) restore(s *shard, e *entry, progress string, deferred bool) *entry {
	states := decodeProgress(progress)
	e.noted = progress != ""
	now := b.micro()
	for i := range e.works {
		w := &e.works[i]
		if w.organ >= 0 && b.routes.ordered[w.organ] && e.hasKey {
			e.ordered++
		}
		if w.organ < 0 {
			continue
		}
		p, known := states[b.service.Organs[w.organ].Name]
		switch {
		case !known:
		case p.Done:
			b.finishWork(e, w)
		default:
			w.attempts, w.first, w.due, w.waits = int32(p.Attempts), p.First, p.Due, p.Waits
			w.wait = w.real()
			// What is due after a takeover was in hand, as far as anybody can tell.
			if deferred || p.Waits || p.Due > now {
				s.lines[w.organ].add(e, w, b.routes.ordered[w.organ])
			}
		}
	}
	if e.open == 0 {
		s.odd = append(s.odd, oddEntry{id: e.id, pull: e.pull})
		return nil
	}
	s.entries[e.number] = e
	if e.ready() > 0 {
		s.list(e)
	}
	s.park(e)
	return e
}

// finishWork notes that an organ is finished with e.
func (b *Backend) finishWork(e *entry, w *work) {
	if w.state != workHeld {
		e.active--
	}
	w.state = workFinished
	e.open--
	if w.organ >= 0 && b.routes.ordered[w.organ] && e.hasKey {
		e.ordered--
	}
}
