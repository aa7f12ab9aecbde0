package host_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/necrostack/necrostack/actors"
	"github.com/necrostack/necrostack/actors/host"
	"github.com/necrostack/necrostack/persistence"
	"github.com/necrostack/necrostack/supervision"
)

func sumOf(t *testing.T, r *host.Ref, key string) count {
	t.Helper()
	c, err := host.Ask[count](context.Background(), r, key, sumQuery{})
	require.NoError(t, err)
	return c
}

func TestCellsOfARef(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := spawnKeyed(t, counter(), lasting(), host.Workers(3))
		for n := range 300 {
			require.NoError(t, host.Tell(r, keyed{fmt.Sprint("k", n%10), n}))
		}
		require.NoError(t, r.Wait(context.Background()))
		for k := range 10 {
			assert.Equal(t, count{Sum: 30*k + 10*(29*30/2), Steps: 30}, sumOf(t, r, fmt.Sprint("k", k)))
		}
		assert.EqualValues(t, 10, r.CellStats().Resident)
		_, err := host.Ask[count](context.Background(), r, "nobody", sumQuery{})
		require.ErrorIs(t, err, host.ErrNoCell)
		_, err = host.Ask[string](context.Background(), r, "k1", sumQuery{})
		require.ErrorContains(t, err, `reply of organ "counter"`)
		_, err = host.Ask[count](context.Background(), spawn(t, echo(), lasting()), "k1", sumQuery{})
		require.ErrorContains(t, err, "has no cells")
	})
}

func TestAskEndsWithItsContext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := spawnKeyed(t, counter(), lasting())
		_, err := host.Handle(context.Background(), r, keyed{"a", 1})
		require.NoError(t, err)
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		_, err = host.Ask[int](ctx, r, "a", stuckQuery{})
		require.ErrorIs(t, err, context.DeadlineExceeded)
		_, err = host.Ask[int](ctx, r, "a", sumQuery{})
		require.ErrorIs(t, err, context.DeadlineExceeded)
		time.Sleep(2 * time.Hour)
		require.NoError(t, r.Stop(context.Background()))
		_, err = host.Ask[int](context.Background(), r, "a", sumQuery{})
		require.ErrorIs(t, err, host.ErrStopped)
	})
}

func TestKeyOfAFailingStepWaitsForIt(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		// A panic is tried once more, at once, on a recovered cell; then it is settled.
		var emitted journal[actors.Event]
		var dead journal[supervision.DeadLetter]
		r := spawnKeyed(t, counter(), lasting(), host.OnEmit(emitted.add), host.OnDead(dead.add), host.Workers(1))
		for _, p := range []keyed{{"a", 1}, {"a", panics}, {"a", 2}, {"b", 10}, {"a", fails}, {"a", 4}} {
			require.NoError(t, host.Tell(r, p))
		}
		require.NoError(t, r.Wait(context.Background()))
		var sums []total
		for _, p := range decode[total](t, emitted.take()) {
			if p.Sum < 10 {
				sums = append(sums, p)
			}
		}
		assert.Equal(t, []total{{1, 1}, {3, 2}, {7, 3}}, sums)
		letters := dead.take()
		require.Len(t, letters, 2)
		assert.Equal(t, actors.KindPanic, letters[0].Reason)
		assert.Equal(t, 2, letters[0].Attempts)
		assert.Equal(t, actors.KindPermanent, letters[1].Reason)
		assert.Equal(t, 1, letters[1].Attempts)
		assert.Equal(t, count{7, 3}, sumOf(t, r, "a"))
	})
}

func TestChangeIsStoredBeforeItsOutcomeIsTold(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newStore()
		told := 0
		r := spawnKeyed(t, counter(), lasting(), host.WithStore(s), host.OnEmit(func(ev actors.Event) {
			told++
			hs, err := s.Memory.Load(context.Background(), []persistence.Cell{{Organ: "counter", Key: "a"}}, nil)
			assert.NoError(t, err)
			assert.EqualValues(t, told, hs[0].Last)
		}))
		for n := range 5 {
			require.NoError(t, host.Tell(r, keyed{"a", n}))
			require.NoError(t, r.Wait(context.Background()))
		}
		assert.Equal(t, 5, told)
	})
}

// balky is a store that refuses some changes.
type balky struct {
	*store
	applied, refuse atomic.Int32
}

func (s *balky) Apply(cell persistence.Cell, ev actors.Event, c persistence.Change) error {
	if s.applied.Add(1)%3 == 0 && s.refuse.Add(-1) >= 0 {
		return errDown
	}
	return s.store.Apply(cell, ev, c)
}

func TestRefusedChangeIsMadeAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &balky{store: newStore()}
		s.refuse.Store(10)
		var emitted journal[actors.Event]
		r := spawnKeyed(t, counter(), lasting(), host.WithStore(s), host.OnEmit(emitted.add), host.Workers(1))
		for n := range 60 {
			require.NoError(t, host.Tell(r, keyed{fmt.Sprint("k", n%3), 1}))
		}
		require.NoError(t, r.Wait(context.Background()))
		for k := range 3 {
			assert.Equal(t, count{20, 20}, sumOf(t, r, fmt.Sprint("k", k)))
		}
		assert.Len(t, emitted.take(), 60, "emissions are told once")
		assert.Equal(t, host.RefStats{Told: 60, Handled: 60}, r.Stats(), "it is nobody's failure")
	})
}

func TestCellsThatCannotBeLoadedAreTriedAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newStore()
		s.fail = errDown
		r := spawnKeyed(t, counter(), steady(1, supervision.Store), host.WithStore(s), host.OnEmit(func(actors.Event) {}))
		require.NoError(t, host.Tell(r, keyed{"a", 1}))
		time.Sleep(time.Minute)
		s.mu.Lock()
		s.fail = nil
		loads := len(s.loads)
		s.mu.Unlock()
		assert.Greater(t, loads, 3)
		assert.Less(t, loads, 12, "less and less often")
		require.NoError(t, r.Wait(context.Background()))
		assert.Equal(t, host.RefStats{Told: 1, Handled: 1}, r.Stats())
	})
}

func TestStoppedRefLeavesSnapshotsToTheNext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newStore()
		r := spawnKeyed(t, counter(), lasting(), host.WithStore(s))
		for n := range 10 {
			require.NoError(t, host.Tell(r, keyed{fmt.Sprint("k", n%2), 1}))
		}
		require.NoError(t, r.Wait(context.Background()))
		require.NoError(t, r.Stop(context.Background()))
		assert.Zero(t, s.Stats().Records)
		// Another version of the Steps need not replay what the last one did.
		r = spawnKeyed(t, counter(actors.Version[count](2)), lasting(), host.WithStore(s))
		_, err := host.Handle(context.Background(), r, keyed{"k0", 1})
		require.NoError(t, err)
		assert.Equal(t, count{6, 6}, sumOf(t, r, "k0"))
	})
}

func TestIdleCellsOfARefArePassivated(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := spawnKeyed(t, counter(actors.ExpireAfter[count](time.Hour)), lasting())
		require.NoError(t, host.Tell(r, keyed{"a", 1}))
		time.Sleep(7 * time.Minute)
		assert.Zero(t, r.CellStats().Resident)
		assert.EqualValues(t, 1, r.CellStats().Passivated)
		assert.Equal(t, count{1, 1}, sumOf(t, r, "a"))
		time.Sleep(2 * time.Hour)
		_, err := host.Ask[count](context.Background(), r, "a", sumQuery{})
		require.ErrorIs(t, err, host.ErrNoCell)
	})
}

func TestStuckCellOfARefKeepsItsOrder(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		policy := steady(2, supervision.Store)
		policy.Timeout = time.Second
		r := spawnKeyed(t, counter(), policy, host.OnDead(func(supervision.DeadLetter) {}), host.Workers(1))
		for _, p := range []keyed{{"a", 1}, {"a", stucks}, {"a", 2}, {"b", 1}} {
			require.NoError(t, host.Tell(r, p))
		}
		require.NoError(t, r.Wait(context.Background()))
		assert.Equal(t, count{3, 2}, sumOf(t, r, "a"))
		assert.EqualValues(t, 1, r.Stats().Dead)
		time.Sleep(2 * time.Hour)
		assert.Equal(t, count{3, 2}, sumOf(t, r, "a"))
	})
}
