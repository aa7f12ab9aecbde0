package host_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/necrostack/necrostack/actors"
	"github.com/necrostack/necrostack/actors/host"
	"github.com/necrostack/necrostack/supervision"
)

// TestRefKeepsItsBooks has many callers tell a Ref what fails in every way: each event must be settled
// exactly once, and told to exactly one of caller, OnEmit and OnDead.
func TestRefKeepsItsBooks(t *testing.T) {
	t.Parallel()
	for _, isKeyed := range []bool{false, true} {
		for seed := range uint64(4) {
			t.Run(fmt.Sprint("keyed ", isKeyed, " ", seed), func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) { keepBooks(t, isKeyed, seed) })
			})
		}
	}
}

func keepBooks(t *testing.T, isKeyed bool, seed uint64) {
	s := newStorm(t, seed)
	var emitted, dead journal[actors.ID]
	opts := []host.RefOption{
		host.Workers(3), host.Checking(),
		host.OnEmit(func(ev actors.Event) { emitted.add(ev.Causation()) }),
		host.OnDead(func(l supervision.DeadLetter) { dead.add(l.Event.ID()) }),
	}
	policy := steady(2, supervision.Store)
	policy.Timeout = 100 * time.Millisecond
	policy.Breaker = supervision.BreakerPolicy{Failures: 5, Open: 3 * time.Second}
	var r *host.Ref
	if isKeyed {
		r = spawnKeyed(t, s.organ("keyed").(actors.KeyedOrgan), policy, opts...)
	} else {
		r = spawn(t, s.organ("instances").(actors.Organ), policy, opts...)
	}
	var handled, failed int
	var mu sync.Mutex
	var callers sync.WaitGroup
	for c := range uint64(6) {
		rnd := rand.New(rand.NewPCG(seed, c))
		callers.Go(func() {
			for n := range 40 {
				p := gustOf(rnd, isKeyed, n)
				if rnd.IntN(2) == 0 {
					require.NoError(t, host.Tell(r, p))
					continue
				}
				_, err := host.Handle(context.Background(), r, p)
				var f actors.Failure
				mu.Lock()
				if err == nil {
					handled++
				} else {
					require.True(t, errors.As(err, &f), "%v", err)
					failed++
				}
				mu.Unlock()
			}
		})
	}
	callers.Wait()
	require.NoError(t, r.Wait(context.Background()))
	synctest.Wait()
	stats, letters, causes := r.Stats(), dead.take(), emitted.take()
	require.EqualValues(t, 6*40, stats.Told)
	require.Equal(t, stats.Told, stats.Handled+stats.Dead)
	require.Len(t, letters, int(stats.Dead))
	require.Len(t, causes, int(stats.Handled)-handled, "every handled event emits once")
	require.GreaterOrEqual(t, int(stats.Dead), failed)
	seen := map[actors.ID]bool{}
	for _, id := range append(letters, causes...) {
		require.False(t, seen[id], "twice")
		seen[id] = true
	}
	time.Sleep(time.Minute)
}
