package redisstream

import (
	"maps"
	"slices"
)

// What nodes say of themselves, what they agree on, and their questions.

func (s *fakeStore) beat(keys, args []string) any {
	if args[0] != "" {
		if args[2] != "1" && !s.has(keys[0], args[0]) {
			return fakeList("STRUCK")
		}
		s.hset(keys[0], args[0], args[1])
	}
	return fakeList("OK", s.hgetall(keys[0]), s.hgetall(keys[1]))
}

// hgetall has the fields in order, which the server has in any.
func (s *fakeStore) hgetall(key string) []any {
	h := fakeAs[fakeHash](s, key)
	all := []any{}
	for _, field := range slices.Sorted(maps.Keys(h)) {
		all = append(all, field, h[field])
	}
	return all
}

func (s *fakeStore) agree(keys, args []string) any {
	if s.hget(keys[0], args[0]) != args[1] {
		return "CHANGED"
	}
	s.hset(keys[0], args[0], args[2])
	return "OK"
}

func (s *fakeStore) strike(keys, args []string) any {
	if !s.has(keys[0], args[0]) || s.hget(keys[0], args[0]) != args[1] {
		return "CHANGED"
	}
	s.hdel(keys[0], args[0])
	return "OK"
}

func (s *fakeStore) ask(keys, args []string) any {
	token := s.hget(keys[0], "tok")
	if token == "" || token != args[0] {
		return fakeList("OWNER", token)
	}
	if s.xlen(keys[1]) >= fakeInt(args[1]) {
		return fakeList("FULL")
	}
	s.xadd(keys[1], args[3:]...)
	s.pexpire(keys[1], args[2])
	return fakeList("OK")
}

func (s *fakeStore) answer(keys, args []string) any {
	status, kind, text := args[6], args[7], args[8]
	foreign := args[0] == "" || !s.has(keys[0], "tok") || s.hget(keys[0], "tok") != args[0]
	gone := fakeInt(s.hget(keys[0], "c")) < fakeInt(args[1])
	if foreign || gone && !s.flaws.goneAnswer {
		status, kind, text = saidMoved, "", ""
	}
	if s.xlen(keys[1]) >= fakeInt(args[2]) {
		return "FULL"
	}
	s.xadd(keys[1], "answer", args[4], "try", args[5], "status", status, "kind", kind, "text", text)
	s.pexpire(keys[1], args[3])
	return status
}

func (s *fakeStore) xlen(key string) int64 {
	if x := s.stream(key); x != nil {
		return int64(len(x.entries))
	}
	return 0
}
