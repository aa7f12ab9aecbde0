package host_test

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/necrostack/necrostack/actors"
	"github.com/necrostack/necrostack/actors/host"
	"github.com/necrostack/necrostack/persistence"
)

func TestCellsStepInOrderPerKeyAndLoadTogether(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		o := ownCounter(t, host.OrganConfig{})
		assert.True(t, o.organ.Keyed())
		var ps []keyed
		for i := range 60 {
			ps = append(ps, keyed{fmt.Sprint("k", i%3), i})
		}
		b := o.step(ps...)
		require.Equal(t, all(host.Handled, 60), codes(b))
		assert.Equal(t, [][]string{{"k0", "k1", "k2"}}, o.store.loaded(), "one Load for all missing cells")
		sums := map[string]total{}
		for i, out := range b.Outcomes {
			got, err := actors.Decode[total](out.Emitted[0])
			require.NoError(t, err)
			key := ps[i].Key
			want := total{sums[key].Sum + ps[i].N, sums[key].Steps + 1}
			require.Equal(t, want, got)
			sums[key] = want
			require.EqualValues(t, want.Steps-1, out.Change.Base)
			require.Equal(t, 1, out.Change.Version)
			require.Equal(t, b.Started, out.Change.At)
			require.Nil(t, out.Change.State, "in memory a change is a record")
		}
		o.step(keyed{"k0", 1}, keyed{"k3", 1})
		assert.Equal(t, [][]string{{"k3"}}, o.store.loaded(), "the others were there")
		assert.EqualValues(t, 4, o.organ.CellStats().Resident)
		assert.EqualValues(t, 4, o.organ.CellStats().Loaded)
	})
}

func TestFailedStepIsForgottenAndItsKeyHeld(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		n    int
		kind actors.Kind
		down bool
	}{
		"error":       {fails, actors.KindPermanent, false},
		"panic":       {panics, actors.KindPanic, true},
		"goexit":      {goexits, actors.KindPanic, true},
		"unencodable": {bulks, actors.KindEnqueue, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				o := ownCounter(t, host.OrganConfig{Encode: true, Snapshots: persistence.SnapshotPolicy{InPlace: -1}})
				o.step(keyed{"a", 1}, keyed{"b", 10})
				o.store.loaded()
				b := o.step(keyed{"a", 2}, keyed{"a", c.n}, keyed{"b", 20}, keyed{"a", 4})
				rest := []host.OutcomeCode{host.Handled, host.Held}
				if c.down {
					rest = all(host.Undone, 2)
				}
				require.Equal(t, append([]host.OutcomeCode{host.Handled, host.Failed}, rest...), codes(b))
				assert.Equal(t, c.kind, b.Outcomes[1].Failure.Kind)
				assert.Equal(t, c.down, b.Down)
				assert.Nil(t, b.Outcomes[1].Change)
				if c.down {
					assert.Equal(t, []host.NoticeKind{host.Restarting, host.LaneReady}, o.kinds())
				}
				o.store.loaded()
				o.step(keyed{"a", 4}, keyed{"b", 0})
				assert.Equal(t, [][]string{{"a"}}, o.store.loaded(), "rebuilt; its neighbour is as good as before")
				o.mustSum("a", count{Sum: 7, Steps: 3})
			})
		})
	}
}

func TestStuckStepCostsTheLaneItsCells(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		o := ownCounter(t, host.OrganConfig{Policy: within(time.Second)})
		o.step(keyed{"a", 1}, keyed{"b", 10})
		o.store.loaded()
		o.lane().Run(batchOf(event(t, keyed{"b", 20}), event(t, keyed{"a", stucks}), event(t, keyed{"a", 4})))
		time.Sleep(2 * time.Second)
		b := o.store.commit(t, o.only())
		require.Equal(t, []host.OutcomeCode{host.Handled, host.Failed, host.Undone}, codes(b))
		assert.Equal(t, actors.KindTimeout, b.Outcomes[1].Failure.Kind)
		assert.True(t, b.Abandoned)
		assert.Equal(t, []host.NoticeKind{host.HandlerAbandoned, host.LaneReady}, o.kinds())
		o.step(keyed{"a", 4}, keyed{"b", 0})
		assert.Equal(t, [][]string{{"a", "b"}}, o.store.loaded(), "the new actor starts without cells")
		o.mustSum("a", count{Sum: 5, Steps: 2})
		o.mustSum("b", count{Sum: 30, Steps: 3})
		time.Sleep(2 * time.Hour)
		assert.EqualValues(t, 2, o.organ.CellStats().Resident, "those of the old one do not count any more")
		o.mustSum("a", count{Sum: 5, Steps: 2})
	})
}

func TestEventWithoutAKey(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		o := ownCounter(t, host.OrganConfig{})
		b := o.run(event(t, actors.Raw{Type: "KEYED", Data: []byte(`{"N":1}`)}), event(t, keyed{"a", 1}))
		require.Equal(t, []host.OutcomeCode{host.Failed, host.Handled}, codes(b))
		assert.Equal(t, actors.KindNoKey, b.Outcomes[0].Failure.Kind)
		assert.ErrorContains(t, b.Outcomes[0].Failure.Err, "organ counter is keyed, and the event KEYED has no key: its payload needs an EventKey")
	})
}

func TestStoreThatDoesNotAnswerIsAProblemOfTheBatch(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		o := ownCounter(t, host.OrganConfig{})
		o.step(keyed{"a", 1})
		o.store.fail = errDown
		b := o.run(event(t, keyed{"a", 1}), event(t, keyed{"b", 1}))
		assert.Equal(t, all(host.Undone, 2), codes(b))
		require.ErrorIs(t, b.Problem, errDown)
		assert.ErrorContains(t, b.Problem, "load cells of organ counter")
		assert.False(t, b.Down)
		_, err := o.sum("b")
		require.ErrorIs(t, err, errDown)
		o.store.fail = nil
		o.store.loaded()
		o.step(keyed{"a", 1}, keyed{"b", 1})
		assert.Equal(t, [][]string{{"b"}}, o.store.loaded())
		o.mustSum("b", count{1, 1})
	})
}

func TestPanicOutsideOfAnyStepIsAProblemOfTheBatch(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		o := ownCounter(t, host.OrganConfig{})
		o.store.bend = func(persistence.Cell, *persistence.History) { panic("in Load") }
		b := o.run(event(t, keyed{"a", 1}))
		assert.Equal(t, all(host.Undone, 1), codes(b))
		require.ErrorContains(t, b.Problem, "in Load")
		assert.True(t, b.Down)
		o.store.bend = nil
		o.step(keyed{"a", 1})
		o.mustSum("a", count{1, 1})
	})
}

func TestDamagedCellIsQuarantinedAndTheOthersGoOn(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		o := ownCounter(t, host.OrganConfig{})
		o.step(keyed{"a", 1}, keyed{"b", 1})
		o.lane().Forget()
		o.store.bend = func(c persistence.Cell, h *persistence.History) {
			if c.Key == "a" {
				h.Last++
			}
		}
		b := o.step(keyed{"a", 1}, keyed{"b", 1}, keyed{"a", 1})
		require.Equal(t, []host.OutcomeCode{host.Failed, host.Handled, host.Failed}, codes(b))
		assert.Equal(t, actors.KindQuarantine, b.Outcomes[0].Failure.Kind)
		assert.Equal(t, actors.KindQuarantine, b.Outcomes[2].Failure.Kind)
		o.mu.Lock()
		require.Len(t, o.notices, 1)
		assert.Equal(t, host.CellQuarantined, o.notices[0].Kind)
		assert.ErrorIs(t, o.notices[0].Err, persistence.ErrCorrupt)
		assert.Same(t, o.lane(), o.notices[0].Lane)
		o.notices = nil
		o.mu.Unlock()
		assert.EqualValues(t, 1, o.organ.CellStats().Quarantined)
		_, err := o.sum("a")
		require.ErrorIs(t, err, persistence.ErrCorrupt)
		o.store.loaded()
		o.step(keyed{"a", 1})
		assert.Empty(t, o.store.loaded(), "it is not tried again at every event")
		o.store.bend = nil
		o.lane().Forget()
		o.step(keyed{"a", 1})
		o.mustSum("a", count{2, 2})
	})
}

func TestFreshStateThatFailsCostsItsOwnEventOnly(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ready := false
		organ := actors.NewKeyed("counter", func(key string) *count {
			switch {
			case ready, key == "good":
				return &count{}
			case key == "nil":
				return nil
			}
			panic("in fresh")
		}, actors.Step(stepCounter), actors.Answer(func(c *count, _ sumQuery) (count, error) { return *c, nil }))
		s := newStore()
		o := cellOwner{own(t, organ, host.OrganConfig{Store: s, Workers: 1}), s}
		b := o.step(keyed{"good", 1}, keyed{"nil", 1}, keyed{"bad", 1}, keyed{"good", 1})
		require.Equal(t, []host.OutcomeCode{host.Handled, host.Failed, host.Failed, host.Undone}, codes(b))
		assert.Equal(t, actors.KindPermanent, b.Outcomes[1].Failure.Kind)
		assert.Equal(t, actors.KindPanic, b.Outcomes[2].Failure.Kind)
		assert.True(t, b.Down)
		_, err := o.sum("bad")
		require.ErrorContains(t, err, "in fresh")
		ready = true
		o.step(keyed{"bad", 1}, keyed{"nil", 1})
		o.mustSum("bad", count{1, 1})
		o.mustSum("nil", count{1, 1})
	})
}

func TestSmallStateIsStoredInPlace(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		o := ownCounter(t, host.OrganConfig{Encode: true, Snapshots: persistence.SnapshotPolicy{InPlace: 24}})
		b := o.step(keyed{"a", 1})
		assert.JSONEq(t, `{"Sum":1,"Steps":1}`, string(b.Outcomes[0].Change.State))
		assert.True(t, persistence.Exact(b.Outcomes[0].Change.Digest))
		// One byte too many: it is stored whole once more, and by records from then on.
		b = o.step(keyed{"a", 999_999_999}, keyed{"a", 1})
		assert.NotNil(t, b.Outcomes[0].Change.State)
		assert.Nil(t, b.Outcomes[1].Change.State)
		o.lane().Forget()
		o.mustSum("a", count{Sum: 1_000_000_001, Steps: 3})
		assert.Empty(t, o.store.saved(), "no snapshot besides")
	})
}

func TestWithoutEncodingAStateIsStoredWholeWhileARecordWouldOutweighIt(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		o := ownCounter(t, host.OrganConfig{Snapshots: persistence.SnapshotPolicy{InPlace: 1000, Weight: 20}})
		b := o.step(keyed{"a", 1})
		assert.JSONEq(t, `{"Sum":1,"Steps":1}`, string(b.Outcomes[0].Change.State))
		// A record of 512 bytes does not outweigh 27 bytes 20 times.
		b = o.step(keyed{"a", 99_999_999_999}, keyed{"a", 1})
		assert.NotNil(t, b.Outcomes[0].Change.State)
		assert.Nil(t, b.Outcomes[1].Change.State)
		o.lane().Forget()
		o.mustSum("a", count{Sum: 100_000_000_001, Steps: 3})
		assert.Empty(t, o.store.saved())
	})
}

// secretive is a state whose codec fails when told to.
type secretive struct{ fail string }

func (s *secretive) MarshalBinary() ([]byte, error) {
	switch s.fail {
	case "error":
		return nil, errRefused
	case "panic":
		panic("in MarshalBinary")
	}
	return []byte("x"), nil
}
func (*secretive) UnmarshalBinary([]byte) error { return nil }

func TestStateThatDoesNotEncode(t *testing.T) {
	t.Parallel()
	for name, kind := range map[string]actors.Kind{"error": actors.KindPermanent, "panic": actors.KindPanic} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				organ := actors.NewKeyed("counter", func(string) *secretive { return &secretive{} },
					actors.Step(func(s *secretive, ev actors.EventOf[keyed]) ([]actors.Payload, error) {
						if ev.Payload.N == 1 {
							s.fail = name
						}
						return nil, nil
					}))
				s := newStore()
				o := cellOwner{own(t, organ, host.OrganConfig{Store: s, Workers: 1, Encode: true}), s}
				b := o.step(keyed{"a", 0}, keyed{"a", 1})
				require.Equal(t, []host.OutcomeCode{host.Handled, host.Failed}, codes(b))
				assert.Equal(t, kind, b.Outcomes[1].Failure.Kind)
				assert.Equal(t, all(host.Handled, 1), codes(o.step(keyed{"a", 0})))

				// By records, the snapshot is what fails: nothing is lost by that.
				s = newStore()
				o = cellOwner{own(t, organ, host.OrganConfig{Store: s, Workers: 1}), s}
				o.step(keyed{"a", 1})
				flushed := 0
				o.lane().Flush(func() { flushed++ })
				synctest.Wait()
				assert.Equal(t, 1, flushed)
				assert.Empty(t, s.saved())
				assert.Equal(t, all(host.Handled, 1), codes(o.step(keyed{"a", 0})))
			})
		})
	}
}

func TestOnCellFailedIsAskedForByTheItem(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		o := ownCounter(t, host.OrganConfig{}, actors.OnCellFailed[count](func(ev actors.EventOf[keyed], f actors.Failure) []actors.Payload {
			return actors.Emit(pong{ev.Payload.N})
		}))
		b := batchOf(event(t, keyed{"a", 5}), event(t, keyed{"b", 1}))
		b.Items[0].Failed = &actors.Failure{Kind: actors.KindPermanent, Err: errRefused}
		b = o.runBatch(b)
		require.Equal(t, all(host.Handled, 2), codes(b))
		assert.Len(t, b.Outcomes[0].Emitted, 1)
		assert.Nil(t, b.Outcomes[0].Change)
		assert.Equal(t, [][]string{{"b"}}, o.store.loaded(), "it needs no cell")
	})
}
