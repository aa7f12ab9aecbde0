package persistence

import (
	"crypto/sha256"
	"time"

	"github.com/necrostack/necrostack/actors"
)

// memoryCell is what Memory holds of a cell, within a cache line and without a pointer: there may be a million of
// them. Numbers are those of slabs; 0 is none.
type memoryCell struct {
	last       uint64
	at         memoryTime
	snapshot   uint64 // the change it ends with; 0: there is none
	snapshotAt memoryTime
	version    int32 // of the snapshot

	keyBytes   uint32
	stateBytes uint32 // stateApart: it is in extra
	block      uint32 // key and state
	extra      uint32 // memoryExtra, where there is something for it

	twin         uint32 // the next cell of its organ with the same hash
	older, newer uint32 // in the order of the last change; 0 where the organ keeps none
}

// memoryExtra is what most cells have not.
type memoryExtra struct {
	records   []memoryRecord // without a gap, up to last
	state     []byte         // one that is too large for a block
	sum       *[sha256.Size]byte
	untrusted bool
}

func (e *memoryExtra) empty() bool {
	return e.records == nil && e.state == nil && e.sum == nil && !e.untrusted
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
