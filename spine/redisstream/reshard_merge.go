package redisstream

import (
	"cmp"
	"container/heap"
	"context"
)

// sources are the old streams, of which that is first whose next entry is the oldest: so the new streams are in the order of time as
// the old ones were, and what a service has not read lies behind what it has, but for little. An entry keeps its id, or
// gets the next free one behind it: WithRetain tells its age by that.
type sources []*source

func (s sources) Len() int { return len(s) }

func (s sources) Less(i, j int) bool {
	a, b := s[i], s[j]
	if n := compareIDs(a.next[0].id, b.next[0].id); n != 0 {
		return n < 0
	}
	return a.shard < b.shard
}

func (s sources) Swap(i, j int) { s[i], s[j] = s[j], s[i] }
func (s *sources) Push(x any)   { *s = append(*s, x.(*source)) }

func (s *sources) Pop() any {
	last := len(*s) - 1
	x := (*s)[last]
	*s = (*s)[:last]
	return x
}

// moveStreams moves what the streams hold.
func (m *mover) moveStreams(ctx context.Context) error {
	var all sources
	for i := range m.shards {
		x := &source{m: m, shard: i, page: sourcePage(len(m.shards))}
		if err := x.fill(ctx); err != nil {
			return err
		}
		if len(x.next) > 0 {
			all = append(all, x)
		}
	}
	heap.Init(&all)
	for len(all) > 0 {
		x := all[0]
		if err := m.moveEntry(ctx, x.shard, &x.next[0]); err != nil {
			return err
		}
		x.next = x.next[1:]
		if err := x.fill(ctx); err != nil {
			return err
		}
		if len(x.next) == 0 {
			heap.Pop(&all)
		} else {
			heap.Fix(&all, 0)
		}
	}
	return nil
}

// moveEntry appends an entry to its new shard. One that is gone though a service has it in hand is gone there, too, and has still
// to become a dead letter.
func (m *mover) moveEntry(ctx context.Context, from int, e *movedEntry) error {
	to := m.shardFor(e.values)
	in, id := m.target[to].in, m.nextID(to, e.id).String()
	words := []any{"XADD", in, id}
	for _, word := range e.values {
		words = append(words, word)
	}
	if e.values == nil {
		words = append(words, fieldEnvelope, "")
	}
	if err := m.write(ctx, []string{in}, words...); err != nil {
		return err
	}
	for i, s := range m.services {
		if err := m.standIn(ctx, s, &e.standings[i], move{from, to, e.id, m.last[to]}); err != nil {
			return err
		}
	}
	if e.values == nil {
		return m.write(ctx, []string{in}, "XDEL", in, id)
	}
	m.report.Entries++
	return nil
}

// nextID is the id of an entry in its new stream.
func (m *mover) nextID(to int, was streamID) streamID {
	if !m.last[to].before(was) {
		was = streamID{m.last[to].ms, m.last[to].seq + 1}
	}
	m.last[to] = was
	return was
}

// move is what becomes of an entry.
type move struct {
	from, to int // shards
	was, is  streamID
}

// standIn makes a service stand with an entry in its new shard as it stood in the old one.
func (m *mover) standIn(ctx context.Context, s *movedService, x *standing, e move) error {
	unread := s.delivered[e.from].before(e.was)
	if !unread || !s.edge.before(e.was) {
		s.handed[e.to] = e.is
		s.count[e.to]++
	}
	if !unread && !x.pending {
		return nil // it is finished
	}
	if err := m.hush(ctx, s, e); err != nil {
		return err
	}
	if unread && s.edge.before(e.was) {
		return nil
	}
	if unread {
		m.report.Unsorted++
	}
	consumer := owner
	if x.deferred {
		consumer = deferredTo
	}
	in, id, keys := m.target[e.to].in, e.is.String(), s.target[e.to]
	if err := m.write(ctx, []string{in}, "XCLAIM", in, s.name, consumer, "0", id, "FORCE", "JUSTID"); err != nil {
		return err
	}
	if x.progress != "" {
		if err := m.write(ctx, []string{keys.progress}, "HSET", keys.progress, id, x.progress); err != nil {
			return err
		}
	}
	for _, c := range x.crashes {
		if err := m.write(ctx, []string{keys.suspects}, "HSET", keys.suspects, id+c[0], c[1]); err != nil {
			return err
		}
	}
	for _, d := range x.due {
		due := m.target[e.to].due(s.name, d[0])
		if err := m.write(ctx, []string{due}, "ZADD", due, d[1], id); err != nil {
			return err
		}
	}
	return nil
}

// hush notes whether what a rewound service emits for an entry was emitted before.
func (m *mover) hush(ctx context.Context, s *movedService, e move) error {
	switch mute := s.mute[e.from]; {
	case s.hushed.before(e.was):
		return nil
	case !mute.before(e.was) && !s.loud[e.from][e.was.String()]:
		s.muted[e.to] = e.is
		return nil
	}
	key := s.target[e.to].loudKey
	return m.write(ctx, []string{key}, "SADD", key, e.is.String())
}

func compareIDs(a, b streamID) int { return cmp.Or(cmp.Compare(a.ms, b.ms), cmp.Compare(a.seq, b.seq)) }
