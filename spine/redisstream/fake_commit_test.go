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
const commitFixed = 7

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

func (w *commitWords) cells() []commitCell {
	cells := make([]commitCell, atoi(w.next()))
	for i := range cells {
		cells[i] = commitCell{key: w.key(w.next()), base: w.next(), drop: w.next() == "1"}
		cells[i].words = w.column()
	}
	return cells
}

// oddKey returns the first key the rest of a commit writes to that has not the type for it.
func (s *fakeStore) oddKey(w commitWords) string {
	finished, forgotten, progress, events, delayed := w.column(), w.column(), w.section(2), w.section(3), w.section(4)
	letters := atoi(w.next())
	for range letters {
		w.column()
	}
	w.column()
	survived := w.column()
	for _, x := range []struct {
		key  int
		typ  string
		uses int
	}{{1, "stream", 1}, {2, "hash", len(forgotten) + len(progress)}, {3, "hash", len(survived)}, {5, "stream", letters}, {6, "stream", len(delayed)}} {
		if x.uses > 0 && !s.fits(w.keys[x.key], x.typ) {
			return w.keys[x.key]
		}
	}
	for _, row := range events {
		if !s.fits(w.key(row[0]), "stream") {
			return w.key(row[0])
		}
	}
	if len(finished)+len(events)+len(delayed) > 0 && !s.fits(w.keys[4], "hash") {
		return w.keys[4]
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
	w := &commitWords{keys: keys, args: args, at: 7}
	for i, want := range w.column() {
		if want != "" && !s.fits(keys[commitFixed+i], want) {
			return fakeList("CORRUPT", keys[commitFixed+i])
		}
	}
	cells := w.cells()
	for _, c := range cells {
		if !s.fits(c.key, "hash") {
			return fakeList("CORRUPT", c.key)
		}
		if orZero(s.hget(c.key, "n")) != c.base && !s.flaws.looseCells {
			return fakeList("REACQUIRE", c.key)
		}
	}
	if odd := s.oddKey(*w); odd != "" {
		return fakeList("CORRUPT", odd)
	}
	s.writeCells(cells)
	s.writeEntries(w)
	s.writeAppended(w)
	s.writeDeferred(w)
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

func (s *fakeStore) writeEntries(w *commitWords) {
	finished := w.column()
	if n := len(finished); n > 0 {
		if s.flaws.ackElsewhere {
			finished = finished[1:]
		}
		s.xack(w.keys[1], w.args[3], finished...)
		s.hincrby(w.keys[4], "a:"+w.args[3], int64(n))
	}
	if forgotten := w.column(); len(forgotten) > 0 && !s.flaws.leftProgress {
		s.hdel(w.keys[2], forgotten...)
	}
	for _, row := range w.section(2) {
		s.hset(w.keys[2], row...)
	}
}

func (s *fakeStore) writeAppended(w *commitWords) {
	events := w.section(3)
	for _, row := range events {
		s.xaddText(w.key(row[0]), row[1], row[2])
	}
	delayed := w.section(4)
	for _, row := range delayed {
		s.delay(w.key(row[0]), w.key(row[1]), row[2], row[3])
	}
	if n := len(delayed); n > 0 {
		s.ring(w.keys[6], formatScore(int64(n)))
	}
	if n := len(events) + len(delayed); n > 0 {
		s.hincrby(w.keys[4], "in", int64(n))
	}
	for range atoi(w.next()) {
		s.xadd(w.keys[5], w.column()...)
	}
}

func (s *fakeStore) writeDeferred(w *commitWords) {
	if away := w.column(); len(away) > 0 && !s.flaws.deferredInHand {
		s.xclaim(w.keys[1], w.args[3], "d", away...)
	}
	if survived := w.column(); len(survived) > 0 {
		s.hdel(w.keys[3], survived...)
	}
	for _, row := range w.section(3) {
		key := w.key(row[0])
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
