package redisstream

import (
	"context"
	"slices"
	"strings"
)

// movedEntry is an entry of a stream with what the services have to do with it.
type movedEntry struct {
	id        streamID
	values    []string // nil: it is not in the stream any more, though a service has it in hand
	standings []standing
}

// standing is how far a service is with an entry.
type standing struct {
	pending  bool
	deferred bool
	progress string
	crashes  [][2]string // what follows on the entry's id, and how often
	due      [][2]string // organ, score
}

// source reads an old shard's stream, page by page.
type source struct {
	m     *mover
	shard int
	page  int
	read  string // id up to which it was
	ended bool
	next  []movedEntry
}

// sourcePage bounds what is held of all streams together.
func sourcePage(shards int) int { return min(max(4096/shards, 8), 256) }

// fill reads the next page if there is nothing left of the last one.
func (x *source) fill(ctx context.Context) error {
	for len(x.next) == 0 && !x.ended {
		key := x.m.shards[x.shard].in
		c := plain("XRANGE", key, x.from(), "+", "COUNT", x.page)
		if err := x.m.read(ctx, c); err != nil {
			return err
		}
		raw := entriesOf(list(c.reply))
		upTo := "+"
		if x.ended = len(raw) < x.page; !x.ended {
			upTo = raw[len(raw)-1].id.String()
		}
		for _, e := range raw {
			x.next = append(x.next, movedEntry{id: e.id, values: e.values, standings: make([]standing, len(x.m.services))})
		}
		if err := x.stand(ctx, upTo); err != nil {
			return err
		}
		x.read = upTo
	}
	return nil
}

func (x *source) from() string {
	if x.read == "" {
		return "-"
	}
	return "(" + x.read
}

// stand finds out how far the services are with the entries of the page.
func (x *source) stand(ctx context.Context, upTo string) error {
	var asked []*pendingPage
	for i, s := range x.m.services {
		p := &pendingPage{service: s, index: i}
		if err := x.pending(ctx, p, upTo); err != nil {
			return err
		}
		if len(p.ids) > 0 {
			asked = append(asked, p)
		}
	}
	var calls []*call
	for _, p := range asked {
		calls = append(calls, p.questions(x.shard)...)
	}
	if err := x.m.read(ctx, calls...); err != nil {
		return err
	}
	for _, p := range asked {
		for _, id := range p.ids {
			x.place(id)
		}
	}
	for _, p := range asked {
		for i, id := range p.ids {
			p.answer(i, &x.place(id).standings[p.index])
		}
	}
	return nil
}

// place returns the entry with an id. One that is not in the stream becomes one without values.
func (x *source) place(id streamID) *movedEntry {
	i, found := slices.BinarySearchFunc(x.next, id, func(e movedEntry, id streamID) int { return compareIDs(e.id, id) })
	if !found {
		x.next = slices.Insert(x.next, i, movedEntry{id: id, standings: make([]standing, len(x.m.services))})
	}
	return &x.next[i]
}

// pendingPage is what a service has been handed out of a page.
type pendingPage struct {
	service   *movedService
	index     int
	ids       []streamID
	deferred  []bool
	progress  *call
	suspects  *call
	scores    []*call // by organ
	suspected []string
}

const pendingAtOnce = 1000

func (x *source) pending(ctx context.Context, p *pendingPage, upTo string) error {
	from := x.from()
	for {
		c := plain("XPENDING", x.m.shards[x.shard].in, p.service.name, from, upTo, pendingAtOnce)
		if err := x.m.read(ctx, c); err != nil {
			return err
		}
		told := list(c.reply)
		for _, y := range told {
			one := list(y)
			if len(one) < 2 {
				continue
			}
			id, err := parseID(text(one[0]))
			if err != nil {
				return err
			}
			p.ids, p.deferred = append(p.ids, id), append(p.deferred, text(one[1]) == deferredTo)
			from = "(" + id.String()
		}
		if len(told) < pendingAtOnce {
			return nil
		}
	}
}

// questions asks for progress, crashes, and when what is deferred is due.
func (p *pendingPage) questions(shard int) []*call {
	keys := p.service.old[shard]
	progress, suspects := []any{"HMGET", keys.progress}, []any{"HMGET", keys.suspects}
	p.suspected = []string{""}
	for _, organ := range p.service.organs {
		p.suspected = append(p.suspected, "|"+organ)
	}
	var ids []any
	for _, id := range p.ids {
		ids = append(ids, id.String())
		for _, what := range p.suspected {
			suspects = append(suspects, id.String()+what)
		}
	}
	p.progress, p.suspects = plain(append(progress, ids...)...), plain(suspects...)
	calls := []*call{p.progress, p.suspects}
	if !slices.Contains(p.deferred, true) {
		return calls
	}
	for i := range p.service.organs {
		p.scores = append(p.scores, plain(append([]any{"ZMSCORE", keys.due[i]}, ids...)...))
	}
	return append(calls, p.scores...)
}

// answer notes what was told of the i-th. What is deferred and waits for nothing that anybody could find comes again at once.
func (p *pendingPage) answer(i int, s *standing) {
	s.pending = true
	s.progress = text(p.progress.part(i))
	for k, what := range p.suspected {
		if n := text(p.suspects.part(i*len(p.suspected) + k)); n != "" {
			s.crashes = append(s.crashes, [2]string{what, n})
		}
	}
	if !p.deferred[i] {
		return
	}
	for k, organ := range p.service.organs {
		if k < len(p.scores) && text(p.scores[k].part(i)) != "" {
			s.due = append(s.due, [2]string{organ, text(p.scores[k].part(i))})
		}
	}
	s.deferred = len(s.due) > 0
}

// entryWords are the names and values of an entry as the scripts keep it for later: its field, a blank, and what that has. In the
// original's form a second field follows behind a newline.
func entryWords(kept string) []string {
	field, value, _ := strings.Cut(kept, " ")
	if field == fieldOriginal {
		if value, beside, ok := strings.Cut(value, "\n"); ok {
			return []string{field, value, fieldBeside, beside}
		}
	}
	return []string{field, value}
}
