package spine_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/necrostack/necrostack/actors"
	"github.com/necrostack/necrostack/persistence"
	"github.com/necrostack/necrostack/persistence/persistencetest"
	"github.com/necrostack/necrostack/spine"
	"github.com/necrostack/necrostack/spine/backendtest"
)

// memoryHarness runs the suite on Memory, in bubbles. An owner of a Memory needs no killing: the next
// Open takes over. For the same reason it passes the durable parts, as long as its process lives:
// reopening is to drop the handles.
var memoryHarness = backendtest.Harness{
	Open: func(_ testing.TB, c backendtest.Config) backendtest.Store {
		m := spine.NewMemory(memoryOptions(c)...)
		return backendtest.Store{
			Attach: func(testing.TB) spine.Backend { return m.Attach() },
			Now:    time.Now,
			Advance: func(d time.Duration) {
				time.Sleep(d)
				synctest.Wait()
			},
			Kill:   func(spine.Backend) {},
			Reopen: func(testing.TB) {},
		}
	},
	Run: synctest.Test,
}

func memoryOptions(c backendtest.Config) []spine.MemoryOption {
	var opts []spine.MemoryOption
	if c.Capacity > 0 {
		opts = append(opts, spine.WithCapacity(c.Capacity))
	}
	if c.RefuseWhenFull {
		opts = append(opts, spine.RefuseWhenFull())
	}
	if c.DedupWindow > 0 {
		opts = append(opts, spine.WithDedup(c.DedupWindow, 1000))
	}
	if c.Letters > 0 {
		opts = append(opts, spine.WithLetterLimit(c.Letters))
	}
	return opts
}

func TestMemoryConformance(t *testing.T) {
	t.Parallel()
	backendtest.Exercise(t, memoryHarness, backendtest.Features{Durable: true})
}

// More random histories than the suite has: they cost next to nothing here.
func TestMemoryModel(t *testing.T) {
	t.Parallel()
	for seed := range uint64(100) {
		backendtest.Model(t, memoryHarness, 1000+seed)
	}
}

// The cells of a Memory, changed through settlements, are a store like any other.
func TestMemoryStateConformance(t *testing.T) {
	t.Parallel()
	persistencetest.Exercise(t, func(t *testing.T) persistencetest.Harness {
		s := &settledStore{Memory: spine.NewMemory(), service: spine.Service{Name: "svc"}}
		for _, organ := range []string{"tally", "another", "tally/x", "tally-0", "tally-1"} {
			s.service.Organs = append(s.service.Organs, spine.OrganSpec{Name: organ, Types: []string{"ADDED"}, Ordered: true, Keyed: true})
		}
		require.NoError(t, s.Open(t.Context(), s.service))
		return persistencetest.Harness{Store: s, Apply: s.apply}
	}, persistencetest.Features{})
}

// settledStore changes cells the way a Spine does.
type settledStore struct {
	*spine.Memory
	service spine.Service
	mu      sync.Mutex
}

// apply publishes ev and settles it for all organs, for the cell's with the change.
func (s *settledStore) apply(ctx context.Context, cell persistence.Cell, ev actors.Event, c persistence.Change) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, err := s.Publish(ctx, []actors.Event{ev}); err != nil {
		return err
	}
	lost, err := s.settle(ctx, cell.Organ, &c)
	if err != nil || !lost {
		return err
	}
	if _, err := s.settle(ctx, "", nil); err != nil { // it comes again
		return err
	}
	return persistence.ErrConflict
}

func (s *settledStore) settle(ctx context.Context, organ string, c *persistence.Change) (lost bool, err error) {
	ds, err := s.Pull(ctx, spine.Want{Events: 2, Bytes: 1 << 30})
	if err != nil || len(ds) != 1 {
		return false, fmt.Errorf("pulled %d: %w", len(ds), err)
	}
	var ss []spine.Settlement
	for i, spec := range s.service.Organs {
		x := spine.Settlement{Receipt: ds[0].Receipt, Organ: i}
		if spec.Name == organ {
			x.Change = c
		}
		ss = append(ss, x)
	}
	answers, err := s.Settle(ctx, ss)
	if err != nil {
		return false, err
	}
	return answers[len(answers)-1].Code == spine.Lost, nil
}

func BenchmarkMemory(b *testing.B) { backendtest.Bench(b, memoryHarness) }
