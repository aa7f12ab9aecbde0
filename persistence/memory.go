package persistence

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/necrostack/necrostack/actors"
)

// Memory is the Store of one service in memory. It is safe for concurrent use, nothing in it
// waits for anything, and contexts are not looked at.
//
// It keeps no previous snapshot: memory does not rot. A cell whose records have all been
// trimmed costs some 200 bytes plus its key and state.
type Memory struct {
	mu     sync.Mutex
	organs map[string]*memoryOrgan
	rooms  memoryRooms
	found  []*memoryCell // by a Load
	stats  Stats
}

// Stats is how much a Memory holds.
type Stats struct {
	Cells   int
	Records int
	Bytes   int // of encoded states
}

// NewMemory returns an empty store.
func NewMemory() *Memory { return &Memory{organs: map[string]*memoryOrgan{}} }

// Apply commits one change of a cell, made by ev. It is how a backend writes while it
// settles. The error wraps ErrConflict when c was computed on another number of changes than the
// cell has; then nothing is changed. c.State must not be changed afterwards.
func (m *Memory) Apply(cell Cell, ev actors.Event, c Change) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	organ := m.organs[cell.Organ]
	held := organ.cell(cell.Key)
	if has := held.changes(); has != c.Base {
		return fmt.Errorf("cell %s: %w: it has %d changes, not %d", cell, ErrConflict, has, c.Base)
	}
	if organ == nil {
		organ = newMemoryOrgan()
		m.organs[cell.Organ] = organ
	}
	if held == nil {
		held = organ.add(cell.Key)
		m.stats.Cells++
	}
	if c.Reset {
		m.drop(held, len(held.records))
		m.put(held, memorySnapshot{})
	}
	held.last, held.at = c.Base+1, memoryTimeOf(c.At)
	organ.changed(held)
	if c.State != nil {
		m.drop(held, len(held.records))
		m.put(held, memorySnapshot{state: c.State, seq: held.last, at: held.at, version: int32(c.Version), trusted: true})
		return nil
	}
	held.records = m.rooms.add(held.records, memoryRecord{
		event: ev, digest: c.Digest, at: held.at, version: int32(c.Version), reset: c.Reset,
	})
	m.stats.Records++
	return nil
}

// Load implements Store.
func (m *Memory) Load(_ context.Context, cells []Cell, into []History) ([]History, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	hs := append(into[:0], make([]History, len(cells))...)
	// All are looked up before any is looked at, so that the processor waits for the memory of several at a time.
	m.found = m.found[:0]
	for _, cell := range cells {
		m.found = append(m.found, m.organs[cell.Organ].cell(cell.Key))
	}
	for i, held := range m.found {
		if held != nil {
			held.history(&hs[i])
		}
	}
	clear(m.found)
	return hs, nil
}

// Save implements Store. It trims the records that s contains. The error of a snapshot that is
// ahead of its cell wraps ErrConflict.
func (m *Memory) Save(_ context.Context, cell Cell, s Snapshot) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	held := m.organs[cell.Organ].cell(cell.Key)
	if has := held.changes(); s.Seq > has {
		return fmt.Errorf("save cell %s: %w: the snapshot contains %d changes, the cell has %d", cell, ErrConflict, s.Seq, has)
	}
	if s.Seq == 0 || s.Seq < held.snapshot.seq {
		return nil
	}
	m.put(held, memorySnapshotOf(s))
	m.trim(held, s.Seq)
	return nil
}

// Expire implements Store. Its cost is that of the cells it forgets; the first call for an organ puts all its
// cells in order. The order in which it looks at them is that of their changes since: where a clock has run
// backwards in between, a cell may be forgotten later than it could be, never earlier.
func (m *Memory) Expire(_ context.Context, organ string, before time.Time, limit int) (int, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	o := m.organs[organ]
	if o == nil {
		return 0, nil
	}
	n, limitAt := 0, memoryTimeOf(before)
	for ; n < limit; n++ {
		oldest := o.oldest()
		if oldest == nil || oldest.at >= limitAt {
			break
		}
		m.trim(oldest, oldest.last)
		m.put(oldest, memorySnapshot{})
		o.remove(oldest)
		m.stats.Cells--
	}
	return n, nil
}

// Stats returns how much the store holds.
func (m *Memory) Stats() Stats {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.stats
}

// put replaces the snapshot of a cell.
func (m *Memory) put(held *memoryCell, s memorySnapshot) {
	m.stats.Bytes += len(s.state) - len(held.snapshot.state)
	held.snapshot = s
}

// trim drops the records up to seq.
func (m *Memory) trim(held *memoryCell, seq uint64) {
	before := held.last - uint64(len(held.records)) // what is dropped already
	if seq > before {
		m.drop(held, int(min(seq, held.last)-before))
	}
}

// drop drops the first n records.
func (m *Memory) drop(held *memoryCell, n int) {
	if n == 0 {
		return
	}
	m.stats.Records -= n
	left := copy(held.records, held.records[n:])
	clear(held.records[left:])
	held.records = held.records[:left]
	if left > 0 {
		return
	}
	m.rooms.put(held.records)
	held.records = nil
}
