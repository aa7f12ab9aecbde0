package host_test

import (
	"context"
	"runtime"
	"testing"
	"testing/synctest"
	"time"
	"weak"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/necrostack/necrostack/actors"
	"github.com/necrostack/necrostack/actors/host"
)

// looking is an organ that gives each context to look.
func looking(look func(context.Context, ping)) actors.Organ {
	return actors.NewOrgan("looking", actors.Sink(func(ctx context.Context, ev actors.EventOf[ping]) error {
		look(ctx, ev.Payload)
		return nil
	}))
}

func TestContextOfAnAttempt(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		o := own(t, looking(func(ctx context.Context, p ping) {
			// The handler took two seconds before it looked.
			time.Sleep(2 * time.Second)
			until, ok := ctx.Deadline()
			assert.True(t, ok)
			assert.Equal(t, 10*time.Second-2*time.Second, time.Until(until), "event %d", p.N)
			assert.NoError(t, ctx.Err())
			assert.NoError(t, context.Cause(ctx))
			select {
			case <-ctx.Done():
				assert.Fail(t, "it has ended")
			default:
			}
			assert.Nil(t, ctx.Value("unknown"))
		}), host.OrganConfig{Policy: within(10 * time.Second)})
		for range 2 {
			assert.Equal(t, all(host.Handled, 1), codes(o.sleepRun(2*time.Second, pings(t, 1)...)))
		}
		assert.Equal(t, all(host.Handled, 3), codes(o.sleepRun(6*time.Second, pings(t, 3)...)))
	})
}

func TestDeadlineOfALaterEventCountsFromItsOwnFirstLook(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		seen := 0
		o := own(t, looking(func(ctx context.Context, _ ping) {
			if seen++; seen == 1 {
				time.Sleep(2 * time.Second) // and does not look
				return
			}
			until, _ := ctx.Deadline()
			assert.Equal(t, 10*time.Second, time.Until(until))
		}), host.OrganConfig{Policy: within(10 * time.Second)})
		assert.Equal(t, all(host.Handled, 2), codes(o.sleepRun(2*time.Second, pings(t, 2)...)))
	})
}

func TestContextEndsWithItsHandler(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var kept, derived []context.Context
		o := own(t, looking(func(ctx context.Context, p ping) {
			kept = append(kept, ctx)
			d, cancel := context.WithCancel(ctx)
			_ = cancel // its parent's end is what the test is about
			derived = append(derived, d)
			if p.Name == "panic" {
				panic("in handler")
			}
		}), host.OrganConfig{})
		o.run(event(t, ping{}), event(t, ping{Name: "panic"}))
		require.Len(t, kept, 2)
		for i := range kept {
			assert.ErrorIs(t, kept[i].Err(), context.Canceled)
			assert.ErrorIs(t, derived[i].Err(), context.Canceled)
		}
	})
}

func TestContextTellsWhichAttemptItIs(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var keys journal[string]
		var attempts journal[int]
		o := own(t, looking(func(ctx context.Context, _ ping) {
			keys.add(actors.EffectKey(ctx))
			attempts.add(actors.Attempt(ctx))
		}), host.OrganConfig{})
		b := batchOf(pings(t, 2)...)
		b.Items[1].Attempt = 3
		o.runBatch(b)
		assert.Equal(t, []string{b.Items[0].Event.ID().String() + "/looking", b.Items[1].Event.ID().String() + "/looking"}, keys.take())
		assert.Equal(t, []int{1, 3}, attempts.take())
	})
}

func TestContextThatWasUsedIsNeverUsedAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		for name, use := range map[string]func(context.Context){
			"looked at":       func(ctx context.Context) { _ = ctx.Err() },
			"asked who it is": func(ctx context.Context) { actors.Attempt(ctx) },
		} {
			var kept []context.Context
			o := own(t, looking(func(ctx context.Context, _ ping) {
				use(ctx)
				kept = append(kept, ctx)
			}), host.OrganConfig{})
			evs := pings(t, 3)
			o.run(evs...)
			for i, ctx := range kept {
				assert.Equal(t, evs[i].ID().String()+"/looking", actors.EffectKey(ctx), name)
				assert.ErrorIs(t, ctx.Err(), context.Canceled, name)
			}
		}
	})
}

func TestFirstLookAfterTheEndFindsAnEndedContext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var kept context.Context
		o := own(t, looking(func(ctx context.Context, _ ping) { kept = ctx }), host.OrganConfig{})
		o.run(pings(t, 1)...)
		assert.Empty(t, actors.EffectKey(kept), "it is nobody's attempt now")
		assert.ErrorIs(t, kept.Err(), context.Canceled)
		o.run(pings(t, 1)...) // must not be disturbed by that look
	})
}

// Not parallel: it counts the allocations of the process.
func TestContextThatNobodyLooksAtCostsNothing(t *testing.T) {
	back := make(chan *host.Batch, 1)
	s := host.NewSystem(host.Options{})
	o, err := s.Organ(looking(func(context.Context, ping) {}), host.OrganConfig{Deliver: func(b *host.Batch) { back <- b }})
	require.NoError(t, err)
	evs := pings(t, 500)
	b := batchOf(evs...)
	allocs := testing.AllocsPerRun(20, func() {
		o.Lanes()[0].Run(b)
		b = <-back
		b.Reset()
		for _, ev := range evs {
			b.Items = append(b.Items, host.Item{Event: ev, Attempt: 1})
		}
	})
	assert.Less(t, allocs, 50.0, "allocations for 500 events")
	require.NoError(t, s.Stop(context.Background()))
}

// An event that is the first of its batch to be handled, and not the first of the batch.
func TestDeadlineOfTheFirstThatIsHandled(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		o := own(t, looking(func(ctx context.Context, _ ping) {
			until, _ := ctx.Deadline()
			assert.Equal(t, 10*time.Second, time.Until(until))
			assert.NoError(t, ctx.Err())
		}), host.OrganConfig{Policy: within(10 * time.Second)})
		b := batchOf(pings(t, 2)...)
		b.Items[0].Failed = &actors.Failure{}
		assert.Equal(t, all(host.Handled, 2), codes(o.runBatch(b)))
	})
}

func TestDeadlineCountsFromTheStartOnceSomebodyHasLooked(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		o := own(t, looking(func(ctx context.Context, p ping) {
			if p.N == 1 {
				return // and leaves its context to the next
			}
			time.Sleep(2 * time.Second)
			until, _ := ctx.Deadline()
			assert.Equal(t, 8*time.Second, time.Until(until), "event %d", p.N)
		}), host.OrganConfig{Policy: within(10 * time.Second)})
		assert.Equal(t, all(host.Handled, 3), codes(o.sleepRun(4*time.Second, pings(t, 3)...)))
	})
}

func TestFirstLookLongAfterTheEndFindsACancelledContext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var kept context.Context
		o := own(t, looking(func(ctx context.Context, _ ping) { kept = ctx }), host.OrganConfig{Policy: within(time.Second)})
		o.run(pings(t, 1)...)
		time.Sleep(time.Minute)
		assert.ErrorIs(t, kept.Err(), context.Canceled, "and not that its time was up")
		assert.Empty(t, actors.EffectKey(kept))
	})
}

type large struct{ Bytes *[1 << 20]byte }

func (large) EventType() string { return "LARGE" }

func TestIdleLaneKeepsNoEventAlive(t *testing.T) {
	t.Parallel()
	for _, used := range []bool{false, true} {
		back := make(chan *host.Batch, 1)
		s := host.NewSystem(host.Options{})
		o, err := s.Organ(actors.NewOrgan("large", actors.Sink(func(ctx context.Context, _ actors.EventOf[large]) error {
			if used {
				return ctx.Err()
			}
			return nil
		})), host.OrganConfig{Deliver: func(b *host.Batch) { b.Reset(); back <- b }})
		require.NoError(t, err)
		payload := weak.Make(runLarge(t, o, back))
		for range 1000 { // the lane's goroutine may still be on its way out
			if runtime.GC(); payload.Value() == nil {
				break
			}
		}
		assert.Nil(t, payload.Value(), "context used: %v", used)
		require.NoError(t, s.Stop(t.Context()))
	}
}

// runLarge runs one large event, and returns its payload.
func runLarge(t *testing.T, o *host.Organ, back <-chan *host.Batch) *[1 << 20]byte {
	bytes := new([1 << 20]byte)
	o.Lanes()[0].Run(batchOf(event(t, large{bytes})))
	<-back
	return bytes
}
