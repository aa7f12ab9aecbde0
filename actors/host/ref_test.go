package host_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
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

// lasting is the default policy.
func lasting() supervision.Policy { return supervision.Default() }

// steady is a policy without jitter: attempts, the first retry after a second, then 2, 4, … up to 10.
func steady(attempts int, exhausted supervision.Strategy) supervision.Policy {
	return supervision.Policy{
		Retry:     supervision.Retry{Attempts: attempts, Backoff: supervision.Backoff{Base: time.Second, Factor: 2, Max: 10 * time.Second}},
		Exhausted: exhausted,
	}
}

// newSystem makes a system that ends with the test.
func newSystem(t *testing.T) *host.System {
	s := host.NewSystem(host.Options{Logger: discard()})
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		if err := s.Stop(ctx); err != nil {
			require.ErrorIs(t, err, host.ErrDrain)
		}
	})
	return s
}

func spawn(t *testing.T, organ actors.Organ, policy supervision.Policy, opts ...host.RefOption) *host.Ref {
	t.Helper()
	r, err := newSystem(t).Spawn(organ, policy, opts...)
	require.NoError(t, err)
	return r
}

func spawnKeyed(t *testing.T, organ actors.KeyedOrgan, policy supervision.Policy, opts ...host.RefOption) *host.Ref {
	t.Helper()
	r, err := newSystem(t).SpawnKeyed(organ, policy, opts...)
	require.NoError(t, err)
	return r
}

// decode reads emissions.
func decode[P actors.Payload](t *testing.T, evs []actors.Event) (ps []P) {
	t.Helper()
	for _, ev := range evs {
		p, err := actors.Decode[P](ev)
		require.NoError(t, err)
		ps = append(ps, p)
	}
	return ps
}

// echo emits a pong for a ping.
func echo() actors.Organ {
	return pinging(func(_ context.Context, ev actors.EventOf[ping]) ([]actors.Payload, error) {
		return actors.Emit(pong{ev.Payload.N}), nil
	})
}

func TestToldEventsAreHandledAndTheirEmissionsTold(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var emitted journal[actors.Event]
		r := spawn(t, echo(), lasting(), host.OnEmit(emitted.add))
		assert.Equal(t, "pinger", r.Name())
		for n := range 1000 {
			require.NoError(t, host.Tell(r, ping{N: n}))
		}
		require.NoError(t, r.Wait(context.Background()))
		for n, p := range decode[pong](t, emitted.take()) {
			require.Equal(t, n, p.N)
		}
		assert.Equal(t, host.RefStats{Told: 1000, Handled: 1000}, r.Stats())
	})
}

func TestEmissionsThatNobodyHearsAreCounted(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := spawn(t, echo(), lasting())
		require.NoError(t, host.Tell(r, ping{}))
		_, err := host.Handle(context.Background(), r, ping{})
		require.NoError(t, err)
		require.NoError(t, r.Wait(context.Background())) // the answer comes before the books are closed
		assert.Equal(t, host.RefStats{Told: 2, Handled: 2, Dropped: 1}, r.Stats())
	})
}

func TestHandleReturnsWhatWasEmitted(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var emitted journal[actors.Event]
		r := spawn(t, echo(), lasting(), host.OnEmit(emitted.add), host.Checking())
		evs, err := host.Handle(context.Background(), r, ping{N: 7})
		require.NoError(t, err)
		assert.Equal(t, []pong{{7}}, decode[pong](t, evs))
		assert.Empty(t, emitted.take(), "the caller has it")
	})
}

func TestHandleReturnsTheFailureThatSettledIt(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		boom := errors.New("boom")
		organ := actors.NewOrgan("failing",
			actors.Sink(func(context.Context, actors.EventOf[ping]) error { return boom }),
			actors.OnFailed(func(ev actors.EventOf[ping], f actors.Failure) []actors.Payload { return actors.Emit(pong{f.Attempt}) }),
		)
		var dead journal[supervision.DeadLetter]
		r := spawn(t, organ, steady(3, supervision.Store), host.OnDead(dead.add))
		begun := time.Now()
		evs, err := host.Handle(context.Background(), r, actors.With(ping{N: 1}, actors.Key("k")))
		var f actors.Failure
		require.ErrorAs(t, err, &f)
		require.ErrorIs(t, err, boom)
		assert.Equal(t, 3, f.Attempt)
		assert.Equal(t, begun, f.First)
		assert.Equal(t, begun.Add(3*time.Second), f.Last)
		assert.Equal(t, []pong{{3}}, decode[pong](t, evs), "what its OnFailed emitted")
		synctest.Wait()
		letters := dead.take()
		require.Len(t, letters, 1)
		l := letters[0]
		assert.Equal(t, "k", l.Event.Key())
		l.Event = actors.Event{}
		assert.Equal(t, supervision.DeadLetter{
			Service: "ref", Organ: "failing", Reason: actors.KindError, Error: "boom", Attempts: 3, First: f.First.UTC(), Last: f.Last.UTC(),
		}, l)
	})
}

func TestHandleWaitsNoLongerThanItsContext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var emitted journal[actors.Event]
		r := spawn(t, pinging(func(context.Context, actors.EventOf[ping]) ([]actors.Payload, error) {
			time.Sleep(5 * time.Second)
			return actors.Emit(pong{}), nil
		}), lasting(), host.OnEmit(emitted.add))
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		_, err := host.Handle(ctx, r, ping{})
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.NoError(t, r.Wait(context.Background()))
		assert.Len(t, emitted.take(), 1, "it goes on as if it had been told")
		_, err = host.Handle(ctx, r, ping{})
		require.ErrorIs(t, err, context.DeadlineExceeded)
		assert.EqualValues(t, 1, r.Stats().Told, "a context that has ended queues nothing")
	})
}

func TestTellRefusesWhatMakesNoEvent(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := spawn(t, echo(), lasting(), host.Checking(), host.WithLimits(actors.Limits{Payload: 100}))
		require.Error(t, host.Tell(r, nil))
		require.ErrorIs(t, host.Tell(r, unencodable{}), actors.ErrEncode)
		var limit *actors.LimitError
		require.ErrorAs(t, host.Tell(r, text{string(bytes.Repeat([]byte("x"), 100))}), &limit)
		assert.Zero(t, r.Stats().Held)
	})
}

func TestFullMailboxRefuses(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := spawn(t, pinging(func(context.Context, actors.EventOf[ping]) ([]actors.Payload, error) {
			time.Sleep(time.Second)
			return nil, nil
		}), lasting(), host.WithMailbox(3))
		for range 3 {
			require.NoError(t, host.Tell(r, ping{}))
		}
		err := host.Tell(r, ping{})
		require.ErrorIs(t, err, host.ErrMailboxFull)
		assert.ErrorContains(t, err, `organ "pinger" holds 3 events`)
		_, err = host.Handle(context.Background(), r, ping{})
		require.ErrorIs(t, err, host.ErrMailboxFull)
		require.NoError(t, r.Wait(context.Background()))
		require.NoError(t, host.Tell(r, ping{}))
		assert.EqualValues(t, 4, r.Stats().Told)
	})
}

func TestDelayedPayloadsWait(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		begun := time.Now()
		var handled journal[time.Duration]
		r := spawn(t, pinging(func(context.Context, actors.EventOf[ping]) ([]actors.Payload, error) {
			handled.add(time.Since(begun))
			return nil, nil
		}), lasting())
		require.NoError(t, host.Tell(r, actors.After(time.Minute, ping{})))
		require.NoError(t, host.Tell(r, actors.After(time.Second, ping{})))
		require.NoError(t, host.Tell(r, ping{}))
		require.NoError(t, r.Wait(context.Background()))
		assert.Equal(t, []time.Duration{0, time.Second, time.Minute}, handled.take())
	})
}

func TestWorkersWorkAtTheSameTime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := spawn(t, pinging(func(context.Context, actors.EventOf[ping]) ([]actors.Payload, error) {
			time.Sleep(time.Second)
			return nil, nil
		}), lasting(), host.Workers(4))
		begun := time.Now()
		for range 8 {
			require.NoError(t, host.Tell(r, ping{}))
		}
		require.NoError(t, r.Wait(context.Background()))
		assert.Equal(t, 2*time.Second, time.Since(begun))
	})
}

func TestToldFunctionsMayDoAnything(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var r *host.Ref
		var heard journal[int]
		r = spawn(t, echo(), lasting(), host.OnEmit(func(ev actors.Event) {
			p, _ := actors.Decode[pong](ev)
			heard.add(p.N)
			if p.N < 3 {
				assert.NoError(t, host.Tell(r, ping{N: p.N + 1}))
			}
			panic("in OnEmit")
		}))
		require.NoError(t, host.Tell(r, ping{N: 1}))
		require.NoError(t, r.Wait(context.Background()))
		assert.Equal(t, []int{1, 2, 3}, heard.take())
		assert.Zero(t, r.Stats().Restarts)
	})
}

func TestRefLogsWhatItLoses(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		exhausted supervision.Strategy
		text      string
	}{
		"logged":      {supervision.Log, "event failed, logged"},
		"dead letter": {supervision.Store, "event failed, dead letter"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var out bytes.Buffer
				log := slog.New(slog.NewTextHandler(&out, &slog.HandlerOptions{Level: slog.LevelError}))
				r := spawn(t, wayward(), steady(1, c.exhausted), host.WithLogger(log))
				_, err := host.Handle(context.Background(), r, actors.With(ping{Name: "panic"}, actors.Key("k")))
				require.Error(t, err)
				for _, part := range []string{c.text, "event_id=", "event_type=PING", "organ=pinger", "attempt=1", "reason=panic", "key=k", "in handler", "stack="} {
					assert.Contains(t, out.String(), part)
				}
			})
		})
	}
}

func TestSpawnReportsAllMistakesAtOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newSystem(t)
		_, err := s.Spawn(actors.NewOrgan("mute"), supervision.Policy{Timeout: -1}, host.Workers(0), host.WithMailbox(-1), host.WithStore(persistence.NewMemory()))
		require.ErrorIs(t, err, actors.ErrOrgan)
		for _, text := range []string{"Workers(0)", "WithMailbox(-1)", "without cells", "timeout", "exhausted", `spawn "mute"`} {
			assert.ErrorContains(t, err, text)
		}
		_, err = s.SpawnKeyed(counter(), lasting(), host.WithStore(readOnly{}))
		require.ErrorContains(t, err, "no method Apply")
		_, err = s.SpawnKeyed(nil, lasting())
		require.Error(t, err)
		_, err = s.SpawnKeyed((*actors.Keyed[count])(nil), lasting())
		require.ErrorIs(t, err, actors.ErrOrgan)
	})
}

// readOnly is a store that takes no changes.
type readOnly struct{ persistence.Store }

func TestSeveralRefsOfOneOrgan(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newSystem(t)
		for range 3 {
			r, err := s.Spawn(echo(), lasting())
			require.NoError(t, err)
			_, err = host.Handle(context.Background(), r, ping{})
			require.NoError(t, err)
		}
	})
}

func TestRefStopLetsWhatRunsFinishAndReportsTheRest(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var handled journal[int]
		r := spawn(t, stubborn(&handled), lasting())
		require.NoError(t, host.Tell(r, ping{N: 1, Name: "5s"}))
		require.NoError(t, host.Tell(r, ping{N: 2}))
		require.NoError(t, host.Tell(r, actors.After(time.Hour, ping{N: 3})))
		waiting := make(chan error, 1)
		go func() {
			_, err := host.Handle(context.Background(), r, ping{N: 4})
			waiting <- err
		}()
		synctest.Wait()
		begun := time.Now()
		err := r.Stop(context.Background())
		assert.Equal(t, 5*time.Second, time.Since(begun))
		var left *host.DrainError
		require.ErrorAs(t, err, &left)
		require.ErrorIs(t, err, host.ErrDrain)
		assert.ErrorContains(t, err, `organ "pinger" has 3 events left`)
		assert.ElementsMatch(t, []ping{{N: 2}, {N: 3}, {N: 4}}, decode[ping](t, left.Left))
		assert.Equal(t, []int{1}, handled.take())
		require.ErrorIs(t, <-waiting, host.ErrStopped)
		assert.Equal(t, err, r.Stop(context.Background()), "twice")
		require.ErrorIs(t, host.Tell(r, ping{}), host.ErrStopped)
		assert.Zero(t, r.Stats().Held)
	})
}

func TestRefStopInterruptsWhenItsContextEnds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := spawn(t, patient(nil), lasting())
		require.NoError(t, host.Tell(r, ping{}))
		synctest.Wait()
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		begun := time.Now()
		var left *host.DrainError
		require.ErrorAs(t, r.Stop(ctx), &left)
		assert.Equal(t, time.Second, time.Since(begun))
		assert.Len(t, left.Left, 1, "interrupted, not failed")
		assert.Zero(t, r.Stats().Retries)
	})
}

func TestRefStopAbandonsWhatIgnoresEvenThat(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var handled journal[int]
		r := spawn(t, stubborn(&handled), lasting())
		require.NoError(t, host.Tell(r, ping{Name: "1h"}))
		synctest.Wait()
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		begun := time.Now()
		require.ErrorIs(t, r.Stop(ctx), host.ErrDrain)
		assert.Less(t, time.Since(begun), 4*time.Second)
		time.Sleep(2 * time.Hour)
	})
}

func TestSystemStopStopsItsRefs(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newSystem(t)
		r, err := s.Spawn(echo(), lasting())
		require.NoError(t, err)
		require.NoError(t, host.Tell(r, actors.After(time.Hour, ping{N: 3})))
		require.ErrorIs(t, s.Stop(context.Background()), host.ErrDrain)
		require.ErrorIs(t, host.Tell(r, ping{}), host.ErrStopped)
		_, err = s.Spawn(echo(), lasting())
		require.ErrorIs(t, err, host.ErrStopped)
	})
}

func TestWaitEndsWithItsContext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := spawn(t, echo(), lasting())
		require.NoError(t, r.Wait(context.Background()), "nothing is held")
		require.NoError(t, host.Tell(r, actors.After(time.Hour, ping{})))
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		require.ErrorIs(t, r.Wait(ctx), context.DeadlineExceeded)
	})
}
