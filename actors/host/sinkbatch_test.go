package host_test

import (
	"context"
	"errors"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/necrostack/necrostack/actors"
	"github.com/necrostack/necrostack/actors/host"
)

// batching is an organ that writes down the sizes of what its SinkBatch gets.
func batching(sizes *journal[int], f func(ctx context.Context, evs []actors.EventOf[ping]) error) actors.Organ {
	return actors.NewOrgan("batching",
		actors.SinkBatch(func(ctx context.Context, evs []actors.EventOf[ping]) error {
			sizes.add(len(evs))
			if f == nil {
				return nil
			}
			return f(ctx, evs)
		}),
		actors.Sink(func(context.Context, actors.EventOf[pong]) error { return nil }),
	)
}

func TestSinkBatchGetsWhatIsAtHand(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var sizes journal[int]
		o := own(t, batching(&sizes, nil), host.OrganConfig{})
		assert.Equal(t, all(host.Handled, 600), codes(o.run(pings(t, 600)...)))
		assert.Equal(t, []int{256, 256, 88}, sizes.take())

		evs := pings(t, 4)
		o.run(evs[0], event(t, pong{}), evs[1], evs[2])
		assert.Equal(t, []int{1, 2}, sizes.take(), "in order: another type stands between")

		b := batchOf(evs...)
		b.Items[2].Attempt = 2
		o.runBatch(b)
		assert.Equal(t, []int{2, 1, 1}, sizes.take(), "second attempts go alone")
	})
}

func TestSinkBatchErrorIsTriedOneByOne(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var sizes journal[int]
		o := own(t, batching(&sizes, func(_ context.Context, evs []actors.EventOf[ping]) error {
			for _, ev := range evs {
				if ev.Payload.N == 2 {
					return errors.New("two")
				}
			}
			return nil
		}), host.OrganConfig{})
		b := o.run(pings(t, 4)...)
		assert.Equal(t, []host.OutcomeCode{host.Handled, host.Handled, host.Failed, host.Handled}, codes(b))
		assert.Equal(t, []int{4, 1, 1, 1, 1}, sizes.take())
		assert.Equal(t, actors.KindError, b.Outcomes[2].Failure.Kind)
	})
}

func TestSinkBatchUndecodableEventCostsOnlyItself(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var sizes journal[int]
		o := own(t, batching(&sizes, nil), host.OrganConfig{})
		evs := pings(t, 3)
		evs[1] = event(t, actors.Raw{Type: "PING", Data: []byte(`{"N":"x"}`)})
		b := o.run(evs...)
		assert.Equal(t, []host.OutcomeCode{host.Handled, host.Failed, host.Handled}, codes(b))
		assert.Equal(t, actors.KindUndecodable, b.Outcomes[1].Failure.Kind)
	})
}

func TestSinkBatchPanicCostsOneEventAndRestarts(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var sizes journal[int]
		o := own(t, batching(&sizes, func(_ context.Context, evs []actors.EventOf[ping]) error {
			for _, ev := range evs {
				if ev.Payload.N == 1 || len(evs) > 1 && ev.Payload.N == 10 {
					panic("in SinkBatch")
				}
			}
			return nil
		}), host.OrganConfig{})
		b := o.run(pings(t, 3)...)
		assert.Equal(t, []host.OutcomeCode{host.Handled, host.Failed, host.Undone}, codes(b))
		assert.Equal(t, actors.KindPanic, b.Outcomes[1].Failure.Kind)
		assert.True(t, b.Down)
		time.Sleep(time.Minute)
		o.kinds()

		b = o.run(event(t, ping{N: 10}), event(t, ping{N: 11}), event(t, pong{}))
		assert.Equal(t, []host.OutcomeCode{host.Handled, host.Handled, host.Undone}, codes(b))
		assert.True(t, b.Down, "a panic that does not come again has spoiled the instance all the same")
	})
}

func TestSinkBatchThatEndsItsGoroutineFailsWhole(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var sizes journal[int]
		o := own(t, batching(&sizes, func(context.Context, []actors.EventOf[ping]) error {
			runtime.Goexit()
			return nil
		}), host.OrganConfig{})
		b := o.run(append(pings(t, 3), event(t, pong{}))...)
		assert.Equal(t, append(all(host.Failed, 3), host.Undone), codes(b))
		assert.Equal(t, actors.KindPanic, b.Outcomes[2].Failure.Kind)
	})
}

func TestSinkBatchTimeouts(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var sizes journal[int]
		o := own(t, batching(&sizes, func(ctx context.Context, evs []actors.EventOf[ping]) error {
			if len(evs) == 1 && evs[0].Payload.N != 1 {
				return nil
			}
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-time.After(time.Hour):
				return nil
			}
		}), host.OrganConfig{Policy: within(10 * time.Second)})
		b := o.sleepRun(20*time.Second, pings(t, 3)...)
		require.Equal(t, []host.OutcomeCode{host.Handled, host.Failed, host.Handled}, codes(b))
		assert.Equal(t, actors.KindTimeout, b.Outcomes[1].Failure.Kind)
	})
}

func TestStuckSinkBatchFailsWholeAndItsRetriesAlone(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var sizes journal[int]
		o := own(t, batching(&sizes, func(_ context.Context, evs []actors.EventOf[ping]) error {
			for _, ev := range evs {
				if ev.Payload.N == 1 {
					time.Sleep(time.Hour)
				}
			}
			return nil
		}), host.OrganConfig{Policy: within(10 * time.Second)})
		b := o.sleepRun(15*time.Second, append(pings(t, 3), event(t, pong{}))...)
		require.Equal(t, append(all(host.Failed, 3), host.Undone), codes(b))
		assert.True(t, b.Abandoned)
		for _, out := range b.Outcomes[:3] {
			assert.Equal(t, actors.KindTimeout, out.Failure.Kind)
		}
		second := batchOf(pings(t, 3)...)
		for i := range second.Items {
			second.Items[i].Attempt = 2
		}
		o.lane().Run(second)
		time.Sleep(15 * time.Second)
		assert.Equal(t, []host.OutcomeCode{host.Handled, host.Failed, host.Undone}, codes(o.only()))
		time.Sleep(2 * time.Hour)
	})
}

func TestOrderedSinkBatchGetsOneAtATime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var sizes journal[int]
		o := own(t, batching(&sizes, nil), host.OrganConfig{Ordered: true})
		o.run(pings(t, 3)...)
		assert.Equal(t, []int{1, 1, 1}, sizes.take())
	})
}
