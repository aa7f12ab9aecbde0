package host_test

import (
	"encoding/json"
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
)

func TestLeastRecentlyUsedCellsArePassivatedAtTheLimit(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		o := ownCounter(t, host.OrganConfig{ResidentCells: 3})
		for i := range 3 {
			o.step(keyed{fmt.Sprint("k", i), i})
		}
		o.step(keyed{"k0", 1}) // k1 is the oldest now
		o.step(keyed{"k3", 1})
		assert.Empty(t, o.store.saved(), "room is made when everything is committed: with the next batch")
		o.step(keyed{"k3", 1})
		saved := o.store.saved()
		require.Len(t, saved, 1)
		assert.EqualValues(t, 1, saved[0].Seq)
		stats := o.organ.CellStats()
		assert.EqualValues(t, 3, stats.Resident)
		assert.EqualValues(t, 1, stats.Passivated)
		assert.EqualValues(t, 1, stats.Snapshots)
		o.store.loaded()
		o.mustSum("k1", count{Sum: 1, Steps: 1})
		assert.Equal(t, [][]string{{"k1"}}, o.store.loaded())
		o.mustSum("k0", count{Sum: 1, Steps: 2})
	})
}

func TestCellWhoseSnapshotIsNotSavedStays(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		o := ownCounter(t, host.OrganConfig{ResidentCells: 1})
		o.store.refuse = errDown
		o.step(keyed{"a", 1})
		o.step(keyed{"b", 1})
		o.step(keyed{"b", 1})
		assert.EqualValues(t, 2, o.organ.CellStats().Resident)
		o.store.refuse = nil
		o.step(keyed{"b", 1})
		assert.EqualValues(t, 1, o.organ.CellStats().Resident)
		o.mustSum("a", count{1, 1})
		o.mustSum("b", count{3, 3})
	})
}

func TestSweepPassivatesWhatIsIdle(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		o := ownCounter(t, host.OrganConfig{IdleAfter: time.Minute})
		o.step(keyed{"a", 1}, keyed{"b", 1})
		time.Sleep(40 * time.Second)
		o.step(keyed{"b", 1})
		time.Sleep(20 * time.Second)
		o.lane().Sweep()
		synctest.Wait()
		assert.EqualValues(t, 1, o.organ.CellStats().Passivated)
		saved := o.store.saved()
		require.Len(t, saved, 1)
		assert.EqualValues(t, 1, saved[0].Seq)
		assert.Equal(t, persistence.Stats{Cells: 2, Records: 2, Bytes: len(saved[0].State)}, o.store.Stats())
		o.mustSum("a", count{1, 1})
		o.lane().Sweep()
		synctest.Wait()
		assert.EqualValues(t, 1, o.organ.CellStats().Passivated, "a question is a use, too")
	})
}

func TestSnapshotsAreTakenByPolicy(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		o := ownCounter(t, host.OrganConfig{Snapshots: persistence.SnapshotPolicy{Records: 3}})
		for range 7 {
			o.step(keyed{"a", 1})
		}
		o.lane().Sweep()
		synctest.Wait()
		saved := o.store.saved()
		require.Len(t, saved, 2)
		assert.EqualValues(t, 3, saved[0].Seq)
		assert.EqualValues(t, 6, saved[1].Seq)
		o.lane().Forget()
		o.mustSum("a", count{7, 7})
	})
}

func TestFlushSavesWhatIsNotSaved(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		o := ownCounter(t, host.OrganConfig{})
		o.step(keyed{"a", 1}, keyed{"b", 1})
		flushed := 0
		o.system.Interrupt() // what is committed is saved all the same
		o.lane().Flush(func() { flushed++ })
		synctest.Wait()
		assert.Equal(t, 1, flushed)
		assert.Len(t, o.store.saved(), 2)
		o.lane().Flush(func() { flushed++ })
		synctest.Wait()
		assert.Equal(t, 2, flushed)
		assert.Empty(t, o.store.saved())
		assert.Zero(t, o.store.Stats().Records)
	})
}

func TestExpiredCellBeginsAnew(t *testing.T) {
	t.Parallel()
	for _, resident := range []bool{true, false} {
		t.Run(fmt.Sprint("resident ", resident), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				o := ownCounter(t, host.OrganConfig{}, actors.ExpireAfter[count](day))
				o.step(keyed{"a", 1}, keyed{"a", 2})
				if !resident {
					o.lane().Forget()
				}
				time.Sleep(day)
				o.mustSum("a", count{3, 2})
				time.Sleep(time.Nanosecond)
				_, err := o.sum("a")
				require.ErrorIs(t, err, host.ErrNoCell)
				b := o.step(keyed{"a", 5}, keyed{"a", 6})
				assert.True(t, b.Outcomes[0].Change.Reset)
				assert.EqualValues(t, 2, b.Outcomes[0].Change.Base)
				assert.False(t, b.Outcomes[1].Change.Reset)
				o.mustSum("a", count{11, 2})
				assert.EqualValues(t, 1, o.organ.CellStats().Expired)
				o.lane().Forget()
				o.mustSum("a", count{11, 2})
			})
		})
	}
}

func TestExpiryIsNotPutOffByQuestions(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		o := ownCounter(t, host.OrganConfig{}, actors.ExpireAfter[count](day))
		o.step(keyed{"a", 1})
		o.lane().Forget()
		time.Sleep(day / 2)
		o.mustSum("a", count{1, 1}) // loads it
		time.Sleep(day/2 + 1)
		_, err := o.sum("a")
		require.ErrorIs(t, err, host.ErrNoCell)
	})
}

func TestSweepRemovesExpiredCells(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		o := ownCounter(t, host.OrganConfig{IdleAfter: 2 * day}, actors.ExpireAfter[count](day))
		o.step(keyed{"a", 1}, keyed{"b", 1})
		time.Sleep(day / 2)
		o.step(keyed{"b", 1})
		time.Sleep(day/2 + time.Minute)
		o.lane().Sweep()
		synctest.Wait()
		assert.EqualValues(t, 1, o.organ.CellStats().Resident)
		assert.EqualValues(t, 1, o.organ.CellStats().Expired)
		assert.Equal(t, 1, o.store.Stats().Cells, "the store forgets it, too")
		b := o.step(keyed{"a", 7})
		assert.Zero(t, b.Outcomes[0].Change.Base)
		assert.False(t, b.Outcomes[0].Change.Reset)
		o.mustSum("a", count{7, 1})
	})
}

func TestQuestions(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		o := ownCounter(t, host.OrganConfig{Policy: within(time.Second)})
		o.step(keyed{"a", 1})
		o.mustSum("a", count{1, 1})

		_, err := o.sum("nobody")
		require.ErrorIs(t, err, host.ErrNoCell)
		assert.ErrorContains(t, err, `organ counter, key "nobody"`)
		assert.EqualValues(t, 1, o.organ.CellStats().Resident, "asking makes no cell")

		_, err = o.ask("a", failQuery{})
		require.ErrorIs(t, err, errRefused)
		_, err = o.ask("a", "unknown")
		require.ErrorIs(t, err, actors.ErrNoAnswer)
		reply, err := o.ask("a", actors.Query{Name: "host_test.sumQuery", Data: []byte(`{}`)})
		require.NoError(t, err)
		assert.JSONEq(t, `{"Sum":1,"Steps":1}`, string(reply))

		_, err = o.ask("a", panicQuery{})
		require.ErrorContains(t, err, "in Answer")
		_, err = o.ask("a", goexitQuery{})
		require.ErrorContains(t, err, "ended its goroutine")
		assert.Empty(t, o.kinds(), "none of that costs a restart")
		o.mustSum("a", count{1, 1})
	})
}

func TestStuckAnswerIsAbandonedAndTheLaneGoesOn(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		o := ownCounter(t, host.OrganConfig{Policy: within(time.Second)})
		o.step(keyed{"a", 1})
		var errs []error
		answer := func(_ json.RawMessage, err error) { errs = append(errs, err) }
		o.lane().Ask("a", stuckQuery{}, answer)
		o.lane().Ask("a", sumQuery{}, answer)
		o.lane().Run(batchOf(event(t, keyed{"a", 2})))
		time.Sleep(2 * time.Second)
		synctest.Wait()
		require.Len(t, errs, 2)
		assert.ErrorContains(t, errs[0], "no result within 1s")
		require.NoError(t, errs[1], "what was told behind it is not lost")
		o.store.commit(t, o.only())
		assert.Equal(t, []host.NoticeKind{host.HandlerAbandoned}, o.kinds(), "the owner was not told of a lane that is down")
		o.mustSum("a", count{3, 2})
		time.Sleep(2 * time.Hour)
		assert.Equal(t, []host.NoticeKind{host.HandlerReturned}, o.kinds())
		require.Len(t, errs, 2)
	})
}

func TestQuestionsAndFlushesAlwaysGetAnAnswer(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		stateless := own(t, wayward(), host.OrganConfig{})
		_, err := stateless.ask("a", sumQuery{})
		require.ErrorContains(t, err, "has no cells")
		flushed := 0
		stateless.lane().Flush(func() { flushed++ })
		synctest.Wait()
		assert.Equal(t, 1, flushed)

		o := ownCounter(t, host.OrganConfig{})
		o.stop()
		_, err = o.sum("a")
		require.ErrorIs(t, err, host.ErrStopped)
		o.lane().Flush(func() { flushed++ })
		assert.Equal(t, 2, flushed)
		o.lane().Forget()
		o.lane().Sweep()
	})
}

func TestStuckRebuildIsAProblemOfTheBatch(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var slow atomic.Bool
		organ := actors.NewKeyed("counter", func(string) *count { return &count{} },
			actors.Step(func(c *count, ev actors.EventOf[keyed]) ([]actors.Payload, error) {
				if slow.Load() {
					time.Sleep(time.Hour)
				}
				c.Sum += ev.Payload.N
				return nil, nil
			}))
		s := newStore()
		config := host.OrganConfig{
			Store: s, Workers: 1, Policy: within(time.Second), Snapshots: persistence.SnapshotPolicy{InPlace: -1},
		}
		o := cellOwner{own(t, organ, config), s}
		o.step(keyed{"a", 1})
		o.lane().Forget()
		synctest.Wait()
		slow.Store(true)
		o.lane().Run(batchOf(event(t, keyed{"a", 1})))
		time.Sleep(2 * time.Second)
		b := o.only()
		assert.Equal(t, all(host.Undone, 1), codes(b))
		assert.ErrorContains(t, b.Problem, "no result within 1s")
		assert.True(t, b.Down)
		slow.Store(false)
		o.step(keyed{"a", 1})
		time.Sleep(2 * time.Hour)
	})
}
