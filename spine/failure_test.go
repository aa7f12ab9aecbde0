package spine_test

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/necrostack/necrostack/actors"
	"github.com/necrostack/necrostack/spine"
	"github.com/necrostack/necrostack/spine/spinetest"
	"github.com/necrostack/necrostack/supervision"
)

// graded is a payload that can be wrong.
type graded struct{ N int }

func (graded) EventType() string { return "GRADED" }

func (g graded) Validate() error {
	if g.N < 0 {
		return fmt.Errorf("n is %d, want 0 or more", g.N)
	}
	return nil
}

// cause is one row of the failure table.
type cause struct {
	event     func(t *testing.T) actors.Event // nil: a ping
	handle    func(ctx context.Context) error
	kind      actors.Kind
	permanent bool          // tried once
	forgets   bool          // OnFailed cannot be called: there is no payload
	takes     time.Duration // an attempt
	stack     bool
	kept      bool // a dead letter under LOG too
}

var causes = map[string]cause{
	"Error":     {handle: func(context.Context) error { return errBad }, kind: actors.KindError},
	"Permanent": {handle: func(context.Context) error { return actors.Permanent(errBad) }, kind: actors.KindPermanent, permanent: true},
	"Limit": {
		handle: func(context.Context) error {
			return &actors.LimitError{What: "a basket", Got: 2, Limit: 1, Unit: "eggs"}
		},
		kind: actors.KindLimit, permanent: true,
	},
	"Undecodable": {
		event: func(t *testing.T) actors.Event { return eventOf(t, "PING", `{"N":"one"}`) },
		kind:  actors.KindUndecodable, permanent: true, forgets: true,
	},
	"Invalid": {
		event: func(t *testing.T) actors.Event { return eventOf(t, "GRADED", `{"N":-1}`) },
		kind:  actors.KindInvalid, permanent: true, forgets: true,
	},
	"Panic":    {handle: func(context.Context) error { panic(errBad) }, kind: actors.KindPanic, stack: true},
	"NilPanic": {handle: func(context.Context) error { panic(nil) }, kind: actors.KindPanic, stack: true},
	"Goexit":   {handle: func(context.Context) error { runtime.Goexit(); return nil }, kind: actors.KindPanic},
	"Timeout": {
		handle: func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() },
		kind:   actors.KindTimeout, takes: 30 * time.Second,
	},
}

// wants is when the attempts begin.
func (c cause) wants(s supervision.Strategy) []time.Duration {
	if c.permanent {
		return []time.Duration{0}
	}
	waits := []time.Duration{0, time.Second, 2 * time.Second}
	if s == supervision.Nack {
		waits = append(waits, 10*time.Second, 10*time.Second)
	}
	at := time.Duration(0)
	for i := range waits {
		if i > 0 {
			at += c.takes
		}
		at += waits[i]
		waits[i] = at
	}
	return waits
}

func TestFailureTable(t *testing.T) {
	t.Parallel()
	for name, c := range causes {
		for _, s := range []supervision.Strategy{supervision.Log, supervision.Store, supervision.Nack} {
			t.Run(name+"/"+s.String(), func(t *testing.T) {
				bubble(t, func(t *testing.T) { failsAsTheTableSays(t, c, s) })
			})
		}
	}
}

// failsAsTheTableSays runs one event through an organ that fails always and a sibling that
// does not.
func failsAsTheTableSays(t *testing.T, c cause, s supervision.Strategy) {
	begun := newDiary[int]()
	handle := func(ctx context.Context) error {
		begun.add(actors.Attempt(ctx))
		return c.handle(ctx)
	}
	bad := actors.NewOrgan("bad",
		actors.Sink(func(ctx context.Context, _ actors.EventOf[ping]) error { return handle(ctx) }),
		actors.Sink(func(ctx context.Context, _ actors.EventOf[graded]) error { return handle(ctx) }),
		actors.OnFailed(func(_ actors.EventOf[ping], f actors.Failure) []actors.Payload { return gaveUpOn(f) }),
		actors.OnFailed(func(_ actors.EventOf[graded], f actors.Failure) []actors.Payload { return gaveUpOn(f) }))
	siblings, told := newDiary[actors.Event](), newDiary[gaveUp]()
	sibling := actors.NewOrgan("sibling", actors.OnAny([]string{"PING", "GRADED"},
		func(_ context.Context, ev actors.Event) ([]actors.Payload, error) { siblings.add(ev); return nil, nil }))
	m := spine.NewMemory()
	r := spinetest.Start(t, m, spine.WithPolicy(steady(s)),
		spine.WithOrgan(bad), spine.WithOrgan(sibling), spine.WithOrgan(sink("told", told)))
	start := time.Now().UTC()
	if c.event != nil {
		require.NoError(t, r.PublishEvents(t.Context(), c.event(t)))
	} else {
		r.Publish(ping{1})
	}
	r.Idle()

	wants := c.wants(s)
	if c.handle != nil {
		assert.Equal(t, wants, begun.times(), "when the attempts began")
		for i, attempt := range begun.entries() {
			assert.Equal(t, i+1, attempt)
		}
	}
	assert.Len(t, siblings.entries(), 1, "what the other organ has done is not repeated")
	checkLetter(t, c, s, m, start, wants)
	checkOnFailed(t, c, told, len(wants))
	stats := r.Stats()
	assert.Equal(t, len(wants)-1, stats.Organs["bad"].Retries)
	assert.Equal(t, map[string]int{c.kind.String(): len(wants)}, stats.Organs["bad"].Failures)
	assert.Zero(t, stats.InFlight)
}

func checkLetter(t *testing.T, c cause, s supervision.Strategy, m *spine.Memory, start time.Time, wants []time.Duration) {
	t.Helper()
	ls := letters(t, m)
	if s == supervision.Log && !c.kept {
		assert.Empty(t, ls)
		return
	}
	require.Len(t, ls, 1)
	l := ls[0]
	assert.Equal(t, "main", l.Service)
	assert.Equal(t, "bad", l.Organ)
	assert.Equal(t, c.kind, l.Reason)
	assert.Equal(t, len(wants), l.Attempts)
	assert.NotEmpty(t, l.Error)
	assert.Equal(t, start, l.First)
	assert.Equal(t, start.Add(wants[len(wants)-1]), l.Last)
	if c.stack {
		assert.Contains(t, l.Stack, "failure_test.go")
	}
}

func checkOnFailed(t *testing.T, c cause, told *diary[gaveUp], attempts int) {
	t.Helper()
	if c.forgets {
		assert.Empty(t, told.entries())
		return
	}
	assert.Equal(t, []gaveUp{{"bad", c.kind.String(), attempts}}, told.entries())
}

func TestRetrySucceedsAndLeavesNothing(t *testing.T) {
	bubble(t, func(t *testing.T) {
		tries := newDiary[int]()
		m := spine.NewMemory()
		r := spinetest.Start(t, m, spine.WithPolicy(steady(supervision.Store)),
			spine.WithOrgan(failing("flaky", func(_ context.Context, n int) error {
				if tries.add(n) < 3 {
					return errFlaky
				}
				return nil
			})))
		r.Publish(ping{1})
		got := r.Settled(1)[0]
		assert.Equal(t, 3, got.Attempt)
		assert.True(t, got.Acked)
		assert.Nil(t, got.Failure)
		assert.Nil(t, got.Letter)
		assert.Empty(t, letters(t, m))
		assert.Equal(t, []time.Duration{0, time.Second, 3 * time.Second}, tries.times())
	})
}

func TestRetryAfterTakesTheHandlersWish(t *testing.T) {
	bubble(t, func(t *testing.T) {
		tries := newDiary[int]()
		r := spinetest.Start(t, spine.NewMemory(), spine.WithPolicy(steady(supervision.Store)),
			spine.WithOrgan(failing("patient", func(_ context.Context, n int) error {
				tries.add(n)
				return actors.RetryAfter(time.Minute, errBad)
			})))
		r.Publish(ping{1})
		r.Idle()
		assert.Equal(t, []time.Duration{0, time.Minute, 2 * time.Minute}, tries.times())
	})
}

func TestPanicCostsOneEventNotItsBatch(t *testing.T) {
	bubble(t, func(t *testing.T) {
		seen := newDiary[int]()
		m := spine.NewMemory()
		r := spinetest.Start(t, m, spine.WithPolicy(once(supervision.Store)),
			spine.WithOrgan(failing("shaky", func(_ context.Context, n int) error {
				seen.add(n)
				if n == 3 {
					panic("three")
				}
				return nil
			})))
		r.Publish(repeat(10, func(i int) actors.Payload { return ping{i} })...)
		r.Idle()
		assert.Equal(t, []int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}, seen.entries())
		require.Len(t, letters(t, m), 1)
		assert.Equal(t, 1, letters(t, m)[0].Attempts)
	})
}

// A handler that listens to nothing is left behind: its result is void, its event is tried again
// by a new worker, and the others of the organ go on.
func TestIgnoredTimeoutReplacesTheWorker(t *testing.T) {
	bubble(t, func(t *testing.T) {
		release := make(chan struct{})
		tries := newDiary[int]()
		m := spine.NewMemory()
		r := spinetest.Start(t, m, spine.WithPolicy(steady(supervision.Store)),
			spine.WithOrgan(actors.NewOrgan("deaf",
				actors.On(func(ctx context.Context, ev actors.EventOf[ping]) ([]actors.Payload, error) {
					if tries.add(ev.Payload.N) == 1 {
						<-release
						return actors.Emit(gaveUp{Organ: "late"}), nil
					}
					return nil, nil
				}))), spine.WithOrgan(sink("told", newDiary[gaveUp]())))
		r.Publish(ping{1}, ping{2})
		r.Idle()
		assert.Len(t, tries.entries(), 3)
		assert.Equal(t, 1, r.Stats().Abandoned)
		close(release)
		synctest.Wait()
		r.Idle()
		assert.Zero(t, r.Stats().Abandoned)
		assert.Zero(t, r.Stats().Emitted, "the late result is void")
		assert.Equal(t, map[string]int{"timeout": 1}, r.Stats().Organs["deaf"].Failures)
		assert.Empty(t, letters(t, m))
	})
}

func TestStepTable(t *testing.T) {
	t.Parallel()
	seconds := func(ns ...int) (ds []time.Duration) {
		for _, n := range ns {
			ds = append(ds, time.Duration(n)*time.Second)
		}
		return ds
	}
	for name, c := range map[string]struct {
		step   func() error
		kind   actors.Kind
		begins map[supervision.Strategy][]time.Duration
	}{
		"Error": {func() error { return errBad }, actors.KindPermanent, map[supervision.Strategy][]time.Duration{
			supervision.Log: seconds(0), supervision.Store: seconds(0), supervision.Nack: seconds(0),
		}},
		"Panic": {func() error { panic(errBad) }, actors.KindPanic, map[supervision.Strategy][]time.Duration{
			supervision.Log: seconds(0, 0), supervision.Store: seconds(0, 0), supervision.Nack: seconds(0, 0, 10, 20, 30),
		}},
	} {
		for s, begins := range c.begins {
			t.Run(name+"/"+s.String(), func(t *testing.T) {
				bubble(t, func(t *testing.T) { stepFailsAsTheTableSays(t, c.step, c.kind, s, begins) })
			})
		}
	}
}

func stepFailsAsTheTableSays(t *testing.T, step func() error, kind actors.Kind, s supervision.Strategy, begins []time.Duration) {
	begun, told := newDiary[int](), newDiary[gaveUp]()
	bad := actors.NewKeyed("bad", func(string) *balance { return &balance{} },
		actors.Step(func(b *balance, ev actors.EventOf[deposit]) ([]actors.Payload, error) {
			b.Cents += ev.Payload.Cents
			if ev.Payload.Cents == 13 {
				begun.add(b.Cents)
				return nil, step()
			}
			return nil, nil
		}),
		actors.OnCellFailed[balance](func(_ actors.EventOf[deposit], f actors.Failure) []actors.Payload { return gaveUpOn(f) }),
		actors.Answer(func(b *balance, _ howMuch) (int, error) { return b.Cents, nil }))
	m := spine.NewMemory()
	r := spinetest.Start(t, m, spine.WithPolicy(steady(s)), spine.WithOrgan(bad), spine.WithOrgan(sink("told", told)))
	r.Publish(deposit{"a", 1}, deposit{"a", 13}, deposit{"a", 2})
	r.Idle()
	assert.Equal(t, begins, begun.times())
	for _, cents := range begun.entries() {
		assert.Equal(t, 14, cents, "each attempt meets the committed state")
	}
	sum, err := spine.Ask[int](t.Context(), r, "bad", "a", howMuch{})
	require.NoError(t, err)
	assert.Equal(t, 3, sum, "the failed step has left nothing")
	assert.Equal(t, []gaveUp{{"bad", kind.String(), len(begins)}}, told.entries())
	ls := letters(t, m)
	if s == supervision.Log {
		assert.Empty(t, ls)
		return
	}
	require.Len(t, ls, 1)
	assert.Equal(t, kind, ls[0].Reason)
	assert.Equal(t, len(begins), ls[0].Attempts)
}

func TestKeyedOrganDeadLettersAnEventWithoutAKey(t *testing.T) {
	bubble(t, func(t *testing.T) {
		m := spine.NewMemory()
		r := spinetest.Start(t, m, spine.WithOrgan(accounts("accounts", fine)))
		require.NoError(t, r.PublishEvents(t.Context(), eventOf(t, "DEPOSIT", `{"Account":"a","Cents":1}`)))
		got := r.Settled(1)[0]
		require.NotNil(t, got.Letter)
		assert.Equal(t, actors.KindNoKey, got.Letter.Reason)
		assert.Equal(t, 1, got.Letter.Attempts)
	})
}

func TestFullDeadLettersDeferAndAlarm(t *testing.T) {
	bubble(t, func(t *testing.T) {
		m := spine.NewMemory(spine.WithLetterLimit(1))
		tries := newDiary[int]()
		told := newDiary[gaveUp]()
		r := spinetest.Start(t, m, spine.WithPolicy(once(supervision.Store)), spine.WithOrgan(sink("told", told)),
			spine.WithOrgan(actors.NewOrgan("bad",
				actors.Sink(func(_ context.Context, ev actors.EventOf[ping]) error { tries.add(ev.Payload.N); return errBad }),
				actors.OnFailed(func(_ actors.EventOf[ping], f actors.Failure) []actors.Payload { return gaveUpOn(f) }))))
		r.Publish(ping{1}, ping{2})
		time.Sleep(45 * time.Second)
		assert.Len(t, letters(t, m), 1)
		assert.Len(t, told.entries(), 1, "what OnFailed emits commits with the letter or not at all")
		assert.GreaterOrEqual(t, r.Stats().LettersFull, 2)
		assert.Contains(t, kindsOf(r.Notes()), spine.NoteLettersFull)
		require.NoError(t, dropAll(m))
		r.Idle()
		ls := letters(t, m)
		require.Len(t, ls, 1, "the event was kept until there was room")
		assert.Equal(t, 1, ls[0].Attempts, "waiting for room is no attempt")
		assert.Len(t, told.entries(), 2)
	})
}

func dropAll(m *spine.Memory) error {
	_, err := supervision.NewDesk(m, "main").DropAll(context.Background(), supervision.Filter{}, false)
	return err
}

func kindsOf(ns []spine.Note) (kinds []spine.NoteKind) {
	for _, n := range ns {
		kinds = append(kinds, n.Kind)
	}
	return kinds
}

func TestOnFailedThatFailsLosesItsEmissionsAlone(t *testing.T) {
	bubble(t, func(t *testing.T) {
		m := spine.NewMemory()
		r := spinetest.Start(t, m, spine.WithPolicy(once(supervision.Store)), spine.WithOrgan(actors.NewOrgan("bad",
			actors.Sink(func(context.Context, actors.EventOf[ping]) error { return errBad }),
			actors.OnFailed(func(actors.EventOf[ping], actors.Failure) []actors.Payload { panic("worse") }))))
		r.Publish(ping{1})
		got := r.Settled(1)[0]
		require.NotNil(t, got.Letter)
		assert.Equal(t, actors.KindError, got.Letter.Reason, "the letter tells of the handler")
		assert.Contains(t, kindsOf(r.Notes()), spine.NoteOnFailed)
		assert.Equal(t, 1, r.Stats().Organs["bad"].OnFailedErrors)
	})
}

func TestRestartBudgetOpensTheBreakerWithAnAlarm(t *testing.T) {
	bubble(t, func(t *testing.T) {
		p := steady(supervision.Store)
		p.Retry.Attempts = 20
		p.Restarts = supervision.Restarts{Max: 2, Within: time.Minute}
		p.Breaker.Open = 5 * time.Minute
		var healthy atomic.Bool
		m := spine.NewMemory()
		r := spinetest.Start(t, m, spine.WithPolicy(p), spine.WithOrgan(failing("shaky", func(context.Context, int) error {
			if !healthy.Load() {
				panic("shaking")
			}
			return nil
		})))
		r.Publish(ping{1})
		time.Sleep(time.Minute)
		assert.Equal(t, "open", r.Stats().Organs["shaky"].Breaker)
		assert.Contains(t, kindsOf(r.Notes()), spine.NoteBudget)
		assert.ErrorIs(t, r.WaitIdle(t.Context()), spine.ErrWaiting)
		healthy.Store(true)
		got := r.Settled(1)[0]
		assert.Nil(t, got.Failure)
		assert.Equal(t, "closed", r.Stats().Organs["shaky"].Breaker)
		assert.Empty(t, letters(t, m))
	})
}

func TestReplayReachesTheFailedOrganAlone(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var healthy atomic.Bool
		others := newDiary[ping]()
		m := spine.NewMemory()
		r := spinetest.Start(t, m, spine.WithPolicy(once(supervision.Store)),
			spine.WithOrgan(sink("other", others)),
			spine.WithOrgan(actors.NewOrgan("bad", actors.On(
				func(_ context.Context, ev actors.EventOf[ping]) ([]actors.Payload, error) {
					if healthy.Load() {
						return actors.Emit(pong{ev.Payload.N}), nil
					}
					return nil, errBad
				}))),
			spine.WithOrgan(sink("pongs", newDiary[pong]())))
		id := r.Publish(actors.With(ping{1}, actors.Meta("tenant", "t1")))[0]
		r.Idle()
		healthy.Store(true)
		desk := supervision.NewDesk(m, "main")
		again, err := desk.Replay(t.Context(), letters(t, m)[0].ID, nil)
		require.NoError(t, err)
		r.Settled(2)
		got := slices.DeleteFunc(r.Settled(3), func(x spinetest.Settled) bool {
			return x.Event.Type() == supervision.LetterReplayed{}.EventType()
		})
		require.Len(t, got, 2)
		assert.Equal(t, "bad", got[0].Organ)
		assert.Equal(t, again, got[0].Event.ID())
		assert.Equal(t, id.String(), got[0].Event.Meta(actors.MetaReplayOf))
		assert.Equal(t, "t1", got[0].Event.Meta("tenant"))
		assert.Equal(t, "pongs", got[1].Organ, "what the replay emits concerns everybody")
		assert.Len(t, others.entries(), 1)
		assert.Empty(t, letters(t, m))
	})
}
