package redisstream_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/necrostack/necrostack/actors"
	"github.com/necrostack/necrostack/persistence"
	"github.com/necrostack/necrostack/persistence/persistencetest"
	"github.com/necrostack/necrostack/spine"
	"github.com/necrostack/necrostack/spine/backendtest"
	"github.com/necrostack/necrostack/spine/redisstream"
	"github.com/necrostack/necrostack/spine/redisstream/redistest"
)

// durableHarness gives every part a server of its own, which it may kill.
func durableHarness() backendtest.Harness {
	return backendtest.Harness{Open: func(t testing.TB, c backendtest.Config) backendtest.Store {
		server, clock := redistest.Start(t, redistest.AOF("always")), &shiftedClock{}
		opts := append([]redisstream.Option{
			redisstream.WithShards(4), redisstream.WithClock(clock.now), redisstream.WithLease(2 * time.Second), redisstream.WithLogger(quiet()),
		}, configured(c)...)
		var all []*redisstream.Backend
		return backendtest.Store{
			Attach: func(t testing.TB) spine.Backend {
				b := attach(t, server, opts)
				all = append(all, b)
				return b
			},
			Now: clock.now, Advance: clock.advance,
			Kill: func(b spine.Backend) { redisstream.Freeze(b.(*redisstream.Backend)) },
			Reopen: func(testing.TB) {
				server.Kill()
				server.Restart()
				for _, b := range all {
					redisstream.Freeze(b)
				}
			},
		}
	}}
}

func TestRedisDurableConformance(t *testing.T) {
	t.Parallel()
	backendtest.Durable(t, durableHarness())
}

// stateStore changes cells the way a Spine does.
type stateStore struct {
	*redisstream.Backend
	service spine.Service
	mu      sync.Mutex
}

// apply publishes ev and settles it for all organs, for the cell's with the change.
func (s *stateStore) apply(ctx context.Context, cell persistence.Cell, ev actors.Event, c persistence.Change) error {
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

func (s *stateStore) settle(ctx context.Context, organ string, c *persistence.Change) (lost bool, err error) {
	ds, err := s.Pull(ctx, spine.Want{Events: 2, Bytes: 1 << 30})
	if err != nil || len(ds) != 1 {
		return false, fmt.Errorf("pulled %d: %w", len(ds), err)
	}
	var ss []spine.Settlement
	for i, spec := range s.service.Organs {
		x := spine.Settlement{Receipt: ds[0].Receipt, Shard: ds[0].Shard, Organ: i}
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

func openState(t *testing.T, server *redistest.Server, namespace string) persistencetest.Harness {
	b := attach(t, server, []redisstream.Option{
		redisstream.WithNamespace(namespace), redisstream.WithShards(1), redisstream.WithRelaxedDurability(), redisstream.WithLogger(quiet()),
	})
	s := &stateStore{Backend: b, service: spine.Service{Name: "svc"}}
	for _, organ := range []string{"tally", "another", "tally/x", "tally-0", "tally-1"} {
		s.service.Organs = append(s.service.Organs, spine.OrganSpec{Name: organ, Types: []string{"ADDED"}, Ordered: true, Keyed: true})
	}
	require.NoError(t, s.Open(t.Context(), s.service))
	return persistencetest.Harness{
		Store: s, Apply: s.apply,
		Reopen: func(t *testing.T) persistencetest.Harness {
			redisstream.Freeze(b)
			return openState(t, server, namespace)
		},
		Damage: func(t *testing.T, cell persistence.Cell) {
			key := redisstream.CellKey(b, cell)
			ctx, client := t.Context(), server.Client()
			seq, err := client.HGet(ctx, key, "s").Result()
			require.NoError(t, err)
			field := "s" + seq + ".1"
			state, err := client.HGet(ctx, key, field).Bytes()
			require.NoError(t, err)
			state[len(state)/2] ^= 1
			require.NoError(t, client.HSet(ctx, key, field, state).Err())
		},
	}
}

func TestRedisStateConformance(t *testing.T) {
	t.Parallel()
	persistencetest.Exercise(t, func(t *testing.T) persistencetest.Harness {
		return openState(t, redistest.SharedServer(t), redistest.Namespace(t))
	}, persistencetest.Features{Durable: true})
}
