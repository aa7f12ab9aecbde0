package redisstream

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/necrostack/necrostack/actors"
	"github.com/necrostack/necrostack/spine"
)

// pullRequest is a pull with its number. It is repeated as it is until it has an answer: the first may have been
// executed.
type pullRequest struct {
	number   uint64
	guard    call
	organs   []int // of the due keys
	versions []int // of what is known of them
	lastSeen string
	count    int
	news     int // what was known to be new when it was sent
}

// rawEntry is an entry as it was read.
type rawEntry struct {
	id     streamID
	values []string // nil: it was trimmed
	pull   uint64
}

const (
	// window is how many entries one pull brings of a shard: more gains nothing, and holds up the server.
	window = 256
	// leastPull is how many entries of a shard are asked for where several have some.
	leastPull = 64
	// typicalSize is what an entry is thought to have before any was seen, in bytes.
	typicalSize = 512
)

// fetch brings from the server what there is.
func (b *Backend) fetch(w spine.Want) error {
	ctx, cancel := context.WithTimeout(context.Background(), b.settings.link.read)
	defer cancel()
	if err := b.pulls.enter(ctx); err != nil {
		return err
	}
	defer b.pulls.leave()
	if err := b.promote(ctx); err != nil {
		return err
	}
	if err := b.refill(ctx); err != nil {
		return err
	}
	if err := b.prove(ctx); err != nil {
		return err
	}
	if err := b.pullAll(ctx, w); err != nil {
		return err
	}
	return b.prove(ctx)
}

// promote moves delayed events that are due into their streams.
func (b *Backend) promote(ctx context.Context) error {
	now := b.micro()
	var shards []*shard
	var calls []*call
	b.mu.Lock()
	for _, s := range b.shards {
		if s.owned() && s.nextLate != 0 && s.nextLate <= now {
			shards = append(shards, s)
			calls = append(calls, &call{
				script: promoteScript, keys: []string{s.in, s.shardKeys.delayed, s.delayedEntries}, args: []any{formatScore(now), window},
			})
			s.nextLate = 0 // what is added meanwhile is noticed
		}
	}
	b.mu.Unlock()
	if len(calls) == 0 {
		return nil
	}
	err := b.once(ctx, calls...)
	b.mu.Lock()
	defer b.mu.Unlock()
	for i, s := range shards {
		if err != nil || calls[i].err != nil {
			s.nextLate = -1
			continue
		}
		next := parseScore(text(calls[i].part(1)))
		if next > 0 && (s.nextLate == 0 || next < s.nextLate) {
			s.nextLate = next
		}
		if number(calls[i].part(0)) > 0 {
			s.stir()
		}
	}
	return b.broken(calls, err)
}

// broken reports an answer that only somebody else's hand in our keys explains. The lock must be held.
func (b *Backend) broken(calls []*call, err error) error {
	for _, c := range calls {
		if c.err != nil && classOf(c.err) == classAnswered && !isNoScript(c.err) {
			return b.fail(fmt.Errorf("%w: script %s: %w", spine.ErrStoreLost, c.script.name, c.err))
		}
	}
	return err
}

// pullAll sends the pulls of all shards that may have something, in one go.
func (b *Backend) pullAll(ctx context.Context, w spine.Want) error {
	shards, requests, cold := b.plan(w)
	if len(requests) == 0 {
		return nil
	}
	var calls []*call
	for i, r := range requests {
		in := shards[i].in
		r.guard.reply, r.guard.err = nil, nil
		calls = append(calls, &r.guard,
			plain("XREADGROUP", "GROUP", b.service.Name, owner, "COUNT", r.count, "STREAMS", in, r.lastSeen),
			plain("XREADGROUP", "GROUP", b.service.Name, owner, "COUNT", r.count, "STREAMS", in, ">"))
	}
	var peek *call
	if len(cold) > 0 {
		peek = plain(peekArgs(cold)...)
		calls = append(calls, peek)
	}
	b.server.do(ctx, true, calls)
	for _, c := range calls {
		switch {
		case c.err == nil:
		case isNoScript(c.err):
			return b.loadScripts(ctx) // and the pulls are repeated
		case classOf(c.err) != classAnswered:
			return c.err
		}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if peek != nil {
		b.peeked(cold, peek)
	}
	for i, r := range requests {
		s := shards[i]
		if s.request != r {
			continue // the shard was lost meanwhile
		}
		for _, c := range calls[3*i : 3*i+3] {
			if c.err != nil {
				return b.pullRefused(s, c.err)
			}
		}
		b.pulled(s, r, streamOf(calls[3*i+1].reply), streamOf(calls[3*i+2].reply))
	}
	return b.usable()
}

// owner and deferredTo are the two consumers of a group: the owner's work, and what is deferred.
const (
	owner      = "o"
	deferredTo = "d"
)

func (b *Backend) pullRefused(s *shard, err error) error {
	if strings.HasPrefix(err.Error(), "NOGROUP") {
		return b.fail(fmt.Errorf("%w: shard %d: %w", spine.ErrStoreLost, s.index, err))
	}
	return b.fail(fmt.Errorf("%w: shard %d cannot be pulled: %w", spine.ErrStoreLost, s.index, err))
}

// plan decides which shards to pull, and how much of each.
func (b *Backend) plan(w spine.Want) (shards []*shard, requests []*pullRequest, cold []*shard) {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := b.micro()
	b.planTurn++
	for i := range b.shards {
		s := b.shards[(b.planTurn+i)%len(b.shards)]
		switch {
		case !s.owned():
		case s.full() && s.request == nil && !s.checkDue():
		case s.wants(w, now):
			shards = append(shards, s)
		default:
			cold = append(cold, s)
		}
	}
	// Few shards at a time, and much of each: what a pull costs, and the commit that follows, hardly grows with it.
	if most := max(w.Events/leastPull, 1); len(shards) > most {
		shards = shards[:most]
	}
	rooms := make([]int, len(b.service.Organs))
	for i := range rooms {
		rooms[i] = roomOf(w, i)
	}
	for _, s := range shards {
		if s.request == nil {
			n := min(max(w.Events/len(shards), 1), window, max(w.Bytes/typicalSize/len(shards), 1))
			s.request = b.newRequest(s, n, rooms, now)
		}
		s.request.news = s.news
		requests = append(requests, s.request)
	}
	return shards, requests, cold
}

func (b *Backend) newRequest(s *shard, n int, rooms []int, now int64) *pullRequest {
	if s.full() {
		n = 1 // it is asked only whether the store has gone back
	}
	r := &pullRequest{number: s.pull + 1, lastSeen: s.lastSeen.String(), count: n}
	r.guard = call{
		script: guardScript, keys: []string{s.own, s.in, s.progress},
		args: []any{s.token, formatNumber(r.number), formatNumber(s.commit), s.handed, b.service.Name, formatScore(now)},
	}
	// What is deferred is handed out when the takeover is read: before, it could come twice.
	if !s.drained || !s.anyRipe(rooms, now) {
		return r
	}
	for i := range s.due {
		d := &s.due[i]
		if d.count == 0 && !d.stale {
			continue
		}
		room := 0
		if d.ripe(now) {
			room = rooms[i]
		}
		rooms[i] -= min(room, int(d.count))
		r.organs, r.versions = append(r.organs, i), append(r.versions, d.version)
		r.guard.keys = append(r.guard.keys, s.serviceKeys.due[i])
		r.guard.args = append(r.guard.args, room)
	}
	return r
}

func (s *shard) anyRipe(rooms []int, now int64) bool {
	for i := range s.due {
		if rooms[i] > 0 && s.due[i].ripe(now) {
			return true
		}
	}
	return false
}

// pulled takes the answer to a pull. The lock must be held.
func (b *Backend) pulled(s *shard, r *pullRequest, old, fresh []rawEntry) {
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
	s.checkAt = time.Now().Add(b.beatTime()).UnixNano()
	for _, e := range list(r.guard.part(2)) {
		b.handedOut(s, list(e), r.number)
	}
	s.noteDue(list(r.guard.part(3)), r.organs, r.versions)
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
			script: progressScript, keys: []string{s.own, s.progress, s.suspects},
			args: []any{s.token, formatNumber(s.commit), s.inheritance()},
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
		inherited, marked := calls[i].args[2].(int), list(calls[i].part(2))
		for k, progress := range list(calls[i].part(1)) {
			e := b.enter(s, &raw[k], text(progress), false)
			if before := text(marked[k]) != ""; e != nil && (before || k < inherited) {
				e.marked, e.suspect = true, before && k < inherited
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

// streamOf reads the reply of XREADGROUP for one stream.
func streamOf(reply any) []rawEntry {
	streams := list(reply)
	if len(streams) == 0 {
		return nil
	}
	stream := list(streams[0])
	if len(stream) < 2 {
		return nil
	}
	return entriesOf(list(stream[1]))
}

func entriesOf(entries []any) []rawEntry {
	raw := make([]rawEntry, 0, len(entries))
	for _, x := range entries {
		entry := list(x)
		if len(entry) < 2 {
			continue
		}
		id, err := parseID(text(entry[0]))
		if err != nil {
			continue
		}
		raw = append(raw, rawEntry{id: id, values: stringsOf(list(entry[1]))})
	}
	return raw
}

// stringsOf is nil for an entry that was trimmed.
func stringsOf(values []any) []string {
	if len(values) == 0 {
		return nil
	}
	s := make([]string, len(values))
	for i, v := range values {
		s[i] = text(v)
	}
	return s
}

// HashShard is the shard of an event with this key.
func (b *Backend) shardOf(key string) *shard {
	return b.shards[actors.HashKey(key)%uint64(len(b.shards))]
}
