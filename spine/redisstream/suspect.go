package redisstream

import (
	"context"
	"log/slog"

	"github.com/necrostack/necrostack/spine"
)

// An event that kills the process never fails: nobody is left to say so. An owner that takes a shard over from one that has
// died marks what that one had in hand, and works on as usual: a process may die for many reasons, and what it had in hand is
// nearly always innocent. What was in hand at three deaths in a row is suspect. It is handed out to one organ at a
// time, and one at a time on this node, each time counted in the store beforehand; only these times count against it
// (spine.Todo.Crashes), and they are forgotten when the organ has lived through it.

// deathsUnnoticed is how often an event may have been in hand of a process that died before it is suspect.
const deathsUnnoticed = 2

// armed is the suspect that is being handed out, or is in flight.
type armed struct {
	shard   *shard
	entry   *entry
	organ   int32
	crashes int
	out     bool
}

// suspectOf returns the first entry of the shard to be handed out, if it is suspect, and an organ for it.
func (s *shard) suspectOf() (*entry, int32) {
	for _, e := range s.again {
		if !e.suspect {
			return nil, 0
		}
		for i := range e.works {
			if w := &e.works[i]; w.state == workReady && w.organ >= 0 {
				return e, w.organ
			}
		}
		if e.ready() > 0 {
			return nil, 0 // nobody wants it: nobody can die of it
		}
	}
	return nil, 0
}

// nextSuspect is what is to be armed, if anything. The lock must be held.
func (b *Backend) nextSuspect() (s *shard, e *entry, organ int32) {
	if b.armed.entry != nil {
		return nil, nil, 0
	}
	for i := range b.shards {
		s := b.shards[(b.turn+i)%len(b.shards)]
		if !s.serves() {
			continue
		}
		if e, organ := s.suspectOf(); e != nil {
			return s, e, organ
		}
	}
	return nil, nil, 0
}

// arm counts the next suspect in the store, after which it may be handed out.
func (b *Backend) arm() error {
	ctx, cancel := context.WithTimeout(context.Background(), b.settings.link.read)
	defer cancel()
	if err := b.pulls.enter(ctx); err != nil { // a Pull that has ended may have left another behind
		return err
	}
	defer b.pulls.leave()
	if err := b.commits.enter(ctx); err != nil { // see suspect.lua
		return err
	}
	defer b.commits.leave()
	b.mu.Lock()
	s, e, organ := b.nextSuspect()
	if e == nil {
		b.mu.Unlock()
		return nil
	}
	c := &call{
		script: suspectScript, keys: []string{s.own, s.suspects, s.in},
		args: []any{s.token, formatNumber(s.commit), b.service.Name, e.id.String(), b.service.Organs[organ].Name},
	}
	b.mu.Unlock()
	if err := b.once(ctx, c); err != nil {
		return err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case s.token != c.args[0].(string) || e.gone || e.work(organ).state != workReady:
	case c.word() != "OK":
		b.lose(s, false)
	default:
		b.armed = armed{shard: s, entry: e, organ: organ, crashes: int(number(c.part(1)))}
		level := slog.LevelDebug
		if b.armed.crashes > 1 {
			level = slog.LevelWarn
		}
		b.settings.log.Log(context.Background(), level, "an event is handed out alone: again and again the process has died with it in hand",
			"shard", s.index, "event_id", e.event.ID().String(), "organ", b.service.Organs[organ].Name, "time", b.armed.crashes)
	}
	return nil
}

// collectSuspect hands out the armed suspect if e is that. The lock must be held.
func (b *Backend) collectSuspect(out *batch, s *shard, e *entry) {
	a := &b.armed
	w := e.work(a.organ)
	if a.entry != e || a.out || w.state != workReady {
		return
	}
	a.out = true
	b.handOut(out, s, e, a.organ)
	d := &out.out[len(out.out)-1]
	if d.Todo == nil {
		d.Todo = []spine.Todo{{Organ: int(a.organ), Attempts: int(w.attempts)}}
	}
	d.Todo[0].Crashes = a.crashes
}

// lived notes that an organ has come to an end with e, and the process with it. What is no suspect now, since the owner
// before has not died, may have been one.
func (p *piece) lived(e *entry, organ int32) {
	if !e.marked || organ < 0 {
		return
	}
	p.survived = append(p.survived, e.id.String()+"|"+p.b.service.Organs[organ].Name)
	if a := &p.b.armed; a.entry == e && a.organ == organ {
		*a = armed{}
	}
}
