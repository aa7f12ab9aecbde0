package spine

import (
	"context"
	"time"

	"github.com/necrostack/necrostack/persistence"
)

// Load implements persistence.Store.
func (m *Memory) Load(ctx context.Context, cells []persistence.Cell, into []persistence.History) ([]persistence.History, error) {
	store, err := m.store()
	if err != nil {
		return nil, err
	}
	return store.Load(ctx, cells, into)
}

// Save implements persistence.Store.
func (m *Memory) Save(ctx context.Context, cell persistence.Cell, snapshot persistence.Snapshot) error {
	store, err := m.store()
	if err != nil {
		return err
	}
	return store.Save(ctx, cell, snapshot)
}

// Expire implements persistence.Store.
func (m *Memory) Expire(ctx context.Context, organ string, before time.Time, limit int) (int, error) {
	store, err := m.store()
	if err != nil {
		return 0, err
	}
	return store.Expire(ctx, organ, before, limit)
}

// store returns the service's cells. They have a lock of their own.
func (m *Memory) store() (*persistence.Memory, error) {
	m.stream.mu.Lock()
	defer m.stream.mu.Unlock()
	s, err := m.serving(m.term)
	if err != nil {
		return nil, err
	}
	return s.store, nil
}
