package redisstream

import (
	"crypto/sha1"
	"fmt"
	"strings"
)

func (s *fakeStore) load(keys, args []string) any {
	if !s.flaws.looseCells {
		if s.fenced(keys[0], args[0]) {
			return fakeList("FENCED")
		}
		if s.behind(keys[0], args[1]) {
			return fakeList("REACQUIRE")
		}
	}
	var words []string
	for _, field := range []string{"n", "t", "i", "s", "p"} {
		words = append(words, s.hget(keys[1], field))
	}
	content := strings.Join(words, " ")
	if args[2] != "" && args[2] != content && !s.flaws.tornCells {
		return fakeList("CHANGED")
	}
	values := []any{}
	for _, field := range args[3:] {
		values = append(values, s.hget(keys[1], field))
	}
	return fakeList("OK", values, content)
}

func (s *fakeStore) snapshot(keys, args []string) any {
	cell, seq := keys[1], fakeInt(args[1])
	if s.fenced(keys[0], args[0]) {
		return fakeList("FENCED")
	}
	if seq > fakeInt(s.hget(cell, "n")) {
		return fakeList("AHEAD", orZero(s.hget(cell, "n")))
	}
	former, had := s.hget(cell, "s"), s.has(cell, "s")
	first := int64(1)
	if i := s.hget(cell, "i"); i != "" {
		first = fakeInt(i)
	}
	if seq <= fakeInt(former) || seq <= fakeInt(s.hget(cell, "zs")) || seq < first {
		return fakeList("OK")
	}
	if sum := sha1.Sum([]byte(s.hget(cell, "r"+args[1]))); fmt.Sprintf("%x", sum) != args[6] {
		return fakeList("CHANGED")
	}
	s.hset(cell, "s"+args[1]+"."+args[2], args[4])
	if args[2] != args[3] {
		return fakeList("OK")
	}
	if had {
		s.dropPieces(cell, s.hget(cell, "p"), s.hget(cell, "pp"))
		s.hdel(cell, "zs", "z")
		s.hset(cell, "p", former, "pp", s.hget(cell, "sp"), "pm", s.hget(cell, "sm"))
	}
	s.hset(cell, "s", args[1], "sp", args[3], "sm", args[5])
	return fakeList("OK")
}

func (s *fakeStore) dropPieces(cell, seq, pieces string) {
	for k := int64(1); k <= fakeInt(pieces); k++ {
		s.hdel(cell, fmt.Sprintf("s%s.%d", seq, k))
	}
}

func (s *fakeStore) dropRecords(cell string, first, last int64) {
	for seq := first; seq <= last; seq++ {
		s.hdel(cell, fmt.Sprintf("r%d", seq))
	}
}

func (s *fakeStore) trimCell(keys, args []string) any {
	cell := keys[1]
	if s.fenced(keys[0], args[0]) {
		return fakeList("FENCED")
	}
	first, last := int64(1), max(fakeInt(s.hget(cell, "p")), fakeInt(s.hget(cell, "zs")))
	if i := s.hget(cell, "i"); i != "" {
		first = fakeInt(i)
	}
	if first > last {
		return fakeList("OK")
	}
	stop := min(last, first+fakeInt(args[1])-1)
	s.dropRecords(cell, first, stop)
	s.hset(cell, "i", fmt.Sprint(stop+1))
	if stop < last {
		return fakeList("MORE")
	}
	return fakeList("OK")
}

func (s *fakeStore) expireCells(keys, args []string) any {
	if s.fenced(keys[0], args[0]) {
		return fakeList("FENCED")
	}
	forgotten := int64(0)
	for i, cell := range keys[2:] {
		changed, there := s.hget(cell, "t"), s.has(cell, "t")
		if there && fakeInt(changed) >= fakeInt(args[1]) {
			s.zadd(keys[1], changed, args[2+i])
			continue
		}
		if there {
			forgotten++
		}
		s.remove(cell)
		s.zrem(keys[1], args[2+i])
	}
	return fakeList("OK", forgotten)
}
