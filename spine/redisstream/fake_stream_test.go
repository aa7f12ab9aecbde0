package redisstream

import (
	"cmp"
	"maps"
	"slices"
)

// fakeStream is a stream with its groups.
type fakeStream struct {
	entries []fakeEntry
	last    streamID
	groups  map[string]*fakeGroup
}

type fakeEntry struct {
	id     streamID
	values []string
}

// fakeGroup has what is pending in the order of ids.
type fakeGroup struct {
	last    streamID
	pending []fakePending
}

type fakePending struct {
	id       streamID
	consumer string
}

func (x *fakeStream) clone() *fakeStream {
	y := &fakeStream{entries: slices.Clip(x.entries), last: x.last, groups: make(map[string]*fakeGroup, len(x.groups))}
	for name, g := range x.groups {
		y.groups[name] = &fakeGroup{g.last, slices.Clone(g.pending)}
	}
	return y
}

func (id streamID) compare(x streamID) int {
	return cmp.Or(cmp.Compare(id.ms, x.ms), cmp.Compare(id.seq, x.seq))
}

// names are those of the groups, as the server lists them.
func (x *fakeStream) names() []string { return slices.Sorted(maps.Keys(x.groups)) }

// at is where the entry with this id is, or would be.
func (x *fakeStream) at(id streamID) (int, bool) {
	return slices.BinarySearchFunc(x.entries, id, func(e fakeEntry, id streamID) int { return e.id.compare(id) })
}

// after are up to n entries with higher ids.
func (x *fakeStream) after(id streamID, n int) []fakeEntry {
	i, found := x.at(id)
	if found {
		i++
	}
	return x.entries[i:min(i+n, len(x.entries))]
}

func (g *fakeGroup) at(id streamID) (int, bool) {
	return slices.BinarySearchFunc(g.pending, id, func(p fakePending, id streamID) int { return p.id.compare(id) })
}

// mark is up to where nothing is needed by the group.
func (g *fakeGroup) mark() streamID {
	if len(g.pending) > 0 {
		return g.pending[0].id
	}
	return g.last
}

func (s *fakeStore) stream(key string) *fakeStream { return fakeAs[*fakeStream](s, key) }

// xadd appends an entry. Everything that was ever appended stays in history.
func (s *fakeStore) xadd(key string, values ...string) {
	x := s.stream(key)
	if x == nil {
		x = &fakeStream{groups: map[string]*fakeGroup{}}
		s.keys[key] = x
	}
	id := streamID{uint64(s.now().UnixMilli()), 0}
	if !x.last.before(id) {
		id = streamID{x.last.ms, x.last.seq + 1}
	}
	x.last = id
	e := fakeEntry{id, slices.Clone(values)}
	x.entries = append(x.entries, e)
	s.history[key] = append(s.history[key], e)
}

// xaddText appends an event. The original's form has a second field for what its reader does not know.
func (s *fakeStore) xaddText(key, field, entry string) {
	if field == "event" {
		if text, envelope, two := cutLine(entry); two {
			s.xadd(key, field, text, "envelope", envelope)
			return
		}
	}
	s.xadd(key, field, entry)
}

func cutLine(s string) (string, string, bool) {
	i := slices.Index([]byte(s), '\n')
	if i < 0 {
		return s, "", false
	}
	return s[:i], s[i+1:], true
}

// trimAtOnce is what the server drops at most when it may leave some, with one entry in each node.
const trimAtOnce = 100

func (x *fakeStream) trim(n int) {
	x.entries = slices.Clone(x.entries[min(n, trimAtOnce, len(x.entries)):])
}

func (x *fakeStream) trimBefore(low streamID) {
	i, _ := x.at(low)
	x.trim(i)
}

func (s *fakeStore) ring(key string, n string) {
	s.xadd(key, "delayed", n)
	x := s.stream(key)
	x.trim(max(len(x.entries)-16, 0))
}

// group is the group of a stream, or the server's error.
func (s *fakeStore) group(key, name string) *fakeGroup {
	if x := s.stream(key); x != nil && x.groups[name] != nil {
		return x.groups[name]
	}
	panic(fakeError("NOGROUP No such key '" + key + "' or consumer group '" + name + "'"))
}

func (s *fakeStore) xack(key, group string, ids ...string) {
	x := s.stream(key)
	if x == nil || x.groups[group] == nil {
		return
	}
	g := x.groups[group]
	for _, id := range ids {
		i, found := g.at(fakeID(id))
		if !found {
			s.unpending = append(s.unpending, group+" "+id)
			continue
		}
		g.pending = slices.Delete(g.pending, i, i+1)
	}
}

// xclaim moves what is pending to a consumer. What was trimmed is not pending any more.
func (s *fakeStore) xclaim(key, group, consumer string, ids ...string) {
	x, g := s.stream(key), s.group(key, group)
	for _, id := range ids {
		i, found := g.at(fakeID(id))
		if !found {
			continue
		}
		if _, there := x.at(fakeID(id)); !there {
			g.pending = slices.Delete(g.pending, i, i+1)
			continue
		}
		g.pending[i].consumer = consumer
	}
}

// readNew delivers what nobody in the group was given.
func (s *fakeStore) readNew(key, group, consumer string, count int) any {
	x, g := s.stream(key), s.group(key, group)
	entries := x.after(g.last, count)
	if len(entries) == 0 {
		return nil
	}
	list := make([]any, len(entries))
	for i, e := range entries {
		list[i] = fakeList(e.id.String(), fakeWords(e.values))
		g.pending = append(g.pending, fakePending{e.id, consumer})
	}
	g.last = entries[len(entries)-1].id
	return fakeList(fakeList(key, list))
}

// readOld repeats what is pending of a consumer.
func (s *fakeStore) readOld(key, group, consumer string, after streamID, count int) any {
	x, g := s.stream(key), s.group(key, group)
	list := []any{}
	if s.flaws.noHistory {
		return fakeList(fakeList(key, list))
	}
	i, found := g.at(after)
	if found {
		i++
	}
	for ; i < len(g.pending) && len(list) < count; i++ {
		if g.pending[i].consumer != consumer {
			continue
		}
		id := g.pending[i].id
		var values any
		if at, there := x.at(id); there {
			values = fakeWords(x.entries[at].values)
		}
		list = append(list, fakeList(id.String(), values))
	}
	return fakeList(fakeList(key, list))
}

// entry is the values of one entry, nil when it is not there.
func (s *fakeStore) entry(key, id string) []string {
	x := s.stream(key)
	if x == nil {
		return nil
	}
	if i, found := x.at(fakeID(id)); found {
		return x.entries[i].values
	}
	return nil
}

func fakeID(text string) streamID {
	id, err := parseID(text)
	if err != nil {
		panic(fakeError("ERR Invalid stream ID specified as stream command argument"))
	}
	return id
}

// pendingOf is how many entries a consumer has pending.
func (s *fakeStore) pendingOf(key, group, consumer string) int64 {
	n := int64(0)
	for _, p := range s.group(key, group).pending {
		if p.consumer == consumer {
			n++
		}
	}
	return n
}
