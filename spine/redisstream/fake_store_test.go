package redisstream

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"
)

// fakeStore is Redis as far as the backend knows it, over maps: every script as a Go function, and the plain commands that the
// backend sends. TestFakeAndServerAgree holds it against a real server; the simulation drives backends with it.
type fakeStore struct {
	keys    map[string]any // string, fakeHash, fakeSet or *fakeStream
	expiry  map[string]time.Time
	loaded  map[string]bool // scripts, by name
	history map[string][]fakeEntry
	now     func() time.Time
	flaws   fakeFlaws

	notes     map[string]bool // what the simulation remembers of this past: it goes back with the store
	unpending []string        // what was acknowledged and not pending: an owner that keeps the protocol never does that
}

// fakeHash and fakeSet have no order; replies sort where it matters.
type (
	fakeHash map[string]string
	fakeSet  map[string]int64 // member -> score; ours are whole numbers
)

// fakeError is an error that the server answers with.
type fakeError string

func (e fakeError) Error() string { return string(e) }
func (fakeError) RedisError()     {}

const wrongType = fakeError("WRONGTYPE Operation against a key holding the wrong kind of value")

// fakeCall is a call of a script, or a plain command, in the words that go over the wire.
type fakeCall struct {
	script     *script
	keys, args []string
}

func newFakeStore() *fakeStore {
	return &fakeStore{
		keys: map[string]any{}, expiry: map[string]time.Time{}, loaded: map[string]bool{}, history: map[string][]fakeEntry{},
		now: time.Now, notes: map[string]bool{},
	}
}

// fakeCallOf freezes a call as it is now.
func fakeCallOf(c *call) fakeCall {
	f := fakeCall{script: c.script, keys: slices.Clone(c.keys), args: make([]string, len(c.args))}
	for i, arg := range c.args {
		switch x := arg.(type) {
		case string:
			f.args[i] = x
		case []byte:
			f.args[i] = string(x)
		default:
			f.args[i] = fmt.Sprint(x)
		}
	}
	return f
}

// exec answers a call as the server does, in the types of its client.
func (s *fakeStore) exec(c fakeCall) (reply any, err error) {
	defer func() {
		switch v := recover().(type) {
		case nil:
		case fakeError:
			reply, err = nil, v
		default:
			panic(v)
		}
	}()
	s.expire()
	if c.script == nil {
		return s.command(c.args), nil
	}
	if !s.loaded[c.script.name] {
		return nil, fakeError("NOSCRIPT No matching script.")
	}
	run := fakeScripts[c.script.name]
	if run == nil {
		return nil, fmt.Errorf("the fake has no script %q", c.script.name)
	}
	return run(s, c.keys, c.args), nil
}

// clone is a copy to go back to. Entries of streams never change, and are shared.
func (s *fakeStore) clone() *fakeStore {
	x := &fakeStore{
		keys: make(map[string]any, len(s.keys)), expiry: maps.Clone(s.expiry), loaded: map[string]bool{},
		history: make(map[string][]fakeEntry, len(s.history)), now: s.now, flaws: s.flaws,
		notes: maps.Clone(s.notes),
	}
	for key, value := range s.keys {
		switch v := value.(type) {
		case fakeHash:
			x.keys[key] = maps.Clone(v)
		case fakeSet:
			x.keys[key] = maps.Clone(v)
		case *fakeStream:
			x.keys[key] = v.clone()
		default:
			x.keys[key] = v
		}
	}
	for key, entries := range s.history {
		x.history[key] = slices.Clip(entries)
	}
	return x
}

// expire forgets keys whose time has come.
func (s *fakeStore) expire() {
	if len(s.expiry) == 0 {
		return
	}
	now := s.now()
	for key, at := range s.expiry {
		if !now.Before(at) {
			s.remove(key)
		}
	}
}

func (s *fakeStore) remove(key string) {
	delete(s.keys, key)
	delete(s.expiry, key)
}

func (s *fakeStore) pexpire(key, ms string) {
	if s.keys[key] != nil {
		n, _ := strconv.ParseInt(ms, 10, 64)
		s.expiry[key] = s.now().Add(time.Duration(n) * time.Millisecond)
	}
}

// typeOf is the server's TYPE.
func (s *fakeStore) typeOf(key string) string {
	switch s.keys[key].(type) {
	case nil:
		return "none"
	case fakeHash:
		return "hash"
	case fakeSet:
		return "zset"
	case *fakeStream:
		return "stream"
	default:
		return "string"
	}
}

// fits reports whether a key may be used as what it is wanted as.
func (s *fakeStore) fits(key, want string) bool {
	got := s.typeOf(key)
	return got == "none" || got == want
}

func fakeAs[T any](s *fakeStore, key string) T {
	var none T
	value := s.keys[key]
	if value == nil {
		return none
	}
	v, ok := value.(T)
	if !ok {
		panic(wrongType)
	}
	return v
}

// hget returns ” for a field that is not there; no script tells the two apart but by has.
func (s *fakeStore) hget(key, field string) string { return fakeAs[fakeHash](s, key)[field] }

func (s *fakeStore) has(key, field string) bool {
	_, ok := fakeAs[fakeHash](s, key)[field]
	return ok
}

func (s *fakeStore) hset(key string, pairs ...string) (added int) {
	h := fakeAs[fakeHash](s, key)
	if h == nil {
		h = fakeHash{}
		s.keys[key] = h
	}
	for i := 0; i+1 < len(pairs); i += 2 {
		if _, ok := h[pairs[i]]; !ok {
			added++
		}
		h[pairs[i]] = pairs[i+1]
	}
	return added
}

func (s *fakeStore) hdel(key string, fields ...string) {
	h := fakeAs[fakeHash](s, key)
	for _, field := range fields {
		delete(h, field)
	}
	if h != nil && len(h) == 0 {
		s.remove(key)
	}
}

func (s *fakeStore) hincrby(key, field string, n int64) int64 {
	n += fakeInt(s.hget(key, field))
	s.hset(key, field, strconv.FormatInt(n, 10))
	return n
}

func (s *fakeStore) zadd(key string, score, member string) {
	z := fakeAs[fakeSet](s, key)
	if z == nil {
		z = fakeSet{}
		s.keys[key] = z
	}
	z[member] = parseScore(score)
}

func (s *fakeStore) zrem(key string, members ...string) {
	z := fakeAs[fakeSet](s, key)
	for _, member := range members {
		delete(z, member)
	}
	if z != nil && len(z) == 0 {
		s.remove(key)
	}
}

// sorted are the members of a set with a score from low to high, at most n.
func (s *fakeStore) sorted(key string, low, high int64, n int) []string {
	z := fakeAs[fakeSet](s, key)
	var members []string
	for member, score := range z {
		if low <= score && score <= high {
			members = append(members, member)
		}
	}
	slices.SortFunc(members, func(a, b string) int { return cmp.Or(cmp.Compare(z[a], z[b]), cmp.Compare(a, b)) })
	return members[:min(n, len(members))]
}

func (s *fakeStore) zcount(key string, low, high int64) int64 {
	n := int64(0)
	for _, score := range fakeAs[fakeSet](s, key) {
		if low <= score && score <= high {
			n++
		}
	}
	return n
}

// first is the score of the first member from low on, nil when there is none.
func (s *fakeStore) first(key string, low int64) any {
	members := s.sorted(key, low, fakeMost, 1)
	if len(members) == 0 {
		return nil
	}
	return formatScore(fakeAs[fakeSet](s, key)[members[0]])
}

const (
	fakeLeast = -1 << 62
	fakeMost  = 1 << 62
	fakeAll   = 1 << 30
)

// fakeInt reads a number that a script has written, 0 for none.
func fakeInt(text string) int64 {
	if text == "" {
		return 0
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		panic(fakeError("ERR " + errors.Unwrap(err).Error()))
	}
	return n
}

func fakeList(words ...any) []any { return words }

func fakeWords(words []string) []any {
	list := make([]any, len(words))
	for i, word := range words {
		list[i] = word
	}
	return list
}

func orEmpty(x any) any {
	if x == nil {
		return ""
	}
	return x
}
