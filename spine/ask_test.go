package spine_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/necrostack/necrostack/actors"
	"github.com/necrostack/necrostack/spine"
	"github.com/necrostack/necrostack/spine/spinetest"
)

func TestAskErrors(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := quiet(t, spine.NewMemory(), spine.WithOrgan(accounts("accounts", fine)))
		_, err := spine.Ask[int](t.Context(), s, "accounts", "a", howMuch{})
		require.ErrorIs(t, err, spine.ErrNotRunning)

		r := spinetest.Start(t, spine.NewMemory(), spine.WithOrgan(accounts("accounts", fine)), spine.WithOrgan(sink("a", newDiary[ping]())))
		_, err = spine.Ask[int](t.Context(), r, "accounts", "a", howMuch{})
		require.ErrorIs(t, err, spine.ErrNoCell)
		require.ErrorContains(t, err, "actors: no such cell: organ accounts, key ")
		_, err = spine.Ask[int](t.Context(), r, "nobody", "a", howMuch{})
		require.ErrorIs(t, err, spine.ErrNoOrgan)
		_, err = spine.Ask[int](t.Context(), r, "a", "a", howMuch{})
		require.ErrorIs(t, err, spine.ErrNoOrgan, "a stateless organ has no cells")
		_, err = spine.Ask[int](t.Context(), r, "accounts", "", howMuch{})
		require.ErrorIs(t, err, actors.ErrName)
		r.Publish(deposit{"a", 1})
		r.Idle()
		_, err = spine.Ask[int](t.Context(), r, "accounts", "a", ping{})
		require.ErrorIs(t, err, actors.ErrNoAnswer)
		_, err = spine.Ask[string](t.Context(), r, "accounts", "a", howMuch{})
		require.ErrorContains(t, err, "reply of organ accounts")
		assert.EqualValues(t, 1, r.Stats().Organs["accounts"].Cells.Resident, "asking makes no cell")
	})
}

// Between a Step and the answer to its commit the cell is ahead of the store.
func TestAskShowsCommittedStateOnly(t *testing.T) {
	bubble(t, func(t *testing.T) {
		gate := &gated{Memory: spine.NewMemory(), settles: make(chan struct{})}
		r := spinetest.Start(t, gate, spine.WithOrgan(accounts("accounts", fine)))
		r.Publish(deposit{"a", 5})
		synctest.Wait()
		asked := make(chan error, 1)
		go func() { // ends with the answer
			sum, err := spine.Ask[int](t.Context(), r, "accounts", "a", howMuch{})
			assert.Equal(t, 5, sum)
			asked <- err
		}()
		synctest.Wait()
		select {
		case <-asked:
			t.Error("answered before the commit was")
		default:
		}
		close(gate.settles)
		require.NoError(t, <-asked)
	})
}

// gated is a backend that settles nothing until settles is closed.
type gated struct {
	*spine.Memory
	settles chan struct{}
}

func (g *gated) Settle(ctx context.Context, ss []spine.Settlement) ([]spine.Answer, error) {
	<-g.settles
	return g.Memory.Settle(ctx, ss)
}

func TestManyMayAskAtOnceWhileEventsFlow(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := spinetest.Start(t, spine.NewMemory(), spine.WithOrgan(accounts("accounts", fine)))
		r.Publish(repeat(10, func(i int) actors.Payload { return deposit{fmt.Sprintf("a%d", i), 0} })...)
		r.Idle()
		var group sync.WaitGroup
		for i := range 10 {
			group.Go(func() {
				key, last := fmt.Sprintf("a%d", i), 0
				for n := range 50 {
					r.Publish(deposit{key, 1})
					sum, err := spine.Ask[int](t.Context(), r, "accounts", key, howMuch{})
					assert.NoError(t, err)
					assert.GreaterOrEqual(t, sum, last)
					assert.LessOrEqual(t, sum, n+1)
					last = sum
				}
			})
		}
		group.Wait()
		r.Idle()
		for i := range 10 {
			sum, err := spine.Ask[int](t.Context(), r, "accounts", fmt.Sprintf("a%d", i), howMuch{})
			require.NoError(t, err)
			assert.Equal(t, 50, sum)
		}
	})
}

func TestAskThatPanicsCostsTheAskerAlone(t *testing.T) {
	bubble(t, func(t *testing.T) {
		organ := actors.NewKeyed("accounts", func(string) *balance { return &balance{} },
			actors.Step(func(b *balance, ev actors.EventOf[deposit]) ([]actors.Payload, error) {
				b.Cents += ev.Payload.Cents
				return nil, nil
			}),
			actors.Answer(func(b *balance, q howMuch) (int, error) { return b.Cents, nil }),
			actors.Answer(func(b *balance, q ping) (int, error) { panic("no") }))
		r := spinetest.Start(t, spine.NewMemory(), spine.WithOrgan(organ))
		r.Publish(deposit{"a", 5})
		r.Idle()
		_, err := spine.Ask[int](t.Context(), r, "accounts", "a", ping{})
		require.Error(t, err)
		sum, err := spine.Ask[int](t.Context(), r, "accounts", "a", howMuch{})
		require.NoError(t, err)
		assert.Equal(t, 5, sum)
	})
}

func TestAskEndsWithItsContextAndWithTheRun(t *testing.T) {
	bubble(t, func(t *testing.T) {
		gate := &gated{Memory: spine.NewMemory(), settles: make(chan struct{})}
		s := quiet(t, gate, spine.WithOrgan(accounts("accounts", fine)))
		stop := running(t, s)
		_, err := s.Publish(t.Context(), deposit{"a", 5})
		require.NoError(t, err)
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		_, err = spine.Ask[int](ctx, s, "accounts", "a", howMuch{})
		require.ErrorIs(t, err, context.DeadlineExceeded)
		asked := make(chan error, 1)
		go func() { // ends with the run
			_, err := spine.Ask[int](t.Context(), s, "accounts", "a", howMuch{})
			asked <- err
		}()
		synctest.Wait()
		ended := make(chan error, 1)
		go func() { ended <- stop() }() // ends when the gate opens
		require.ErrorIs(t, <-asked, spine.ErrNotRunning)
		close(gate.settles)
		require.NoError(t, <-ended)
	})
}
