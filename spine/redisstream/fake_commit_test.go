package redisstream

import (
	"fmt"
	"strings"
)

// commitWords reads the sections of a commit one after the other.
type commitWords struct {
	keys, args []string
	at         int
}

// commitFixed is how many keys of a commit have their place.
const commitFixed = 3

// Keys behind those that vary, counted from the last: a commit that has no more than finished entries and events has none.
const (
	commitBell = 1 + iota
	commitLetters
	commitSuspects
	commitProgress
)

func (w *commitWords) behind(n int) string { return w.keys[len(w.keys)-n] }

func (w *commitWords) next() string {
	w.at++
	return w.args[w.at-1]
}

// section is the words of one section, in rows.
func (w *commitWords) section(width int) [][]string {
	rows := make([][]string, atoi(w.next()))
	for i := range rows {
		rows[i] = w.args[w.at : w.at+width]
		w.at += width
	}
	return rows
}

// column is a section of single words.
func (w *commitWords) column() []string {
	words := w.args[w.at+1 : w.at+1+atoi(w.args[w.at])]
	w.at += 1 + len(words)
	return words
}

func (w *commitWords) key(number string) string { return w.keys[commitFixed-1+atoi(number)] }

// commitCell is what a commit does to one cell.
type commitCell struct {
	key, base string
	drop      bool
	words     []string
}

func (w *commitWords) readCells() []commitCell {
	cells := make([]commitCell, atoi(w.next()))
	for i := range cells {
		cells[i] = commitCell{key: w.key(w.next()), base: w.next(), drop: w.next() == "1"}
		cells[i].words = w.column()
	}
	return cells
}

// fakeCommit is a commit, read.
type fakeCommit struct {
	*commitWords
	finished, types, forgotten, away, survived []string
	events, progress, delayed, letters, scores [][]string
	cells                                      []commitCell
	more                                       bool
}

func readCommit(keys, args []string) *fakeCommit {
	c := &fakeCommit{commitWords: &commitWords{keys: keys, args: args, at: 7}}
	c.finished, c.events = c.column(), c.section(3)
	if c.more = c.at < len(args); !c.more {
		return c
	}
	c.types, c.cells, c.forgotten = c.column(), c.readCells(), c.column()
	c.progress, c.delayed = c.section(2), c.section(4)
	for range atoi(c.next()) {
		c.letters = append(c.letters, c.column())
	}
	c.away, c.survived, c.scores = c.column(), c.column(), c.section(3)
	return c
}

// odd returns the first key a commit writes to that has not the type for it.
func (c *fakeCommit) odd(s *fakeStore) string {
	if c.more {
		for _, x := range []struct {
			key, typ string
			uses     int
		}{
			{c.behind(commitProgress), "hash", len(c.forgotten) + len(c.progress)}, {c.behind(commitSuspects), "hash", len(c.survived)},
			{c.behind(commitLetters), "stream", len(c.letters)}, {c.behind(commitBell), "stream", len(c.delayed)},
		} {
			if x.uses > 0 && !s.fits(x.key, x.typ) {
				return x.key
			}
		}
	}
	for _, row := range c.events {
		if !s.fits(c.key(row[0]), "stream") {
			return c.key(row[0])
		}
	}
	if len(c.finished)+len(c.events)+len(c.delayed) > 0 && !s.fits(c.keys[2], "hash") {
		return c.keys[2]
	}
	return ""
}

func (s *fakeStore) commit(keys, args []string) any {
	own := keys[0]
	if s.fenced(own, args[0]) {
		return fakeList("FENCED")
	}
	if !s.flaws.noSequence {
		if s.hget(own, "c") == args[1] {
			return fakeList("OK")
		}
		if fakeInt(s.hget(own, "c")) != fakeInt(args[1])-1 {
			return fakeList("REACQUIRE")
		}
	}
	if fakeInt(s.hget(own, "p")) < fakeInt(args[2]) && !s.flaws.noPmin {
		return fakeList("REACQUIRE")
	}
	pulls := args[5] != ""
	if pulls && (fakeInt(s.hget(own, "p")) != fakeInt(args[5])-1 || s.hget(own, "h") != args[6] && !s.flaws.unnamedHand) {
		return fakeList("REACQUIRE")
	}
	if !s.fits(keys[1], "stream") {
		return fakeList("CORRUPT", keys[1])
	}
	c := readCommit(keys, args)
	for i, want := range c.types {
		if want != "" && !s.fits(keys[commitFixed+i], want) {
			return fakeList("CORRUPT", keys[commitFixed+i])
		}
	}
	for _, x := range c.cells {
		if !s.fits(x.key, "hash") {
			return fakeList("CORRUPT", x.key)
		}
		if orZero(s.hget(x.key, "n")) != x.base && !s.flaws.looseCells {
			return fakeList("REACQUIRE", x.key)
		}
	}
	if odd := c.odd(s); odd != "" {
		return fakeList("CORRUPT", odd)
	}
	s.writeCells(c.cells)
	s.writeEntries(c)
	s.writeAppended(c)
	s.writeDeferred(c)
	if args[4] != "" {
		s.trimInput(keys[1], args[3], args[4])
	}
	s.hset(own, "c", args[1])
	if !pulls {
		return fakeList("OK")
	}
	s.hset(own, "p", args[5], "h", "")
	return fakeList("OK", args[5])
}

func (s *fakeStore) writeCells(cells []commitCell) {
	for _, c := range cells {
		// A state that was written in place by the last change stands alone.
		if n := s.hget(c.key, "n"); c.drop && s.has(c.key, "n") && s.hget(c.key, "zs") != n {
			s.dropCell(c.key, fakeInt(n))
		}
		s.hset(c.key, c.words...)
	}
}

// dropCell drops what there is of a cell after n changes.
func (s *fakeStore) dropCell(key string, n int64) {
	s.dropRecords(key, max(fakeInt(s.hget(key, "i")), 1), n)
	s.dropPieces(key, s.hget(key, "s"), s.hget(key, "sp"))
	s.dropPieces(key, s.hget(key, "p"), s.hget(key, "pp"))
	s.hdel(key, "s", "sp", "sm", "p", "pp", "pm", "zs", "z")
	s.hset(key, "i", fmt.Sprint(n+1))
}

func (s *fakeStore) writeEntries(c *fakeCommit) {
	if n := len(c.finished); n > 0 {
		finished := c.finished
		if s.flaws.ackElsewhere {
			finished = finished[1:]
		}
		s.xack(c.keys[1], c.args[3], finished...)
		s.hincrby(c.keys[2], "a:"+c.args[3], int64(n))
	}
	if len(c.forgotten) > 0 && !s.flaws.leftProgress {
		s.hdel(c.behind(commitProgress), c.forgotten...)
	}
	for _, row := range c.progress {
		s.hset(c.behind(commitProgress), row...)
	}
}

func (s *fakeStore) writeAppended(c *fakeCommit) {
	for _, row := range c.events {
		s.xaddText(c.key(row[0]), row[1], row[2])
	}
	for _, row := range c.delayed {
		s.delay(c.key(row[0]), c.key(row[1]), row[2], row[3])
	}
	if n := len(c.delayed); n > 0 {
		s.ring(c.behind(commitBell), formatScore(int64(n)))
	}
	if n := len(c.events) + len(c.delayed); n > 0 {
		s.hincrby(c.keys[2], "in", int64(n))
	}
	for _, words := range c.letters {
		s.xadd(c.behind(commitLetters), words...)
	}
}

func (s *fakeStore) writeDeferred(c *fakeCommit) {
	if len(c.away) > 0 && !s.flaws.deferredInHand {
		s.xclaim(c.keys[1], c.args[3], "d", c.away...)
	}
	if len(c.survived) > 0 {
		s.hdel(c.behind(commitSuspects), c.survived...)
	}
	for _, row := range c.scores {
		key := c.key(row[0])
		if s.flaws.lostLine && strings.Contains(key, "}:due:") {
			continue
		}
		s.zadd(key, row[1], row[2])
	}
}

// trimInput drops what no service needs.
func (s *fakeStore) trimInput(key, service, oldest string) {
	x := s.stream(key)
	if x == nil {
		panic(fakeError("ERR no such key"))
	}
	var low *streamID
	lower := func(id streamID) {
		if low == nil || id.before(*low) {
			low = &id
		}
	}
	if oldest != "+" {
		lower(fakeID(oldest))
	}
	for _, name := range x.names() {
		g := x.groups[name]
		switch {
		case s.flaws.trimService && name != service:
		case s.flaws.trimDelivered:
			lower(g.last)
		case s.flaws.trimOwn:
			lower(g.markOf(owner))
		default:
			lower(g.mark())
		}
	}
	if low == nil {
		panic(fakeError("ERR there is no group"))
	}
	x.trimBefore(*low)
}

// markOf is a mark that does not look at what others have than this consumer.
func (g *fakeGroup) markOf(consumer string) streamID {
	for _, p := range g.pending {
		if p.consumer == consumer {
			return p.id
		}
	}
	return g.last
}
