package spine_test

import (
	"context"
	"fmt"
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

// turn is an event of a key with its number in the key's order.
type turn struct {
	Who string
	N   int
}

func (turn) EventType() string  { return "TURN" }
func (t turn) EventKey() string { return t.Who }

const keys, turns = 5, 40

// allTurns has the keys take turns.
func allTurns() []actors.Payload {
	return repeat(keys*turns, func(i int) actors.Payload { return turn{fmt.Sprintf("k%d", i%keys), i / keys} })
}

// assertInOrder checks that every turn of every key is there once, in order.
func assertInOrder(t *testing.T, got []turn) {
	t.Helper()
	byKey := map[string][]int{}
	for _, x := range got {
		byKey[x.Who] = append(byKey[x.Who], x.N)
	}
	require.Len(t, byKey, keys)
	for who, ns := range byKey {
		want := make([]int, turns)
		for i := range want {
			want[i] = i
		}
		assert.Equal(t, want, ns, who)
	}
}

func TestOrderedKeepsAKeysOrderOverFailures(t *testing.T) {
	bubble(t, func(t *testing.T) {
		done := newDiary[turn]()
		tries := map[turn]int{}
		fails := func(x turn) error {
			tries[x]++
			switch {
			case x.N%7 == 3 && tries[x] < 3:
				return errFlaky
			case x.N%11 == 5 && tries[x] < 2:
				panic("flaky")
			}
			return nil
		}
		r := spinetest.Start(t, spine.NewMemory(), spine.WithPolicy(steady(supervision.Store)),
			spine.WithOrgan(actors.NewOrgan("line", actors.Sink(func(_ context.Context, ev actors.EventOf[turn]) error {
				if err := fails(ev.Payload); err != nil {
					return err
				}
				done.add(ev.Payload)
				return nil
			})), spine.Ordered()))
		r.Publish(allTurns()...)
		r.Idle()
		assertInOrder(t, done.entries())
	})
}

func TestKeyedOrganKeepsOrderOverPanicsErrorsAndPassivation(t *testing.T) {
	bubble(t, func(t *testing.T) {
		tries := make([]atomic.Int64, turns)
		done := newDiary[turn]()
		line := actors.NewKeyed("line", func(string) *balance { return &balance{} },
			actors.Step(func(b *balance, ev actors.EventOf[turn]) ([]actors.Payload, error) {
				n := ev.Payload.N
				if n%9 == 4 && tries[n].Add(1) <= 3 {
					panic("flaky")
				}
				if n%13 == 6 {
					return nil, errBad
				}
				b.Cents++
				return actors.Emit(taken{ev.Payload.Who, n}), nil
			}),
			actors.OnCellFailed[balance](func(ev actors.EventOf[turn], _ actors.Failure) []actors.Payload {
				return actors.Emit(taken{ev.Payload.Who, ev.Payload.N})
			}))
		r := spinetest.Start(t, spine.NewMemory(), spine.WithPolicy(steady(supervision.Nack)),
			spine.WithResidentCells(1, time.Hour), spine.WithOrgan(line, spine.Workers(2)),
			spine.WithOrgan(actors.NewOrgan("log", actors.Sink(func(_ context.Context, ev actors.EventOf[taken]) error {
				done.add(turn(ev.Payload))
				return nil
			}))))
		r.Publish(allTurns()...)
		r.Idle()
		assertInOrder(t, done.entries())
		assert.Len(t, r.Dead(), keys*3, "turns 6, 19 and 32 of each key")
	})
}

type taken turn

func (taken) EventType() string { return "TAKEN" }

func TestWorkersKeepTheOrderOfFirstAttempts(t *testing.T) {
	bubble(t, func(t *testing.T) {
		begun := newDiary[turn]()
		r := spinetest.Start(t, spine.NewMemory(), spine.WithPolicy(steady(supervision.Store)),
			spine.WithOrgan(actors.NewOrgan("many", actors.Sink(func(ctx context.Context, ev actors.EventOf[turn]) error {
				if actors.Attempt(ctx) == 1 {
					begun.add(ev.Payload)
					time.Sleep(time.Duration(ev.Payload.N%3) * time.Millisecond)
					if ev.Payload.N%5 == 1 {
						return errFlaky
					}
				}
				return nil
			})), spine.Workers(4)))
		r.Publish(allTurns()...)
		r.Idle()
		assertInOrder(t, begun.entries())
		assert.Less(t, begun.times()[keys*turns-1], 200*time.Millisecond, "several workers are at it")
	})
}

func TestAFailingKeyHoldsBackNoOther(t *testing.T) {
	bubble(t, func(t *testing.T) {
		done := newDiary[turn]()
		r := spinetest.Start(t, spine.NewMemory(), spine.WithPolicy(steady(supervision.Store)),
			spine.WithOrgan(actors.NewOrgan("line", actors.Sink(func(ctx context.Context, ev actors.EventOf[turn]) error {
				if ev.Payload == (turn{"k0", 0}) && actors.Attempt(ctx) < 3 {
					return errFlaky
				}
				done.add(ev.Payload)
				return nil
			})), spine.Ordered()))
		r.Publish(allTurns()...)
		r.Idle()
		for i, x := range done.entries() {
			assert.Equal(t, x.Who == "k0", done.times()[i] >= 3*time.Second, x)
		}
		assertInOrder(t, done.entries())
	})
}

func TestFanOutSettlesEveryOrganByItself(t *testing.T) {
	bubble(t, func(t *testing.T) {
		a, c := newDiary[ping](), newDiary[ping]()
		m := spine.NewMemory()
		r := spinetest.Start(t, m, spine.WithPolicy(steady(supervision.Store)),
			spine.WithOrgan(sink("a", a)),
			spine.WithOrgan(failing("b", func(context.Context, int) error { return errBad })),
			spine.WithOrgan(sink("c", c)))
		id := r.Publish(ping{1})[0]
		got := r.Settled(3)
		assert.ElementsMatch(t, []string{"a", "c"}, namesOf(got[:2]))
		assert.Equal(t, "b", got[2].Organ)
		assert.Equal(t, []bool{false, false, true}, []bool{got[0].Acked, got[1].Acked, got[2].Acked}, "acked with the last organ")
		assert.Equal(t, id, got[2].Event.ID())
		assert.Len(t, a.entries(), 1)
		assert.Len(t, c.entries(), 1)
		assert.Equal(t, 1, r.Stats().Acked)
		assert.Equal(t, 3, r.Stats().Processed)
	})
}

func namesOf(ss []spinetest.Settled) (names []string) {
	for _, s := range ss {
		names = append(names, s.Organ)
	}
	return names
}

func TestPauseHoldsBackOneOrganAlone(t *testing.T) {
	bubble(t, func(t *testing.T) {
		paused, other := newDiary[ping](), newDiary[ping]()
		r := spinetest.Start(t, spine.NewMemory(), spine.WithOrgan(sink("paused", paused)), spine.WithOrgan(sink("other", other)))
		require.NoError(t, r.Pause("paused"))
		r.Publish(repeat(20_000, func(i int) actors.Payload { return ping{i} })...)
		r.Settled(20_000)
		assert.Len(t, other.entries(), 20_000, "more than fit in hand, and none of them waits")
		assert.Empty(t, paused.entries())
		assert.True(t, r.Stats().Organs["paused"].Paused)
		require.ErrorIs(t, r.WaitIdle(t.Context()), spine.ErrWaiting)
		require.NoError(t, r.Resume("paused"))
		r.Idle()
		assert.Len(t, paused.entries(), 20_000)
		assert.True(t, slices.IsSortedFunc(paused.entries(), func(a, b ping) int { return a.N - b.N }))
		assert.False(t, r.Stats().Organs["paused"].Paused)
		assert.Empty(t, r.Stats().Organs["paused"].Failures)
	})
}

func TestPauseOfAnUnknownOrganIsAnError(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := spinetest.Start(t, spine.NewMemory(), spine.WithOrgan(sink("a", newDiary[ping]())))
		assert.ErrorIs(t, r.Pause("b"), spine.ErrNoOrgan)
		assert.ErrorIs(t, r.Resume("b"), spine.ErrNoOrgan)
	})
	s := quiet(t, spine.NewMemory(), spine.WithOrgan(sink("a", newDiary[ping]())))
	assert.ErrorIs(t, s.Pause("a"), spine.ErrNotRunning)
}

func TestOpenBreakerDefersAndRecoversByAProbe(t *testing.T) {
	bubble(t, func(t *testing.T) {
		p := steady(supervision.Store)
		p.Retry.Attempts = 10
		p.Breaker = supervision.BreakerPolicy{Failures: 3, Open: time.Minute}
		calls, other := newDiary[int](), newDiary[ping]()
		var healthy atomic.Bool
		m := spine.NewMemory()
		r := spinetest.Start(t, m, spine.WithOrgan(failing("weak", func(_ context.Context, n int) error {
			calls.add(n)
			if healthy.Load() {
				return nil
			}
			return errBad
		}), spine.WithOrganPolicy(p)), spine.WithOrgan(sink("other", other)))
		r.Publish(repeat(1000, func(i int) actors.Payload { return ping{i} })...)
		r.Settled(1000)
		synctest.Wait() // for the weak one's first batch too
		assert.Len(t, other.entries(), 1000)
		assert.Equal(t, "open", r.Stats().Organs["weak"].Breaker)
		assert.LessOrEqual(t, len(calls.entries()), 8, "at most the batch that was begun")
		before := len(calls.entries())
		time.Sleep(59 * time.Second)
		assert.Len(t, calls.entries(), before)
		require.ErrorIs(t, r.WaitIdle(t.Context()), spine.ErrWaiting)
		time.Sleep(2 * time.Second)
		assert.Len(t, calls.entries(), before+1, "one probe, which fails")
		assert.Equal(t, "open", r.Stats().Organs["weak"].Breaker)
		healthy.Store(true)
		r.Settled(1000)
		assert.Equal(t, "closed", r.Stats().Organs["weak"].Breaker)
		assert.Empty(t, letters(t, m), "waiting is no attempt")
	})
}

func TestABlockedOrganKeepsNobodyFromTheirEvents(t *testing.T) {
	bubble(t, func(t *testing.T) {
		release := make(chan struct{})
		other := newDiary[ping]()
		r := spinetest.Start(t, spine.NewMemory(), spine.WithInFlight(100, 1<<20),
			spine.WithOrgan(failing("stuck", func(context.Context, int) error { <-release; return nil })),
			spine.WithOrgan(sink("other", other)))
		r.Publish(repeat(1000, func(i int) actors.Payload { return ping{i} })...)
		r.Settled(1000)
		assert.Len(t, other.entries(), 1000)
		assert.Less(t, other.times()[999], 20*time.Second)
		close(release)
		r.Idle()
	})
}

func TestSinkBatchGetsWhatIsThere(t *testing.T) {
	bubble(t, func(t *testing.T) {
		sizes := newDiary[int]()
		m := spine.NewMemory()
		r := spinetest.Start(t, m, spine.WithPolicy(once(supervision.Store)), spine.WithOrgan(actors.NewOrgan("bulk",
			actors.SinkBatch(func(_ context.Context, evs []actors.EventOf[ping]) error {
				sizes.add(len(evs))
				for _, ev := range evs {
					if ev.Payload.N == 700 {
						return errBad
					}
				}
				return nil
			}))))
		r.Publish(repeat(1000, func(i int) actors.Payload { return ping{i} })...)
		r.Idle()
		assert.Equal(t, actors.BatchLimit, slices.Max(sizes.entries()))
		assert.Len(t, letters(t, m), 1, "one bad event costs only itself")
		assert.Equal(t, 1000, r.Stats().Acked)
	})
}
