package persistence_test

import (
	"bytes"
	"context"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/necrostack/necrostack/actors"
	"github.com/necrostack/necrostack/persistence"
	"github.com/necrostack/necrostack/persistence/persistencetest"
)

// naive is the simplest store with two snapshots: it keeps the history of every cell as it would be
// loaded, and finds the oldest cell by looking at all. It outlives its users, and so stands in for a
// durable one.
type naive struct {
	mu    sync.Mutex
	cells map[persistence.Cell]persistence.History
}

func (n *naive) apply(_ context.Context, cell persistence.Cell, ev actors.Event, c persistence.Change) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	h := n.cells[cell]
	if h.Last != c.Base {
		return persistence.ErrConflict
	}
	if c.Reset {
		h = persistence.History{}
	}
	h.Last, h.At = c.Base+1, c.At
	if c.State == nil {
		h.Records = append(slices.Clone(h.Records), persistence.Record{
			Seq: h.Last, Event: ev, Version: c.Version, Digest: c.Digest, At: c.At, Reset: c.Reset,
		})
	} else {
		// Without the record of this change, no snapshot before it is of use.
		h.Previous, h.Records = persistence.Snapshot{}, nil
		h.Snapshot = whole(h.Last, c.State)
	}
	n.cells[cell] = h
	return nil
}

func (n *naive) Load(_ context.Context, cells []persistence.Cell, into []persistence.History) ([]persistence.History, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	hs := append(into[:0], make([]persistence.History, len(cells))...)
	for i, cell := range cells {
		hs[i] = n.cells[cell]
	}
	return hs, nil
}

func (n *naive) Save(_ context.Context, cell persistence.Cell, s persistence.Snapshot) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	h := n.cells[cell]
	switch {
	case s.Seq > h.Last:
		return persistence.ErrConflict
	case s.Seq < h.Snapshot.Seq:
		return nil
	case s.Seq > h.Snapshot.Seq:
		h.Previous = h.Snapshot
	}
	h.Snapshot = s
	h.Records = slices.DeleteFunc(slices.Clone(h.Records), func(r persistence.Record) bool { return r.Seq <= h.Previous.Seq })
	n.cells[cell] = h
	return nil
}

func (n *naive) Expire(_ context.Context, organ string, before time.Time, limit int) (int, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	var old []persistence.Cell
	for cell, h := range n.cells {
		if cell.Organ == organ && h.At.Before(before) {
			old = append(old, cell)
		}
	}
	slices.SortFunc(old, func(a, b persistence.Cell) int { return n.cells[a].At.Compare(n.cells[b].At) })
	old = old[:min(limit, len(old))]
	for _, cell := range old {
		delete(n.cells, cell)
	}
	return len(old), nil
}

// The suite must not know Memory only, and its durable parts must hold somewhere.
func TestNaiveConformance(t *testing.T) {
	t.Parallel()
	persistencetest.Exercise(t, func(*testing.T) persistencetest.Harness {
		n := &naive{cells: map[persistence.Cell]persistence.History{}}
		h := persistencetest.Harness{Store: n, Apply: n.apply}
		h.Reopen = func(*testing.T) persistencetest.Harness { return h }
		h.Damage = func(t *testing.T, cell persistence.Cell) {
			c := n.cells[cell]
			require.NotEmpty(t, c.Snapshot.State)
			c.Snapshot.State = bytes.ToUpper(c.Snapshot.State)
			n.cells[cell] = c
		}
		return h
	}, persistencetest.Features{Durable: true})
}
