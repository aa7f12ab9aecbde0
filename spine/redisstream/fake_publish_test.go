package redisstream

import (
	"cmp"
	"fmt"
	"strings"
)

func (s *fakeStore) submit(keys, args []string) any {
	if odd := s.oddSubmit(keys, args); odd != "" {
		panic(fakeError("CORRUPT " + odd))
	}
	if s.hget(keys[6], "store") != args[len(args)-1] {
		panic(fakeError("LOST " + keys[6]))
	}
	number, answer, before := strings.Cut(s.hget(keys[5], args[0]), " ")
	switch {
	case !before || s.flaws.twiceSubmitted:
	case number == args[1]:
		return answer
	case fakeInt(number) > fakeInt(args[1]):
		return ""
	}
	room := s.room(keys[0], atoi(args[2]))
	answer = ""
	added, delayed := 0, 0
	for at := 6; at < len(args)-1; at += 5 {
		id, ids, due, field, entry := args[at], atoi(args[at+1]), args[at+2], args[at+3], args[at+4]
		if id != "" && s.published(keys[ids-1:ids+2], id) {
			answer += "d"
			continue
		}
		if added >= room {
			break
		}
		answer += "a"
		added++
		if id != "" {
			s.remember(keys[ids-1:ids+3], id, args[3])
		}
		if due == "" {
			s.xaddText(keys[1], field, entry)
			continue
		}
		delayed++
		s.delay(keys[2], keys[3], due, field+" "+entry)
	}
	if added > 0 {
		s.hincrby(keys[0], "in", int64(added))
	}
	if delayed > 0 {
		s.ring(keys[4], fmt.Sprint(delayed))
	}
	if s.hset(keys[5], args[0], args[1]+" "+answer) == 1 || args[4] != "" {
		s.pexpire(keys[5], cmp.Or(args[4], args[3]))
	}
	return answer
}

// oddSubmit returns the first key of a submission that has not the type for it, in the order in which the script looks.
func (s *fakeStore) oddSubmit(keys, args []string) string {
	late := false
	for at := 8; at < len(args)-1; at += 5 {
		late = late || args[at] != ""
	}
	uses := []struct {
		key int
		typ string
	}{{6, "hash"}, {5, "hash"}, {0, "hash"}}
	for i := 7; i < len(keys); i++ {
		uses = append(uses, struct {
			key int
			typ string
		}{i, "hash"})
	}
	for i, typ := range []string{"stream", "zset", "hash", "stream"} {
		if late || i == 0 {
			uses = append(uses, struct {
				key int
				typ string
			}{1 + i, typ})
		}
	}
	for _, x := range uses {
		if !s.fits(keys[x.key], x.typ) {
			return keys[x.key]
		}
	}
	return ""
}

// room is how many events more there is room for; a limit below 0 is none.
func (s *fakeStore) room(load string, limit int) int {
	if limit < 0 {
		return fakeAll
	}
	least := int64(-1)
	for field, value := range fakeAs[fakeHash](s, load) {
		if n := fakeInt(value); field != "in" && (least < 0 || n < least) {
			least = n
		}
	}
	return limit - int(fakeInt(s.hget(load, "in"))-max(least, 0))
}

func (s *fakeStore) published(buckets []string, id string) bool {
	for _, key := range buckets {
		if s.has(key, id) && !s.flaws.twicePublished {
			return true
		}
	}
	return false
}

// remember notes an id in the first of four buckets, and with the first of its ids drops the last.
func (s *fakeStore) remember(buckets []string, id, lifetime string) {
	if s.hset(buckets[0], id, "1") == 1 && len(fakeAs[fakeHash](s, buckets[0])) == 1 {
		s.remove(buckets[3])
	}
	s.pexpire(buckets[0], lifetime)
}

// delay adds an event that is not due yet.
func (s *fakeStore) delay(dl, dlp, due, entry string) {
	number := fmt.Sprintf("%016d", s.hincrby(dlp, "#", 1))
	s.zadd(dl, due, number)
	s.hset(dlp, number, entry)
}

func (s *fakeStore) promote(keys, args []string) any {
	numbers := s.sorted(keys[1], fakeLeast, parseScore(args[0]), atoi(args[1]))
	for _, number := range numbers {
		if field, value, ok := strings.Cut(s.hget(keys[2], number), " "); ok {
			s.xaddText(keys[0], field, value)
		}
		s.zrem(keys[1], number)
		s.hdel(keys[2], number)
	}
	return fakeList(int64(len(numbers)), orEmpty(s.first(keys[1], fakeLeast)))
}

func (s *fakeStore) removeLetters(keys, args []string) any {
	number, answer, before := strings.Cut(s.hget(keys[2], "letters"), " ")
	switch {
	case before && number == args[0]:
		return answer
	case before && fakeInt(number) > fakeInt(args[0]):
		return ""
	}
	for i, key := range keys {
		want := "stream"
		if i == 1 || i == 2 {
			want = "hash"
		}
		if !s.fits(key, want) {
			panic(fakeError("CORRUPT " + key))
		}
	}
	answer = ""
	added := int64(0)
	for at := 3; at < len(args); {
		id, events := args[at], args[at+2:at+2+3*atoi(args[at+1])]
		at += 2 + len(events)
		gone := s.xdel(keys[0], id)
		answer += fmt.Sprint(gone)
		for ; gone == 1 && len(events) > 0; events = events[3:] {
			s.xaddText(keys[2+atoi(events[0])], events[1], events[2])
			added++
		}
	}
	if added > 0 {
		s.hincrby(keys[1], "in", added)
	}
	s.hset(keys[2], "letters", args[0]+" "+answer)
	s.pexpire(keys[2], args[1])
	return answer
}
