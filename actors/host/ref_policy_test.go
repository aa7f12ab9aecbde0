package host_test

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/necrostack/necrostack/actors"
	"github.com/necrostack/necrostack/actors/host"
	"github.com/necrostack/necrostack/supervision"
)

// expected is what Policy.Judge makes of a handler that always fails: when it is called, and the end.
func expected(p supervision.Policy, f actors.Failure, isKeyed bool) (calls []time.Duration, end supervision.Action) {
	p = p.WithDefaults()
	at := time.Duration(0)
	for f.Attempt = 1; ; f.Attempt++ {
		calls = append(calls, at)
		v := p.Judge(f, isKeyed, 0.5)
		if v.Action != supervision.Again {
			return calls, v.Action
		}
		at += v.After
	}
}

func TestRefFollowsItsPolicy(t *testing.T) {
	t.Parallel()
	boom := errors.New("boom")
	nack := steady(2, supervision.Nack)
	nack.MaxDeliveries = 5
	for name, c := range map[string]struct {
		policy  supervision.Policy
		err     error
		failure actors.Failure
	}{
		"error":                   {steady(4, supervision.Store), boom, actors.Failure{Kind: actors.KindError}},
		"one attempt":             {steady(1, supervision.Store), boom, actors.Failure{Kind: actors.KindError}},
		"log":                     {steady(3, supervision.Log), boom, actors.Failure{Kind: actors.KindError}},
		"nack":                    {nack, boom, actors.Failure{Kind: actors.KindError}},
		"permanent":               {steady(4, supervision.Store), actors.Permanent(boom), actors.Failure{Kind: actors.KindPermanent}},
		"nack of a permanent one": {nack, actors.Permanent(boom), actors.Failure{Kind: actors.KindPermanent}},
		"retry after":             {steady(3, supervision.Store), actors.RetryAfter(time.Hour, boom), actors.Failure{Kind: actors.KindError, After: time.Hour}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				begun := time.Now()
				var calls journal[time.Duration]
				var attempts journal[int]
				var dead journal[supervision.DeadLetter]
				r := spawn(t, pinging(func(ctx context.Context, _ actors.EventOf[ping]) ([]actors.Payload, error) {
					calls.add(time.Since(begun))
					attempts.add(actors.Attempt(ctx))
					return nil, c.err
				}), c.policy, host.OnDead(dead.add))
				want, end := expected(c.policy, c.failure, false)
				_, err := host.Handle(context.Background(), r, ping{})
				require.ErrorIs(t, err, boom)
				synctest.Wait()
				assert.Equal(t, want, calls.take())
				for i, n := range attempts.take() {
					assert.Equal(t, i+1, n)
				}
				stats := r.Stats()
				assert.EqualValues(t, len(want)-1, stats.Retries)
				if end == supervision.Logged {
					assert.EqualValues(t, 1, stats.Logged)
					assert.Empty(t, dead.take())
				} else {
					assert.EqualValues(t, 1, stats.Dead)
					assert.Len(t, dead.take(), 1)
				}
			})
		})
	}
}

func TestRetriedEventIsOvertakenUnlessOrdered(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		opts []host.RefOption
		want []string
	}{
		"unordered": {nil, []string{"a1", "a2", "b1", "a1"}},
		"ordered":   {[]host.RefOption{host.Ordered()}, []string{"a1", "b1", "a1", "a2"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var calls journal[string]
				failed := false
				r := spawn(t, actors.NewOrgan("o", actors.Sink(func(_ context.Context, ev actors.EventOf[keyed]) error {
					calls.add(fmt.Sprint(ev.Payload.Key, ev.Payload.N))
					if !failed {
						failed = true
						return errors.New("the first one")
					}
					return nil
				})), steady(3, supervision.Store), c.opts...)
				for _, p := range []keyed{{"a", 1}, {"a", 2}, {"b", 1}} {
					require.NoError(t, host.Tell(r, p))
				}
				require.NoError(t, r.Wait(context.Background()))
				assert.Equal(t, c.want, calls.take())
			})
		})
	}
}

func TestPanicOfAWorkerIsRetriedOnAFreshInstance(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		x := &instances{}
		var dead journal[supervision.DeadLetter]
		r := spawn(t, x.organ(), steady(3, supervision.Store), host.OnDead(dead.add))
		require.NoError(t, host.Tell(r, ping{Name: "panic"}))
		evs, err := host.Handle(context.Background(), r, ping{})
		require.NoError(t, err)
		assert.Equal(t, []pong{{2}}, decode[pong](t, evs), "the one behind it was not lost")
		require.NoError(t, r.Wait(context.Background()))
		letters := dead.take()
		require.Len(t, letters, 1)
		assert.Equal(t, actors.KindPanic, letters[0].Reason)
		assert.Equal(t, 3, letters[0].Attempts)
		assert.NotEmpty(t, letters[0].Stack)
		synctest.Wait()
		assert.EqualValues(t, 3, r.Stats().Restarts)
	})
}

func TestStuckHandlerIsReplacedAndItsEventRetried(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var handled journal[int]
		policy := steady(2, supervision.Store)
		policy.Timeout = time.Second
		var dead journal[supervision.DeadLetter]
		r := spawn(t, stubborn(&handled), policy, host.OnDead(dead.add))
		require.NoError(t, host.Tell(r, ping{N: 1, Name: "1h"}))
		require.NoError(t, host.Tell(r, ping{N: 2}))
		require.NoError(t, r.Wait(context.Background()))
		assert.Equal(t, []int{2}, handled.take())
		letters := dead.take()
		require.Len(t, letters, 1)
		assert.Equal(t, actors.KindTimeout, letters[0].Reason)
		assert.EqualValues(t, 2, r.Stats().Abandoned)
		time.Sleep(2 * time.Hour)
		assert.Empty(t, dead.take())
	})
}

func TestBreakerHoldsTheEventsBackUnharmed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		policy := steady(2, supervision.Store)
		policy.Breaker = supervision.BreakerPolicy{Failures: 3, Open: time.Minute}
		begun := time.Now()
		var calls journal[time.Duration]
		var dead journal[supervision.DeadLetter]
		var broken atomic.Bool
		broken.Store(true)
		r := spawn(t, pinging(func(context.Context, actors.EventOf[ping]) ([]actors.Payload, error) {
			calls.add(time.Since(begun))
			if broken.Load() {
				return nil, errors.New("down")
			}
			return nil, nil
		}), policy, host.OnDead(dead.add))
		for n := range 3 {
			require.NoError(t, host.Tell(r, ping{N: n}))
		}
		synctest.Wait()
		assert.Equal(t, []time.Duration{0, 0, 0}, calls.take())
		time.Sleep(59 * time.Second)
		assert.Empty(t, calls.take(), "open: nothing gets through")
		time.Sleep(time.Second)
		synctest.Wait()
		assert.Equal(t, []time.Duration{time.Minute}, calls.take(), "one probe, which fails")
		assert.Len(t, dead.take(), 1, "and that was the last attempt of its event")
		broken.Store(false)
		time.Sleep(time.Minute)
		synctest.Wait()
		assert.Equal(t, []time.Duration{2 * time.Minute, 2 * time.Minute}, calls.take(), "the next succeeds, and lets the rest through")
		assert.Empty(t, dead.take())
		assert.EqualValues(t, 2, r.Stats().Handled)
	})
}

func TestPermanentFailuresDoNotOpenTheBreaker(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		policy := steady(1, supervision.Store)
		policy.Breaker.Failures = 1
		r := spawn(t, pinging(func(context.Context, actors.EventOf[ping]) ([]actors.Payload, error) {
			return nil, actors.Permanent(errors.New("bad input"))
		}), policy, host.OnDead(func(supervision.DeadLetter) {}))
		begun := time.Now()
		for range 5 {
			require.NoError(t, host.Tell(r, ping{}))
		}
		require.NoError(t, r.Wait(context.Background()))
		assert.Zero(t, time.Since(begun))
	})
}

func TestSpentBudgetOpensTheBreaker(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		policy := steady(1, supervision.Store)
		policy.Restarts = supervision.Restarts{Max: 1, Within: time.Hour}
		policy.Breaker.Open = 10 * time.Minute
		r := spawn(t, wayward(), policy, host.OnDead(func(supervision.DeadLetter) {}))
		require.NoError(t, host.Tell(r, ping{Name: "panic"}))
		require.NoError(t, host.Tell(r, ping{Name: "panic"}))
		require.NoError(t, host.Tell(r, ping{}))
		begun := time.Now()
		require.NoError(t, r.Wait(context.Background()))
		assert.Equal(t, 10*time.Minute, time.Since(begun))
		synctest.Wait()
		assert.Equal(t, host.RefStats{Told: 3, Handled: 1, Dead: 2, Restarts: 2}, r.Stats())
	})
}

func TestOnFailedIsCalledWhileTheBreakerIsOpen(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		policy := steady(1, supervision.Store)
		policy.Breaker.Failures = 1
		var emitted journal[actors.Event]
		r := spawn(t, actors.NewOrgan("failing",
			actors.Sink(func(context.Context, actors.EventOf[ping]) error { return errors.New("boom") }),
			actors.OnFailed(func(ev actors.EventOf[ping], _ actors.Failure) []actors.Payload {
				if ev.Payload.N == 1 {
					panic("in OnFailed")
				}
				return actors.Emit(pong{})
			}),
		), policy, host.OnEmit(emitted.add), host.OnDead(func(supervision.DeadLetter) {}))
		begun := time.Now()
		_, err := host.Handle(context.Background(), r, ping{N: 1})
		require.ErrorContains(t, err, "boom", "a failure of OnFailed does not hide it")
		assert.Zero(t, time.Since(begun))
		require.NoError(t, host.Tell(r, ping{}))
		require.NoError(t, r.Wait(context.Background()))
		assert.Len(t, emitted.take(), 1)
	})
}

func TestWorkerWithoutAnInstanceIsTriedAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		x := &instances{fresh: func(n int32) error {
			if n > 1 && n < 5 {
				return errors.New("no connection")
			}
			return nil
		}}
		r := spawn(t, x.organ(), steady(5, supervision.Store))
		_, err := host.Handle(context.Background(), r, ping{})
		require.NoError(t, err)
		require.NoError(t, host.Tell(r, ping{Name: "panic"}))
		evs, err := host.Handle(context.Background(), r, ping{})
		require.NoError(t, err)
		assert.Equal(t, []pong{{5}}, decode[pong](t, evs))
	})
}
