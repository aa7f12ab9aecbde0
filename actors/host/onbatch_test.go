package host_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/necrostack/necrostack/actors"
	"github.com/necrostack/necrostack/actors/host"
)

var errTwo = errors.New("two")

// answering is an organ whose OnBatch answers each ping: number 2 fails, the others emit a pong. before may be nil.
func answering(sizes *journal[int], before func(context.Context, []actors.EventOf[ping])) actors.Organ {
	return actors.NewOrgan("answering", actors.OnBatch(func(ctx context.Context, evs []actors.EventOf[ping]) []actors.BatchResult {
		sizes.add(len(evs))
		if before != nil {
			before(ctx, evs)
		}
		results := make([]actors.BatchResult, len(evs))
		for i, ev := range evs {
			if results[i].Err = ctx.Err(); ev.Payload.N == 2 && results[i].Err == nil {
				results[i].Err = errTwo
			}
			results[i].Emit = actors.Emit(pong{})
		}
		return results
	}))
}

func TestOnBatchResultsAreEachEventsOwn(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var sizes journal[int]
		o := own(t, answering(&sizes, nil), host.OrganConfig{})
		evs := pings(t, 4)
		b := o.run(evs...)
		assert.Equal(t, []int{4}, sizes.take(), "a failure is no reason to call it again")
		require.Equal(t, []host.OutcomeCode{host.Handled, host.Handled, host.Failed, host.Handled}, codes(b))
		require.ErrorIs(t, b.Outcomes[2].Failure.Err, errTwo)
		assert.Empty(t, b.Outcomes[2].Emitted, "who fails emits nothing")
		assert.False(t, b.Down)
		for _, i := range []int{0, 1, 3} {
			require.Len(t, b.Outcomes[i].Emitted, 1)
			assert.Equal(t, evs[i].ID(), b.Outcomes[i].Emitted[0].Causation())
		}
		alone := o.run(evs[1])
		assert.Equal(t, b.Outcomes[1].Emitted[0].ID(), alone.Outcomes[0].Emitted[0].ID(), "ids do not depend on the batch")
	})
}

func TestOnBatchPanicCostsOneEvent(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var sizes journal[int]
		o := own(t, answering(&sizes, func(_ context.Context, evs []actors.EventOf[ping]) {
			for _, ev := range evs {
				if ev.Payload.N == 1 {
					panic("in OnBatch")
				}
			}
		}), host.OrganConfig{})
		b := o.run(pings(t, 4)...)
		assert.Equal(t, []int{4, 1, 1}, sizes.take())
		assert.Equal(t, []host.OutcomeCode{host.Handled, host.Failed, host.Undone, host.Undone}, codes(b))
		assert.Equal(t, actors.KindPanic, b.Outcomes[1].Failure.Kind)
		assert.True(t, b.Down)
	})
}

func TestOnBatchSecondAttemptsGoAlone(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var sizes journal[int]
		o := own(t, answering(&sizes, nil), host.OrganConfig{})
		b := batchOf(pings(t, 4)...)
		b.Items[1].Attempt = 2
		o.runBatch(b)
		assert.Equal(t, []int{1, 1, 2}, sizes.take())
	})
}

func TestOnBatchTimeoutIsEachEventsOwn(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var sizes journal[int]
		o := own(t, answering(&sizes, func(ctx context.Context, _ []actors.EventOf[ping]) { <-ctx.Done() }),
			host.OrganConfig{Policy: within(10 * time.Second)})
		b := o.sleepRun(11*time.Second, pings(t, 2)...)
		require.Equal(t, all(host.Failed, 2), codes(b))
		assert.Equal(t, actors.KindTimeout, b.Outcomes[1].Failure.Kind)
		assert.Equal(t, []int{2}, sizes.take())
	})
}

func TestOnBatchEmissionsAreBounded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		o := own(t, actors.NewOrgan("much", actors.OnBatch(func(_ context.Context, evs []actors.EventOf[ping]) []actors.BatchResult {
			results := make([]actors.BatchResult, len(evs))
			results[1].Emit = actors.Emit(pong{}, pong{}, pong{})
			return results
		})), host.OrganConfig{MaxEmissions: 2})
		b := o.run(pings(t, 3)...)
		require.Equal(t, []host.OutcomeCode{host.Handled, host.Failed, host.Handled}, codes(b))
		assert.Equal(t, actors.KindEnqueue, b.Outcomes[1].Failure.Kind)
	})
}
