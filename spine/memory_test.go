package spine_test

import (
	"context"
	"fmt"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"time"
	"weak"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/necrostack/necrostack/actors"
	"github.com/necrostack/necrostack/spine"
	"github.com/necrostack/necrostack/supervision"
)

// fact is the event of these tests; they have what the conformance suite cannot know of.
type fact struct{ Text string }

func (fact) EventType() string { return "FACT" }

var listener = []spine.OrganSpec{{Name: "a", Types: []string{"FACT"}}}

func facts(t testing.TB, texts ...string) []actors.Event {
	t.Helper()
	var evs []actors.Event
	for _, text := range texts {
		ev, err := actors.NewStamper(actors.StamperOptions{}).Root(fact{text}, time.Now())
		require.NoError(t, err)
		evs = append(evs, ev)
	}
	return evs
}

func publish(t testing.TB, m *spine.Memory, evs ...actors.Event) {
	t.Helper()
	answers, err := m.Publish(t.Context(), evs)
	require.NoError(t, err)
	require.Equal(t, make([]spine.Published, len(evs)), answers)
}

func serve(t testing.TB, m *spine.Memory, service string) *spine.Memory {
	t.Helper()
	m = m.Attach()
	require.NoError(t, m.Open(t.Context(), spine.Service{Name: service, Organs: listener}))
	return m
}

// pull returns what comes at once; an empty stream is no failure.
func pull(t testing.TB, m *spine.Memory) []spine.Delivery {
	t.Helper()
	b, err := m.Backlog(t.Context())
	require.NoError(t, err)
	if b.Ready == 0 {
		return nil
	}
	ds, err := m.Pull(t.Context(), spine.Want{Events: 1 << 20, Bytes: 1 << 30})
	require.NoError(t, err)
	return ds
}

func finish(t testing.TB, m *spine.Memory, ds []spine.Delivery) {
	t.Helper()
	for _, d := range ds {
		_, err := m.Settle(t.Context(), []spine.Settlement{{Receipt: d.Receipt}})
		require.NoError(t, err)
	}
}

func textsOf(ds []spine.Delivery) []string {
	var texts []string
	for _, d := range ds {
		p, _ := actors.Decode[fact](d.Event)
		texts = append(texts, p.Text)
	}
	return texts
}

func numbered(n int) []string {
	var texts []string
	for i := range n {
		texts = append(texts, fmt.Sprint(i))
	}
	return texts
}

func TestMemoryStartsANewServiceWithWhatSomeServiceHasNotPulled(t *testing.T) {
	t.Parallel()
	m := spine.NewMemory()
	first, second := serve(t, m, "first"), serve(t, m, "second")
	publish(t, m, facts(t, "1", "2")...)
	pull(t, first)
	pull(t, second)
	publish(t, m, facts(t, "3", "4")...)
	pull(t, first)
	assert.Equal(t, []string{"3", "4"}, textsOf(pull(t, serve(t, m, "third"))))
}

func TestMemoryRetainsForAsLongAsItWasAsked(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := spine.NewMemory(spine.WithRetain(time.Hour))
		s := serve(t, m, "early")
		// Time is told by whole chunks of 512 events.
		publish(t, m, facts(t, numbered(600)...)...)
		finish(t, s, pull(t, s))
		time.Sleep(59 * time.Minute)
		publish(t, m, facts(t, "more")...)
		finish(t, s, pull(t, s))
		require.Len(t, pull(t, serve(t, m, "in-time")), 601)
		time.Sleep(time.Minute)
		publish(t, m, facts(t, "last")...)
		finish(t, s, pull(t, s))
		late := textsOf(pull(t, serve(t, m, "late")))
		assert.NotContains(t, late, "0")
		assert.Contains(t, late, "more")
		assert.Contains(t, late, "last")
	})
}

func TestMemoryRetainsNoMoreThanItsCapacity(t *testing.T) {
	t.Parallel()
	m := spine.NewMemory(spine.WithRetain(time.Hour), spine.WithCapacity(2000))
	s := serve(t, m, "early")
	for range 20 {
		publish(t, m, facts(t, numbered(500)...)...)
		finish(t, s, pull(t, s))
	}
	kept := len(pull(t, serve(t, m, "late")))
	assert.LessOrEqual(t, kept, 2000+512)
	assert.GreaterOrEqual(t, kept, 2000-512)
}

// A payload may be large, and its chunk of the log stays.
func TestMemoryLetsGoOfSettledEvents(t *testing.T) {
	t.Parallel()
	m := spine.NewMemory()
	s := serve(t, m, "svc")
	gone := func() weak.Pointer[heavy] {
		p := &heavy{}
		ev, err := actors.NewStamper(actors.StamperOptions{}).Root(p, time.Now())
		require.NoError(t, err)
		publish(t, m, ev)
		finish(t, s, pull(t, s))
		return weak.Make(p)
	}()
	runtime.GC()
	runtime.GC()
	assert.Nil(t, gone.Value())
	runtime.KeepAlive(s)
}

type heavy struct{ Data [1 << 16]byte }

func (*heavy) EventType() string { return "FACT" }

func TestMemoryAsksItsClock(t *testing.T) {
	t.Parallel()
	now := time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)
	m := spine.NewMemory(spine.WithMemoryClock(func() time.Time { return now }))
	s := serve(t, m, "svc")
	ev, err := actors.NewStamper(actors.StamperOptions{}).Root(actors.After(time.Hour, fact{"1"}), now)
	require.NoError(t, err)
	publish(t, m, ev)
	require.Empty(t, pull(t, s))
	now = now.Add(time.Hour)
	require.Len(t, pull(t, s), 1)
}

func chosen(t *testing.T, id actors.ID) actors.Event {
	t.Helper()
	ev, err := actors.NewStamper(actors.StamperOptions{}).Root(actors.With(fact{}, id), time.Now())
	require.NoError(t, err)
	return ev
}

func codes(t *testing.T, m *spine.Memory, ids ...actors.ID) []spine.PublishCode {
	t.Helper()
	var codes []spine.PublishCode
	for _, id := range ids {
		answers, err := m.Publish(t.Context(), []actors.Event{chosen(t, id)})
		require.NoError(t, err)
		codes = append(codes, answers[0].Code)
	}
	return codes
}

func TestMemoryRemembersNoMoreIDsThanItWasAsked(t *testing.T) {
	t.Parallel()
	a, b, c := actors.NewID(), actors.NewID(), actors.NewID()
	m := spine.NewMemory(spine.WithDedup(time.Hour, 2))
	assert.Equal(t, []spine.PublishCode{spine.Accepted, spine.Accepted, spine.Duplicate, spine.Accepted, spine.Duplicate, spine.Accepted},
		codes(t, m, a, b, a, c, b, a))
	for _, off := range []spine.MemoryOption{spine.WithDedup(0, 10), spine.WithDedup(time.Hour, 0)} {
		assert.Equal(t, []spine.PublishCode{spine.Accepted, spine.Accepted}, codes(t, spine.NewMemory(off), a, a))
	}
}

func TestMemoryForgetsManyIDsInOrder(t *testing.T) {
	t.Parallel()
	m := spine.NewMemory(spine.WithDedup(time.Hour, 100))
	ids := make([]actors.ID, 1000)
	for i := range ids {
		ids[i] = actors.NewID()
		require.Equal(t, []spine.PublishCode{spine.Accepted}, codes(t, m, ids[i]))
		require.Equal(t, []spine.PublishCode{spine.Duplicate}, codes(t, m, ids[max(i-99, 0)]))
	}
}

func TestMemoryRefusesTheZeroEvent(t *testing.T) {
	t.Parallel()
	m := spine.NewMemory()
	answers, err := m.Publish(t.Context(), append(facts(t, "1"), actors.Event{}))
	require.NoError(t, err)
	assert.Equal(t, spine.Accepted, answers[0].Code)
	assert.Equal(t, spine.Refused, answers[1].Code)
	require.Error(t, answers[1].Err)
}

func TestMemoryCountsTheServiceThatIsFurthestBehind(t *testing.T) {
	t.Parallel()
	m := spine.NewMemory(spine.WithCapacity(3), spine.RefuseWhenFull())
	refused := func() bool {
		answers, err := m.Publish(t.Context(), facts(t, "x"))
		require.NoError(t, err)
		return answers[0].Code == spine.Refused
	}
	publish(t, m, facts(t, "1", "2")...)
	fast := serve(t, m, "fast")
	slow := serve(t, m, "slow")
	publish(t, m, facts(t, "3")...)
	finish(t, fast, pull(t, fast))
	require.True(t, refused())
	ds := pull(t, slow)
	require.True(t, refused(), "in hand is not acknowledged")
	finish(t, slow, ds[:1])
	require.False(t, refused())
	require.True(t, refused())
}

func TestMemoryReportsSettlementsThatMakeNoSense(t *testing.T) {
	t.Parallel()
	s := serve(t, spine.NewMemory(), "svc")
	publish(t, s, facts(t, "1")...)
	for want, x := range map[string]spine.Settlement{
		"kind is 4":                           {Kind: 4},
		"organ 0: Dead without a letter":      {Kind: spine.Dead},
		"organ 0: Retry or Defer without Lat": {Kind: spine.Retry},
		"no organ wants the event":            {Kind: spine.Defer, Organ: spine.NoOrgan, Later: &spine.Later{}},
	} {
		d := pull(t, s)[0]
		x.Receipt = d.Receipt
		_, err := s.Settle(t.Context(), []spine.Settlement{{Receipt: d.Receipt}, x})
		require.ErrorContains(t, err, want)
		require.ErrorContains(t, err, "settlement 1")
	}
	require.Len(t, pull(t, s), 1, "none was applied")
}

func TestMemoryTakesSettlementsOfUnknownWorkForAStrangers(t *testing.T) {
	t.Parallel()
	s := serve(t, spine.NewMemory(), "svc")
	publish(t, s, facts(t, "1")...)
	for _, spoil := range []func(*spine.Settlement){
		func(x *spine.Settlement) { x.Shard = 1 },
		func(x *spine.Settlement) { x.Organ = 1 },
		func(x *spine.Settlement) { x.Organ = spine.NoOrgan },
		func(x *spine.Settlement) { x.Receipt.A = 1 << 40 },
		func(x *spine.Settlement) { x.Receipt.B++ },
		func(x *spine.Settlement) { x.Receipt.B = 0 },
	} {
		d := pull(t, s)[0]
		x := spine.Settlement{Receipt: d.Receipt}
		spoil(&x)
		answers, err := s.Settle(t.Context(), []spine.Settlement{x})
		require.NoError(t, err)
		require.Equal(t, spine.Lost, answers[0].Code)
	}
	require.Len(t, pull(t, s), 1)
}

func TestMemoryHandsAServiceOverToWhoeverOpensItLast(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		old := serve(t, spine.NewMemory(), "svc")
		publish(t, old, facts(t, "1")...)
		d := pull(t, old)[0]
		waiting := make(chan error, 1)
		go func() { // ends when the service is taken over
			_, err := old.Pull(t.Context(), spine.Want{Events: 1, Bytes: 1})
			waiting <- err
		}()
		synctest.Wait()
		next := serve(t, old, "svc")
		require.ErrorIs(t, <-waiting, spine.ErrService)
		_, err := old.Settle(t.Context(), []spine.Settlement{{Receipt: d.Receipt}})
		require.ErrorIs(t, err, spine.ErrService)
		_, err = old.Backlog(t.Context())
		require.ErrorIs(t, err, spine.ErrService)
		require.Len(t, pull(t, next), 1)
	})
}

// A Spine that runs again opens the same handle.
func TestMemoryMayBeOpenedAgainByTheSameHandle(t *testing.T) {
	t.Parallel()
	m := serve(t, spine.NewMemory(), "svc")
	publish(t, m, facts(t, "1")...)
	before := pull(t, m)[0]
	require.NoError(t, m.Open(t.Context(), spine.Service{Name: "svc", Organs: listener}))
	answers, err := m.Settle(t.Context(), []spine.Settlement{{Receipt: before.Receipt}})
	require.NoError(t, err)
	assert.Equal(t, spine.Lost, answers[0].Code, "it was handed to the one before")
	ds := pull(t, m)
	require.Len(t, ds, 1)
	answers, err = m.Settle(t.Context(), []spine.Settlement{{Receipt: ds[0].Receipt}})
	require.NoError(t, err)
	assert.True(t, answers[0].Acked)
}

func TestMemoryGoesOnAfterAHandleWasClosed(t *testing.T) {
	t.Parallel()
	m := serve(t, spine.NewMemory(), "svc")
	publish(t, m, facts(t, "1", "2")...)
	pull(t, m)
	require.NoError(t, m.Close(t.Context()))
	assert.Equal(t, []string{"1", "2"}, textsOf(pull(t, serve(t, m, "svc"))))
}

func TestMemoryHandsHeldWorkOnlyToOrgansThatWantSome(t *testing.T) {
	t.Parallel()
	m := serve(t, spine.NewMemory(), "svc")
	publish(t, m, facts(t, "1")...)
	d := pull(t, m)[0]
	_, err := m.Settle(t.Context(), []spine.Settlement{{Receipt: d.Receipt, Kind: spine.Retry, Later: &spine.Later{}}})
	require.NoError(t, err)
	ctx, stop := context.WithTimeout(t.Context(), time.Millisecond)
	defer stop()
	// Organs that a Want forgets want nothing.
	_, err = m.Pull(ctx, spine.Want{Events: 1, Bytes: 1, Organs: []int{}})
	require.ErrorIs(t, err, context.DeadlineExceeded)
}

func TestMemoryKeepsNoLetterWhereNoneIsAllowed(t *testing.T) {
	t.Parallel()
	m := serve(t, spine.NewMemory(spine.WithLetterLimit(0)), "svc")
	publish(t, m, facts(t, "1")...)
	d := pull(t, m)[0]
	answers, err := m.Settle(t.Context(), []spine.Settlement{{Receipt: d.Receipt, Kind: spine.Dead, Letter: &supervision.DeadLetter{}}})
	require.NoError(t, err)
	assert.Equal(t, spine.LettersFull, answers[0].Code)
}

// Several Pulls of one owner at a time share the events between them.
func TestMemoryGivesEachEventToOnePull(t *testing.T) {
	t.Parallel()
	const events, pullers = 2000, 4
	m := serve(t, spine.NewMemory(), "svc")
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var mu sync.Mutex
	var all sync.WaitGroup
	seen := map[string]int{}
	for range pullers {
		all.Go(func() {
			for {
				ds, err := m.Pull(ctx, spine.Want{Events: 7, Bytes: 1 << 30})
				if err != nil {
					return
				}
				finish(t, m, ds)
				mu.Lock()
				for _, text := range textsOf(ds) {
					seen[text]++
				}
				if len(seen) == events {
					stop()
				}
				mu.Unlock()
			}
		})
	}
	for _, ev := range facts(t, numbered(events)...) {
		publish(t, m, ev)
	}
	all.Wait()
	for text, n := range seen {
		require.Equal(t, 1, n, text)
	}
}

// Not parallel: the allocations of other tests would be counted.
func TestMemorySteadyFlowAllocatesPerBatchOnly(t *testing.T) {
	m := serve(t, spine.NewMemory(), "svc")
	const batch = 256
	publish(t, m, facts(t, numbered(batch)...)...)
	want := spine.Want{Events: batch, Bytes: 1 << 30, Organs: []int{8}, Into: make([]spine.Delivery, 0, batch)}
	ss := make([]spine.Settlement, batch)
	emitted := make([]actors.Event, batch)
	allocs := testing.AllocsPerRun(50, func() {
		ds, err := m.Pull(t.Context(), want)
		require.NoError(t, err)
		for i, d := range ds {
			emitted[i] = d.Event
			ss[i] = spine.Settlement{Receipt: d.Receipt, Emitted: emitted[i : i+1]}
		}
		_, err = m.Settle(t.Context(), ss)
		require.NoError(t, err)
	})
	assert.Less(t, allocs, 10.0, "for a batch of %d", batch)
}
