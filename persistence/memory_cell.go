package persistence

import (
	"crypto/sha256"
	"time"

	"github.com/necrostack/necrostack/actors"
)

// memoryCell is what Memory holds of a cell. It is kept small: there may be a million of them. What every
// change looks at comes first, within a cache line.
type memoryCell struct {
	last     uint64
	at       memoryTime
	records  []memoryRecord // without a gap, up to last
	snapshot memorySnapshot
	key      string

	older, newer *memoryCell // in the order of the last change; nil where the organ keeps none
}

// memorySnapshot is a Snapshot in half of its size.
type memorySnapshot struct {
	state   []byte
	seq     uint64
	at      memoryTime
	sum     *[sha256.Size]byte // nil: it came without
	version int32
	trusted bool
}

// memoryRecord is a Record in half of its size.
type memoryRecord struct {
	event   actors.Event
	digest  uint64
	at      memoryTime
	version int32
	reset   bool
}

// memoryTime is nanoseconds since 1970. A time.Time is three times as large, and a pointer to the collector.
type memoryTime int64

func memoryTimeOf(t time.Time) memoryTime { return memoryTime(t.UnixNano()) }

func (t memoryTime) time() time.Time { return time.Unix(0, int64(t)) }

// changes is the number of changes so far; none for the nil cell, which is one that is not known.
func (c *memoryCell) changes() uint64 {
	if c == nil {
		return 0
	}
	return c.last
}

// history fills h, which is zero.
func (c *memoryCell) history(h *History) {
	c.snapshot.whole(&h.Snapshot)
	h.Last, h.At = c.last, c.at.time()
	first := c.last - uint64(len(c.records)) + 1
	for i, r := range c.records {
		h.Records = append(h.Records, Record{
			Seq: first + uint64(i), Event: r.event, Version: int(r.version), Digest: r.digest, At: r.at.time(), Reset: r.reset,
		})
	}
}

func memorySnapshotOf(s Snapshot) memorySnapshot {
	m := memorySnapshot{state: s.State, seq: s.Seq, at: memoryTimeOf(s.At), version: int32(s.Version), trusted: s.Trusted}
	if sum := s.Sum; sum != ([sha256.Size]byte{}) {
		m.sum = &sum
	}
	return m
}

// whole fills w, which is zero.
func (s *memorySnapshot) whole(w *Snapshot) {
	if s.seq == 0 {
		return
	}
	w.Seq, w.Version, w.State, w.Trusted, w.At = s.seq, int(s.version), s.state, s.trusted, s.at.time()
	if s.sum != nil {
		w.Sum = *s.sum
	}
}
