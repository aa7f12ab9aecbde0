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
// It keeps no previous snapshot: memory does not rot. A cell whose records have all been trimmed costs some
// 120 bytes plus its key and state, and next to nothing when garbage is collected.
type Memory struct {
	mu     sync.Mutex
	organs map[string]*memoryOrgan
	cells  memoryCells
	found  []uint32 // by a Load
	stats  Stats
}

// Stats is how much a Memory holds.
type Stats struct {
	Cells   int
	Records int
	Bytes   int // of encoded states
}

// NewMemory returns an empty store.
func NewMemory() *Memory { return &Memory{organs: map[string]*memoryOrgan{}, cells: newMemoryCells()} }

// Apply commits one change of a cell, made by ev. It is how a backend writes while it
// settles. The error wraps ErrConflict when c was computed on another number of changes than the
// cell has; then nothing is changed. c.State must not be changed afterwards.
func (m *Memory) Apply(cell Cell, ev actors.Event, c Change) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	organ := m.organs[cell.Organ]
	n := organ.cell(cell.Key)
	held := m.cells.at(n)
	if has := held.changes(); has != c.Base {
		return fmt.Errorf("cell %s: %w: it has %d changes, not %d", cell, ErrConflict, has, c.Base)
	}
	if organ == nil {
		organ = newMemoryOrgan(&m.cells)
		m.organs[cell.Organ] = organ
	}
	if held == nil {
		n = organ.add(cell.Key)
		held = m.cells.at(n)
		m.stats.Cells++
	}
	if c.Reset {
		m.forget(held)
	}
	held.last, held.at = c.Base+1, memoryTimeOf(c.At)
	organ.changed(n)
	if c.State != nil {
		m.drop(held, len(m.cells.records(held)))
		m.put(held, &Snapshot{State: c.State, Seq: held.last, At: c.At, Version: c.Version, Trusted: true})
		return nil
	}
	m.cells.record(held, memoryRecord{
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
	room := make([]byte, 0, m.find(cells))
	for i, n := range m.found {
		if n != 0 {
			room = m.cells.history(m.cells.at(n), &hs[i], room)
		}
	}
	return hs, nil
}

// find looks cells up, and returns how many bytes they have in blocks. Each step is made for all before the next one
// is made for any, so that the processor waits for the memory of several at a time.
func (m *Memory) find(cells []Cell) (bytes int) {
	m.found = m.found[:0]
	for _, cell := range cells {
		m.found = append(m.found, m.organs[cell.Organ].first(cell.Key))
	}
	for _, n := range m.found {
		if n != 0 {
			bytes += m.cells.at(n).inBlock()
		}
	}
	for i, cell := range cells {
		m.found[i] = m.cells.cell(m.found[i], cell.Key)
	}
	return bytes
}

// Save implements Store. It trims the records that s contains. The error of a snapshot that is
// ahead of its cell wraps ErrConflict.
func (m *Memory) Save(_ context.Context, cell Cell, s Snapshot) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	held := m.cells.at(m.organs[cell.Organ].cell(cell.Key))
	if has := held.changes(); s.Seq > has {
		return fmt.Errorf("save cell %s: %w: the snapshot contains %d changes, the cell has %d", cell, ErrConflict, s.Seq, has)
	}
	if s.Seq == 0 || s.Seq < held.snapshot {
		return nil
	}
	m.put(held, &s)
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
	count, limitAt := 0, memoryTimeOf(before)
	for ; count < limit; count++ {
		n := o.oldest()
		if n == 0 || m.cells.at(n).at >= limitAt {
			break
		}
		m.forget(m.cells.at(n))
		o.remove(n)
		m.stats.Cells--
	}
	return count, nil
}

// Stats returns how much the store holds.
func (m *Memory) Stats() Stats {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.stats
}

// put replaces the snapshot of a cell.
func (m *Memory) put(held *memoryCell, s *Snapshot) {
	m.stats.Bytes += len(s.State) - m.cells.stateBytes(held)
	m.cells.keep(held, s)
}

// trim drops the records up to seq.
func (m *Memory) trim(held *memoryCell, seq uint64) {
	before := held.last - uint64(len(m.cells.records(held))) // what is dropped already
	if seq > before {
		m.drop(held, int(min(seq, held.last)-before))
	}
}

// drop drops the first n records.
func (m *Memory) drop(held *memoryCell, n int) {
	m.stats.Records -= n
	m.cells.drop(held, n)
}

// forget drops all that is known of a cell but the number of its changes.
func (m *Memory) forget(held *memoryCell) {
	m.drop(held, len(m.cells.records(held)))
	m.put(held, &Snapshot{})
}
