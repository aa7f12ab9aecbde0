package host_test

import (
	"context"
	"encoding/json"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/necrostack/necrostack/actors"
	"github.com/necrostack/necrostack/actors/host"
	"github.com/necrostack/necrostack/persistence"
)

// store is a persistence.Memory that writes down what it is asked for, and fails when told to.
type store struct {
	*persistence.Memory

	mu     sync.Mutex
	loads  [][]persistence.Cell
	saves  []persistence.Snapshot
	fail   error
	refuse error                                        // of Save
	bend   func(persistence.Cell, *persistence.History) // what Load returns
}

func newStore() *store { return &store{Memory: persistence.NewMemory()} }

func (s *store) Load(ctx context.Context, cells []persistence.Cell, into []persistence.History) ([]persistence.History, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.loads = append(s.loads, append([]persistence.Cell(nil), cells...))
	if s.fail != nil {
		return nil, s.fail
	}
	hs, err := s.Memory.Load(ctx, cells, into)
	if s.bend != nil {
		for i := range hs {
			s.bend(cells[i], &hs[i])
		}
	}
	return hs, err
}

func (s *store) Save(ctx context.Context, cell persistence.Cell, snap persistence.Snapshot) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.refuse != nil {
		return s.refuse
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	s.saves = append(s.saves, snap)
	return s.Memory.Save(ctx, cell, snap)
}

// loaded takes the keys of all loads since the last call.
func (s *store) loaded() (loads [][]string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, cells := range s.loads {
		var keys []string
		for _, c := range cells {
			keys = append(keys, c.Key)
		}
		loads = append(loads, keys)
	}
	s.loads = nil
	return loads
}

func (s *store) saved() []persistence.Snapshot {
	s.mu.Lock()
	defer s.mu.Unlock()
	saves := s.saves
	s.saves = nil
	return saves
}

// commit applies the changes of a batch, as the Spine's backend does.
func (s *store) commit(t testing.TB, b *host.Batch) *host.Batch {
	t.Helper()
	for i, o := range b.Outcomes {
		if o.Change == nil {
			continue
		}
		ev := b.Items[i].Event
		require.NoError(t, s.Apply(persistence.Cell{Organ: "counter", Key: ev.Key()}, ev, *o.Change))
	}
	return b
}

// cellOwner is an owner of a counter with one lane, and of its store.
type cellOwner struct {
	*owner
	store *store
}

func ownCounter(t testing.TB, c host.OrganConfig, parts ...actors.Part[count]) cellOwner {
	s := newStore()
	if c.Store == nil {
		c.Store = s
	}
	if c.Workers == 0 {
		c.Workers = 1
	}
	if c.Snapshots.InPlace == 0 {
		c.Snapshots.InPlace = -1 // what is stored whole needs neither records nor snapshots
	}
	return cellOwner{own(t, counter(parts...), c), s}
}

// step runs a batch of events and commits it.
func (o cellOwner) step(ps ...keyed) *host.Batch {
	o.t.Helper()
	var evs []actors.Event
	for _, p := range ps {
		evs = append(evs, event(o.t, p))
	}
	return o.store.commit(o.t, o.run(evs...))
}

// sum asks for the state of a cell.
func (o cellOwner) sum(key string) (c count, err error) {
	o.t.Helper()
	reply, err := o.ask(key, sumQuery{})
	if err != nil {
		return c, err
	}
	require.NoError(o.t, json.Unmarshal(reply, &c))
	return c, nil
}

func (o cellOwner) mustSum(key string, want count) {
	o.t.Helper()
	got, err := o.sum(key)
	require.NoError(o.t, err)
	require.Equal(o.t, want, got)
}

var errDown = errors.New("store is down")

const day = 24 * time.Hour
