package redisstream

import (
	"slices"
	"strconv"
	"time"

	"github.com/necrostack/necrostack/actors"
	"github.com/necrostack/necrostack/spine"
)

// Bounds of one commit: a script holds up all others while it runs.
const (
	pieceSettlements = 256
	pieceBytes       = 512 << 10
	trimEvery        = 256 // settled entries between two trims of a stream
)

// piece is what one commit does, collected section by section; commit.lua names them.
type piece struct {
	b        *Backend
	shard    *shard
	token    string
	number   uint64
	pmin     uint64
	settled  int
	bytes    int
	answers  []*spine.Answer
	noted    []*entry // whose progress is written
	progress []any
	sealed   bool
	targets  []*shard // that it appends to
	staged   []staged // held until the store knows
	deferred []*entry

	keys      []string
	types     []any
	keyIndex  map[string]int
	cells     []*cellOp
	cellIndex map[string]*cellOp
	finished  []any
	forgotten []any
	events    []any
	late      []any
	letters   []any
	nletters  int
	away      []any
	survived  []any
	scores    []any
}

type staged struct {
	organ int32
	entry *entry
}

func newPiece(b *Backend, s *shard) *piece {
	return &piece{b: b, shard: s, token: s.token}
}

func (p *piece) full() bool { return p.settled >= pieceSettlements || p.bytes >= pieceBytes }

// key returns the number of a key among those that vary.
func (p *piece) key(key, typ string) int {
	if i, ok := p.keyIndex[key]; ok {
		return i
	}
	p.keys = append(p.keys, key)
	p.types = append(p.types, typ)
	if p.keyIndex == nil {
		p.keyIndex = map[string]int{}
	}
	p.keyIndex[key] = len(p.keys)
	return len(p.keys)
}

// fixedKeys of a commit have their place; those that vary come after them, and behind these those that few commits need.
const fixedKeys = 3

// stream returns the number of a shard's stream. That of the piece's own shard has its place.
func (p *piece) stream(s *shard) int {
	if !slices.Contains(p.targets, s) {
		p.targets = append(p.targets, s)
	}
	if s == p.shard {
		return 2 - fixedKeys
	}
	return p.key(s.in, "")
}

// settle stages one settlement, and what it means for the entry.
func (p *piece) settle(x *spine.Settlement, e *entry, w *work) error {
	if err := p.encode(x, e); err != nil {
		return err
	}
	p.settled++
	p.pmin = max(p.pmin, e.pull)
	p.lived(e, w.organ)
	p.shard.inFlight--
	if x.Kind == spine.Retry || x.Kind == spine.Defer {
		p.later(e, w, x.Later)
	} else {
		p.b.finishWork(e, w)
	}
	switch {
	case e.open == 0:
		p.finish(e)
	case e.deferrable():
		p.deferEntry(e)
	default:
		p.note(e)
		p.shard.park(e)
	}
	return nil
}

// encode stages emissions, letter and change. It stages nothing when one of them cannot be written.
func (p *piece) encode(x *spine.Settlement, e *entry) error {
	now := p.b.settings.now()
	var letter []string
	if x.Letter != nil {
		l := *x.Letter
		l.Service, l.Event = p.b.service.Name, e.event
		var err error
		if letter, err = encodeLetter(l, p.b.settings.original); err != nil {
			return err
		}
	}
	mark, late, bytes := len(p.events), len(p.late), p.bytes
	undo := func() { p.events, p.late, p.bytes = p.events[:mark], p.late[:late], bytes }
	emitted := x.Emitted
	if p.shard.muted(e.id) {
		emitted = nil
	}
	for i := range emitted {
		if err := p.emit(emitted[i], now); err != nil {
			undo()
			return err
		}
	}
	if x.Change != nil {
		if err := p.change(x, e); err != nil {
			undo()
			return err
		}
	}
	p.letter(letter)
	return nil
}

func (p *piece) letter(words []string) {
	if words == nil {
		return
	}
	p.letters = append(p.letters, len(words))
	for _, word := range words {
		p.letters = append(p.letters, word)
		p.bytes += len(word)
	}
	p.nletters++
}

// emit stages an event for the shard of its key; one without a key stays in its parent's.
func (p *piece) emit(ev actors.Event, now time.Time) error {
	field, value, err := encodeEntry(ev, p.b.settings.original)
	if err != nil {
		return err
	}
	p.bytes += len(value)
	target := p.shard
	if ev.HasKey() {
		target = p.b.shards[ev.Shard(len(p.b.shards))]
	}
	if due := ev.Due(); due.After(now) {
		p.late = append(p.late, p.key(target.shardKeys.delayed, "zset"), p.key(target.delayedEntries, "hash"),
			formatScore(due.UnixMicro()), field+" "+value)
		return nil
	}
	p.events = append(p.events, p.stream(target), field, value)
	return nil
}

// later stages work that comes again.
func (p *piece) later(e *entry, w *work, l *spine.Later) {
	w.attempts, w.first, w.waits = int32(l.Attempts), l.First.UnixMicro(), l.Waits
	w.due = l.Due.UnixMicro()
	if l.Waits || l.Due.IsZero() {
		w.due = p.b.micro()
	}
	ordered := p.b.routes.ordered[w.organ]
	w.wait = waitStore
	p.shard.lines[w.organ].add(e, w, ordered)
	p.staged = append(p.staged, staged{w.organ, e})
}

// finish stages the end of an entry.
func (p *piece) finish(e *entry) {
	id := e.id.String()
	p.finished = append(p.finished, id)
	if e.noted {
		p.forgotten = append(p.forgotten, id)
	}
	p.leave(e)
}

// leave takes e out of the hand.
func (p *piece) leave(e *entry) {
	e.gone = true
	p.shard.unpark(e)
	delete(p.shard.entries, e.number)
	if e.marked {
		p.survived = append(p.survived, e.id.String())
		for i := range e.works {
			p.lived(e, e.works[i].organ) // a copy of its count may have come late
		}
	}
}

// note stages that the progress of e is written.
func (p *piece) note(e *entry) {
	e.noted = true
	if !e.dirty {
		e.dirty = true
		p.noted = append(p.noted, e)
	}
}

// deferEntry stages that e waits in the store alone. It leaves the hand now, not when the store has answered: it may be handed
// out again before that.
func (p *piece) deferEntry(e *entry) {
	id := e.id.String()
	p.note(e)
	p.away = append(p.away, id)
	for i := range e.works {
		w := &e.works[i]
		if w.state != workHeld {
			continue
		}
		score := w.due
		d := &p.shard.due[w.organ]
		d.count++
		d.version++
		if w.waits {
			score -= waitScore
			d.waits++
		} else if d.first == 0 || w.due < d.first {
			d.first = w.due
		}
		p.scores = append(p.scores, p.key(p.shard.serviceKeys.due[w.organ], "zset"), formatScore(score), id)
		p.shard.lines[w.organ].drop(w)
	}
	p.deferred = append(p.deferred, e)
	p.b.deferred.add(e.number)
	p.leave(e)
}

// odd stages an entry that no organ has a say about.
func (p *piece) odd(o *oddEntry) {
	p.settled++
	p.pmin = max(p.pmin, o.pull)
	p.finished = append(p.finished, o.id.String())
	p.forgotten = append(p.forgotten, o.id.String())
	p.survived = append(p.survived, o.id.String())
	p.letter(o.letter)
	if o.target == nil {
		return
	}
	// It goes as it is. An event has one field, in the original's form it may have a second.
	value := o.raw[1]
	if len(o.raw) > 2 {
		value += "\n" + o.raw[3]
	}
	p.events = append(p.events, p.stream(o.target), o.raw[0], value)
	p.bytes += len(value)
}

// seal ends the collecting. What it writes of an entry's progress is how far it has come with this piece, and not with the next one:
// between the two the process may die.
func (p *piece) seal() {
	if p.sealed {
		return
	}
	p.sealed = true
	for _, e := range p.noted {
		e.dirty = false
		if e.open > 0 {
			p.progress = append(p.progress, e.id.String(), p.b.encodeProgress(e))
		}
	}
}

// call makes the commit. Its number is given now: of a shard, one is on its way at a time.
func (p *piece) call() *call {
	p.number = p.shard.commit + 1
	b, s := p.b, p.shard
	c := &call{script: commitScript, keys: append([]string{s.own, s.in, b.keys.load()}, p.keys...)}
	size := 16 + len(p.finished) + len(p.events)
	more := p.hasMore()
	if more {
		size += 16 + len(p.types) + len(p.late) + len(p.letters) + len(p.progress) + len(p.scores) + 16*len(p.cells)
	}
	args := make([]any, 0, size)
	args = append(args, p.token, formatNumber(p.number), formatNumber(p.pmin), b.service.Name, p.trim(), "", "") // see join
	args = section(args, p.finished, 1)
	c.args = section(args, p.events, 3)
	if more {
		c.keys = append(c.keys, s.progress, s.suspects, b.keys.letters(b.service.Name), b.keys.bell())
		c.args = p.more(c.args)
	}
	return c
}

// hasMore reports whether a commit does more than most do: to finish entries, and to append events.
func (p *piece) hasMore() bool {
	return len(p.cells)+len(p.forgotten)+len(p.progress)+len(p.late)+p.nletters+len(p.away)+len(p.survived)+len(p.scores) > 0
}

// more appends the sections that most commits have nothing in.
func (p *piece) more(args []any) []any {
	args = section(args, p.types, 1)
	args = append(args, len(p.cells))
	for _, x := range p.cells {
		args = x.append(args)
	}
	args = section(args, p.forgotten, 1)
	args = section(args, p.progress, 2)
	args = section(args, p.late, 4)
	args = append(append(args, p.nletters), p.letters...)
	args = section(args, p.away, 1)
	args = section(args, p.survived, 1)
	return section(args, p.scores, 3)
}

func section(args, words []any, width int) []any {
	return append(append(args, len(words)/width), words...)
}

// trim says up to where the stream may be trimmed, apart from what services still need; an empty word for not now. It counts what
// this piece finishes and not what the pieces behind it will: that is still pending when this one trims.
func (p *piece) trim() string {
	b, s := p.b, p.shard
	s.settled += len(p.finished)
	if s.settled < trimEvery || b.settings.retain == RetainForever {
		return ""
	}
	s.settled = 0
	if b.settings.retain == 0 {
		return "+"
	}
	return strconv.FormatInt(max(time.Now().Add(-b.settings.retain).UnixMilli(), 0), 10) + "-0"
}

// applied follows up on what the store has taken.
func (p *piece) applied(g *stage, handouts uint64) {
	for _, a := range p.answers {
		a.Handouts = handouts
	}
	for _, x := range p.staged {
		if !x.entry.gone {
			p.shard.lines[x.organ].answered(x.entry)
		}
	}
	for _, e := range p.deferred {
		for i := range e.works {
			if w := &e.works[i]; w.state == workHeld {
				p.shard.due[w.organ].stored()
			}
		}
	}
	for _, s := range p.targets {
		g.stirred(s)
	}
	for i := 0; i < len(p.late); i += 4 {
		p.lateTarget(p.late[i].(int), p.late[i+2].(string))
	}
}

// stirred notes that a commit has appended to s.
func (g *stage) stirred(s *shard) {
	s.stir()
	if r := s.request; r != nil && r.behind == g {
		r.news++ // it comes after this commit
	}
	g.b.stirred = time.Now()
}

func (p *piece) lateTarget(key int, due string) {
	at := parseScore(due)
	for _, s := range p.b.shards {
		if s.shardKeys.delayed == p.keys[key-1] && s.nextLate >= 0 && (s.nextLate == 0 || at < s.nextLate) {
			s.nextLate = at
			return
		}
	}
}
