package spine_test

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/necrostack/necrostack/actors"
	"github.com/necrostack/necrostack/persistence"
	"github.com/necrostack/necrostack/spine"
	"github.com/necrostack/necrostack/spine/spinetest"
	"github.com/necrostack/necrostack/supervision"
)

// sumOf asks an accounts organ.
func sumOf(t *testing.T, r *spinetest.Running, account string) int {
	t.Helper()
	sum, err := spine.Ask[int](t.Context(), r, "accounts", account, howMuch{})
	require.NoError(t, err)
	return sum
}

func TestStepThatNeverReturnsCostsItsEventAlone(t *testing.T) {
	bubble(t, func(t *testing.T) {
		stuck := func(d deposit) error {
			if d.Cents == 13 {
				time.Sleep(24 * time.Hour)
			}
			return nil
		}
		m := spine.NewMemory()
		r := spinetest.Start(t, m, spine.WithPolicy(once(supervision.Store)), spine.WithOrgan(accounts("accounts", stuck), spine.Workers(1)))
		r.Publish(deposit{"a", 1}, deposit{"a", 13}, deposit{"b", 4}, deposit{"a", 2})
		r.Idle()
		ls := letters(t, m)
		require.Len(t, ls, 1)
		assert.Equal(t, actors.KindTimeout, ls[0].Reason)
		assert.Equal(t, 3, sumOf(t, r, "a"), "what the stuck step has changed is not seen")
		assert.Equal(t, 4, sumOf(t, r, "b"), "its neighbours on the lane go on")
		assert.Equal(t, 1, r.Stats().Abandoned)
		time.Sleep(25 * time.Hour)
		assert.Equal(t, 3, sumOf(t, r, "a"), "what it comes back with concerns nobody")
		assert.Zero(t, r.Stats().Abandoned)
	})
}

func TestCellThatCannotBeTrustedIsQuarantinedAndTheOthersGoOn(t *testing.T) {
	bubble(t, func(t *testing.T) {
		m := spine.NewMemory()
		first, err := spine.New(m.Attach(), spine.WithLogger(slog.New(slog.DiscardHandler)), spine.WithOrgan(accounts("accounts", fine)))
		require.NoError(t, err)
		_, err = first.RunUntilIdle(t.Context(), deposit{"a", 1}, deposit{"b", 1})
		require.NoError(t, err)

		again := m.Attach()
		r := spinetest.Start(t, again, spine.WithPolicy(steady(supervision.Store)), spine.WithOrgan(accounts("accounts", fine)))
		damaged := persistence.Snapshot{Seq: 1, Version: 1, State: []byte(`{"Cents":1000000}`)} // without its checksum
		require.NoError(t, again.Save(t.Context(), persistence.Cell{Organ: "accounts", Key: "a"}, damaged))
		r.Publish(deposit{"a", 2}, deposit{"b", 2}, deposit{"a", 3})
		r.Idle()

		ls := letters(t, again)
		require.Len(t, ls, 2, "what comes for it is not lost")
		for _, l := range ls {
			assert.Equal(t, actors.KindQuarantine, l.Reason)
			assert.Equal(t, "a", l.Event.Key())
			assert.Contains(t, l.Error, "checksum")
		}
		_, err = spine.Ask[int](t.Context(), r, "accounts", "a", howMuch{})
		require.ErrorIs(t, err, persistence.ErrCorrupt)
		assert.Equal(t, 3, sumOf(t, r, "b"), "the others go on")
		assert.EqualValues(t, 1, r.Stats().Organs["accounts"].Cells.Quarantined)
		alarms := 0
		for _, n := range r.Notes() {
			if n.Kind == spine.NoteQuarantine {
				alarms++
				assert.Equal(t, "accounts", n.Organ)
			}
		}
		assert.Equal(t, 1, alarms)
	})
}

func TestCellExpires(t *testing.T) {
	bubble(t, func(t *testing.T) {
		o := actors.NewKeyed("accounts", func(string) *balance { return &balance{} },
			actors.Step(func(b *balance, ev actors.EventOf[deposit]) ([]actors.Payload, error) {
				b.Cents += ev.Payload.Cents
				return nil, nil
			}),
			actors.Answer(func(b *balance, _ howMuch) (int, error) { return b.Cents, nil }),
			actors.ExpireAfter[balance](time.Hour))
		r := spinetest.Start(t, spine.NewMemory(), spine.WithOrgan(o))
		r.Publish(deposit{"a", 1}, deposit{"b", 1})
		r.Idle()
		time.Sleep(50 * time.Minute)
		r.Publish(deposit{"a", 2})
		r.Idle()
		assert.Equal(t, 3, sumOf(t, r, "a"))
		time.Sleep(50 * time.Minute)
		_, err := spine.Ask[int](t.Context(), r, "accounts", "b", howMuch{})
		require.ErrorIs(t, err, spine.ErrNoCell)
		r.Publish(deposit{"a", 3}, deposit{"b", 4})
		r.Idle()
		assert.Equal(t, 6, sumOf(t, r, "a"), "its last event was no hour ago")
		assert.Equal(t, 4, sumOf(t, r, "b"), "it began anew")
	})
}

func TestWorkerWithoutAnInstanceLosesNothing(t *testing.T) {
	bubble(t, func(t *testing.T) {
		made := 0
		seen := newDiary[ping]()
		o := actors.PerWorker("flaky", func() (actors.Organ, error) {
			// The first instance tells the types; then it takes three tries to get another.
			if made++; made > 1 && made < 5 {
				return actors.Organ{}, errors.New("no connection")
			}
			return actors.NewOrgan("flaky", actors.Sink(func(_ context.Context, ev actors.EventOf[ping]) error {
				if made == 1 {
					panic("the connection broke")
				}
				seen.add(ev.Payload)
				return nil
			})), nil
		})
		m := spine.NewMemory()
		r := spinetest.Start(t, m, spine.WithPolicy(steady(supervision.Store)), spine.WithOrgan(o))
		r.Publish(ping{1}, ping{2}, ping{3})
		r.Idle()
		assert.ElementsMatch(t, []ping{{1}, {2}, {3}}, seen.entries())
		assert.Empty(t, letters(t, m))
		assert.Equal(t, 5, made)
	})
}
