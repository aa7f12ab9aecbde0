package persistence

import (
	"context"
	"crypto/sha256"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/necrostack/necrostack/actors"
)

// Memory is the Store of one service in memory. It is safe for concurrent use, nothing in it
// waits for anything, and contexts are not looked at.
//
// It keeps no previous snapshot: memory does not rot. A cell whose records have all been
// trimmed costs some 250 bytes plus its key and state.
type Memory struct {
	mu     sync.Mutex
	organs map[string]*memoryOrgan
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
		m.trim(held, held.last)
		m.put(held, Snapshot{})
	}
	held.last, held.at = c.Base+1, c.At
	organ.changed(held)
	if c.State != nil {
		m.trim(held, held.last)
		m.put(held, Snapshot{Seq: held.last, Version: c.Version, State: c.State, Sum: sha256.Sum256(c.State), At: c.At})
		return nil
	}
	if held.records == nil {
		held.records = make([]Record, 0, firstRecords)
	}
	held.records = append(held.records, Record{
		Seq: held.last, Event: ev, Version: c.Version, Digest: c.Digest, At: c.At, Reset: c.Reset,
	})
	m.stats.Records++
	return nil
}

// firstRecords is the room a cell gets for its records when it needs any: from 1 on, growing would be
// half of what a change costs.
const firstRecords = 4

// Load implements Store.
func (m *Memory) Load(_ context.Context, cells []Cell) ([]History, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	hs := make([]History, len(cells))
	for i, cell := range cells {
		if held := m.organs[cell.Organ].cell(cell.Key); held != nil {
			hs[i] = held.history()
		}
	}
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
	if s.Seq == 0 || s.Seq < held.snapshot.Seq {
		return nil
	}
	m.put(held, s)
	m.trim(held, s.Seq)
	return nil
}

// Expire implements Store. Its cost is that of the cells it forgets. The order in which it looks at
// cells is that of their changes: where a clock has run backwards in between, a cell may
// be forgotten later than it could be, never earlier.
func (m *Memory) Expire(_ context.Context, organ string, before time.Time, limit int) (int, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	o := m.organs[organ]
	if o == nil {
		return 0, nil
	}
	n := 0
	for ; n < limit; n++ {
		oldest := o.oldest()
		if oldest == nil || !oldest.at.Before(before) {
			break
		}
		m.trim(oldest, oldest.last)
		m.put(oldest, Snapshot{})
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
func (m *Memory) put(held *memoryCell, s Snapshot) {
	m.stats.Bytes += len(s.State) - len(held.snapshot.State)
	held.snapshot = s
}

// trim drops the records up to seq. What stays is copied: Load has handed out the old slice, and
// its beginning would be kept for nothing.
func (m *Memory) trim(held *memoryCell, seq uint64) {
	keep := held.records
	for len(keep) > 0 && keep[0].Seq <= seq {
		keep = keep[1:]
	}
	m.stats.Records -= len(held.records) - len(keep)
	held.records = slices.Clone(keep)
	if len(keep) == 0 {
		held.records = nil
	}
}
