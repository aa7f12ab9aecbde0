package redisstream

import (
	"fmt"
	"strings"
)

// fakeScripts are the scripts by name. Like those they read first, and then write.
var fakeScripts map[string]func(s *fakeStore, keys, args []string) any

func init() {
	fakeScripts = map[string]func(s *fakeStore, keys, args []string) any{
		"create": (*fakeStore).create, "join": (*fakeStore).join, "look": (*fakeStore).look,
		"acquire": (*fakeStore).acquire, "undefer": (*fakeStore).undefer, "renew": (*fakeStore).renew, "release": (*fakeStore).release,
		"guard": (*fakeStore).guard, "progress": (*fakeStore).progress, "suspect": (*fakeStore).suspect,
		"commit": (*fakeStore).commit, "submit": (*fakeStore).submit, "promote": (*fakeStore).promote,
		"load": (*fakeStore).load, "snapshot": (*fakeStore).snapshot, "trimcell": (*fakeStore).trimCell, "expire": (*fakeStore).expireCells,
		"backlog": (*fakeStore).backlog, "remove": (*fakeStore).removeLetters,
		"beat": (*fakeStore).beat, "agree": (*fakeStore).agree, "strike": (*fakeStore).strike,
		"ask": (*fakeStore).ask, "answer": (*fakeStore).answer,
	}
}

func orZero(text string) string {
	if text == "" {
		return "0"
	}
	return text
}

// fenced reports whether token does not own the shard.
func (s *fakeStore) fenced(own, token string) bool {
	return (!s.has(own, "tok") || s.hget(own, "tok") != token) && !s.flaws.noFence
}

// behind reports whether the store has lost a commit that was answered.
func (s *fakeStore) behind(own, commit string) bool {
	return fakeInt(s.hget(own, "c")) < fakeInt(commit) && !s.flaws.noCmin
}

func (s *fakeStore) create(keys, args []string) any {
	if !s.has(keys[0], "layout") {
		s.hset(keys[0], "layout", args[0], "shards", args[1], "store", args[2])
		return fakeList(args[0], args[1], args[2])
	}
	return fakeList(s.hget(keys[0], "layout"), s.hget(keys[0], "shards"), s.hget(keys[0], "store"))
}

func (s *fakeStore) join(keys, args []string) any {
	shards := atoi(args[5])
	if !s.has(keys[0], "store") || s.hget(keys[0], "store") != args[0] {
		return fakeList("LOST")
	}
	if s.hget(keys[2], "organs") != args[4] {
		return fakeList("AGAIN")
	}
	var missing []string
	outstanding := 0
	for _, key := range keys[3 : 3+shards] {
		x := s.stream(key)
		if x != nil && args[2] != "$" {
			outstanding += len(x.entries)
		}
		if x == nil || x.groups[args[1]] == nil {
			missing = append(missing, key)
		}
	}
	for _, key := range keys[3+shards : 3+2*shards] {
		outstanding += len(fakeAs[fakeSet](s, key))
	}
	if len(missing) > 0 {
		if s.has(keys[2], "organs") || len(missing) < shards {
			return fakeList("LOST")
		}
		s.makeGroups(missing, args[1], args[2])
		s.hset(keys[1], "a:"+args[1], fmt.Sprint(fakeInt(s.hget(keys[1], "in"))-int64(outstanding)))
	}
	s.hset(keys[2], "organs", args[3])
	return fakeList("OK")
}

func (s *fakeStore) makeGroups(keys []string, group, start string) {
	for _, key := range keys {
		x := s.stream(key)
		if x == nil {
			x = &fakeStream{groups: map[string]*fakeGroup{}}
			s.keys[key] = x
		}
		x.groups[group] = &fakeGroup{}
		if start == "$" {
			x.groups[group].last = x.last
		}
	}
}

func (s *fakeStore) look(keys, _ []string) any {
	seen := fakeList(s.hget(keys[0], "store"))
	for _, key := range keys[1:] {
		seen = append(seen, fakeList(s.hget(key, "tok"), s.hget(key, "beat"), s.hget(key, "node"), s.hget(key, "organs")))
	}
	return seen
}

func (s *fakeStore) acquire(keys, args []string) any {
	own := keys[0]
	token, beat := s.hget(own, "tok"), s.hget(own, "beat")
	if token != "" && (token != args[3] || beat != args[4]) && !s.flaws.freeForAll {
		return fakeList("HELD", token, beat, s.hget(own, "node"))
	}
	if s.has(own, "clearing") && (len(args) < 6 || args[5] != "1") {
		return fakeList("CLEARING")
	}
	x := s.stream(keys[1])
	if x == nil || x.groups[args[0]] == nil {
		return fakeList("LOST")
	}
	due := s.lines(keys[2:])
	c, p, epoch := orZero(s.hget(own, "c")), orZero(s.hget(own, "p")), fmt.Sprint(fakeInt(s.hget(own, "epoch"))+1)
	s.hset(own, "tok", args[2], "beat", "1", "epoch", epoch, "node", args[1], "h", "", "c", c, "p", p)
	return fakeList("OK", c, p, x.groups[args[0]].last.String(), s.hget(own, "organs"), epoch, token, due, s.hget(own, "mute"))
}

// lines tells of each line of deferred work: how much, how much of it waits for no time, when the first of the others is due.
func (s *fakeStore) lines(keys []string) []any {
	due := []any{}
	for _, key := range keys {
		due = append(due, int64(len(fakeAs[fakeSet](s, key))), s.zcount(key, fakeLeast, -1), orEmpty(s.first(key, 0)))
	}
	return due
}

func (s *fakeStore) undefer(keys, args []string) any {
	if s.fenced(keys[0], args[0]) {
		return fakeList("FENCED")
	}
	for _, key := range keys[2:] {
		if ids := s.sorted(key, fakeLeast, fakeMost, atoi(args[2])); len(ids) > 0 {
			s.xclaim(keys[1], args[1], owner, ids...)
			s.zrem(key, ids...)
			return fakeList("MORE")
		}
	}
	s.hset(keys[0], "organs", args[3])
	return fakeList("OK")
}

func (s *fakeStore) renew(keys, args []string) any {
	if s.fenced(keys[0], args[0]) {
		return "FENCED"
	}
	s.hincrby(keys[0], "beat", 1)
	return "OK"
}

func (s *fakeStore) release(keys, args []string) any {
	if s.fenced(keys[0], args[0]) {
		return "FENCED"
	}
	s.hset(keys[0], "tok", "")
	return "OK"
}

func (s *fakeStore) guard(keys, args []string) any {
	own := keys[0]
	pull, last := fakeInt(args[1]), fakeInt(s.hget(own, "p"))
	if s.fenced(own, args[0]) {
		return fakeList("FENCED")
	}
	if s.behind(own, args[2]) {
		return fakeList("REACQUIRE")
	}
	h := s.hget(own, "h")
	switch {
	case last != pull:
		if last != pull-1 || h != args[3] && !s.flaws.unnamedHand {
			return fakeList("REACQUIRE")
		}
		h = s.handOut(keys, args)
		s.hset(own, "p", args[1], "h", h)
	case s.flaws.forgottenHand:
		h = ""
	}
	handed := []any{}
	for _, id := range strings.Fields(h) {
		values := fakeWords(s.entry(keys[1], id))
		handed = append(handed, fakeList(id, values, s.hget(keys[2], id)))
	}
	repeat := int64(0)
	if last == pull && !s.flaws.hiddenRepeat {
		repeat = 1
	}
	answer := fakeList("OK", h, handed, s.lines(keys[3:]), repeat)
	if at := 3 + len(keys); at < len(args) {
		answer = append(answer, s.readBoth(keys[1], args[4], args[at], atoi(args[at+1])))
	}
	return answer
}

// readBoth reads in a guard what a pull reads behind it.
func (s *fakeStore) readBoth(key, group, after string, count int) any {
	reads := fakeList(s.readOld(key, group, owner, fakeID(after), count), s.readNew(key, group, owner, count))
	for i := range reads {
		if reads[i] == nil {
			reads[i] = []any{}
		}
	}
	return reads
}

// handOut brings what is due back to the owner's work.
func (s *fakeStore) handOut(keys, args []string) string {
	var ids []string
	taken := map[string]bool{}
	for i, key := range keys[3:] {
		room := atoi(args[6+i])
		if room == 0 {
			continue
		}
		for _, id := range s.sorted(key, fakeLeast, parseScore(args[5]), room) {
			if !taken[id] {
				taken[id] = true
				ids = append(ids, id)
			}
		}
	}
	if len(ids) > 0 && !s.flaws.lateHand {
		for _, key := range keys[3:] {
			s.zrem(key, ids...)
		}
	}
	if len(ids) > 0 {
		s.xclaim(keys[1], args[4], owner, ids...)
	}
	return strings.Join(ids, " ")
}

func (s *fakeStore) progress(keys, args []string) any {
	if s.fenced(keys[0], args[0]) {
		return fakeList("FENCED")
	}
	if s.behind(keys[0], args[1]) {
		return fakeList("REACQUIRE")
	}
	most := 0
	if s.hget(keys[0], "c") == args[1] {
		most = atoi(args[3])
	}
	progress, marked := []any{}, []any{}
	for i, id := range args[4:] {
		progress = append(progress, s.hget(keys[1], id))
		marked = append(marked, s.hget(keys[2], id))
		if i < most && s.owes(keys[3], args[2], id) {
			s.hincrby(keys[2], id, 1)
		}
	}
	return fakeList("OK", progress, marked)
}

func (s *fakeStore) suspect(keys, args []string) any {
	if s.fenced(keys[0], args[0]) {
		return fakeList("FENCED")
	}
	if s.hget(keys[0], "c") != args[1] || !s.owes(keys[2], args[2], args[3]) {
		return fakeList("REACQUIRE")
	}
	return fakeList("OK", s.hincrby(keys[1], args[3]+"|"+args[4], 1))
}

// owes reports whether an entry is the owner's to handle.
func (s *fakeStore) owes(key, group, id string) bool {
	g := s.group(key, group)
	i, found := g.at(fakeID(id))
	return found && g.pending[i].consumer == owner
}

func (s *fakeStore) backlog(keys, args []string) any {
	shards := atoi(args[1])
	var pending, delayed, waiting int64
	var next any = ""
	each, mine, due := []any{}, []any{}, []any{}
	for i := range shards {
		n := int64(len(s.group(keys[2+i], args[0]).pending))
		each, mine = append(each, n), append(mine, s.pendingOf(keys[2+i], args[0], owner))
		pending += n
		if len(s.stream(keys[2+i]).after(s.group(keys[2+i], args[0]).last, 1)) > 0 {
			waiting++
		}
		dl := keys[2+shards+i]
		if first := s.first(dl, fakeLeast); first != nil {
			delayed += int64(len(fakeAs[fakeSet](s, dl)))
			if next == "" || parseScore(text(first)) < parseScore(text(next)) {
				next = first
			}
		}
	}
	for _, key := range keys[2+2*shards:] {
		now := parseScore(args[2])
		due = append(due, s.zcount(key, fakeLeast, -1), s.zcount(key, 0, now), s.zcount(key, now+1, fakeMost))
	}
	unread := fakeInt(s.hget(keys[0], "in")) - fakeInt(s.hget(keys[0], "a:"+args[0])) - pending - delayed
	return fakeList(max(unread, waiting), delayed, next, s.command([]string{"XLEN", keys[1]}), due, each, mine)
}
