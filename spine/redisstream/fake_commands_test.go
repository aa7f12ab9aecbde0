package redisstream

import (
	"math"
	"strconv"
	"strings"
)

// command answers the plain commands that the backend sends, in the forms in which it sends them.
func (s *fakeStore) command(words []string) any {
	switch words[0] {
	case "SCRIPT":
		return s.scriptLoad(words[2])
	case "XREADGROUP":
		return s.xreadgroup(words)
	case "XREAD":
		return s.xread(words)
	case "XRANGE":
		return s.xrange(words[1], words[2], words[3], atoi(words[5]))
	case "XLEN":
		return s.xlen(words[1])
	case "XDEL":
		return s.xdel(words[1], words[2:]...)
	case "ZRANGEBYSCORE":
		low, high := fakeBound(words[2], false), fakeBound(words[3], true)
		return fakeWords(s.sorted(words[1], low, high, atoi(words[6])))
	case "HGET":
		if !s.has(words[1], words[2]) {
			return nil
		}
		return s.hget(words[1], words[2])
	case "SET":
		s.keys[words[1]] = words[2]
		return "OK"
	}
	panic(fakeError("ERR unknown command '" + words[0] + "'"))
}

func atoi(s string) int {
	n, _ := strconv.Atoi(s)
	return n
}

func (s *fakeStore) scriptLoad(source string) any {
	for _, x := range allScripts {
		if x.source == source {
			s.loaded[x.name] = true
			return x.sha
		}
	}
	panic(fakeError("ERR Error compiling script"))
}

// fakeBound reads an end of a range of scores. above is for an upper end, which an open one is below.
func fakeBound(text string, above bool) int64 {
	switch text {
	case "-inf":
		return fakeLeast
	case "+inf":
		return fakeMost
	}
	if open, ok := strings.CutPrefix(text, "("); ok {
		if above {
			return parseScore(open) - 1
		}
		return parseScore(open) + 1
	}
	return parseScore(text)
}

// xreadgroup is XREADGROUP GROUP g c COUNT n STREAMS keys ids.
func (s *fakeStore) xreadgroup(words []string) any {
	group, consumer, count, streams := words[2], words[3], atoi(words[5]), words[7:]
	n := len(streams) / 2
	for _, key := range streams[:n] {
		s.group(key, group)
	}
	var all []any
	for i, key := range streams[:n] {
		var one any
		if after := streams[n+i]; after == ">" {
			one = s.readNew(key, group, consumer, count)
		} else {
			one = s.readOld(key, group, consumer, fakeID(after), count)
		}
		all = append(all, list(one)...)
	}
	if all == nil {
		return nil
	}
	return all
}

// xread is XREAD COUNT n [BLOCK ms] STREAMS keys ids. It never waits; the simulation does.
func (s *fakeStore) xread(words []string) any {
	count := atoi(words[2])
	at := 4
	if words[3] == "BLOCK" {
		at = 6
	}
	streams := words[at:]
	n := len(streams) / 2
	var reply []any
	for i, key := range streams[:n] {
		x := s.stream(key)
		if x == nil || streams[n+i] == "$" {
			continue
		}
		var list []any
		for _, e := range x.after(fakeID(streams[n+i]), count) {
			list = append(list, fakeList(e.id.String(), fakeWords(e.values)))
		}
		if len(list) > 0 {
			reply = append(reply, fakeList(key, list))
		}
	}
	if reply == nil {
		return nil
	}
	return reply
}

func (s *fakeStore) xrange(key, from, to string, count int) any {
	list := []any{}
	x := s.stream(key)
	if x == nil {
		return list
	}
	low, high := fakeEnd(from), fakeEnd(to)
	for _, e := range x.entries {
		open := strings.HasPrefix(from, "(") && e.id == low
		if e.id.before(low) || high.before(e.id) || open || len(list) == count {
			continue
		}
		list = append(list, fakeList(e.id.String(), fakeWords(e.values)))
	}
	return list
}

func fakeEnd(text string) streamID {
	switch text {
	case "-":
		return streamID{}
	case "+":
		return streamID{math.MaxUint64, math.MaxUint64}
	}
	return fakeID(strings.TrimPrefix(text, "("))
}

func (s *fakeStore) xdel(key string, ids ...string) int64 {
	x := s.stream(key)
	if x == nil {
		return 0
	}
	n := int64(0)
	for _, id := range ids {
		if i, found := x.at(fakeID(id)); found {
			x.entries = append(append([]fakeEntry{}, x.entries[:i]...), x.entries[i+1:]...)
			n++
		}
	}
	return n
}
