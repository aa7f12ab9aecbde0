package spine

import (
	"cmp"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/necrostack/necrostack/actors"
)

// What is tested here is pure, or known to the package alone.

type tick struct{}

func (tick) EventType() string { return "TICK" }

func ticks(t testing.TB, n int, p actors.Payload, now time.Time) []actors.Event {
	t.Helper()
	var evs []actors.Event
	for range n {
		ev, err := actors.NewStamper(actors.StamperOptions{}).Root(p, now)
		require.NoError(t, err)
		evs = append(evs, ev)
	}
	return evs
}

// The simulation drives Memory by these two alone, under its own clock.
func TestMemoryPollDoesNotWaitAndNextDueTellsUntilWhen(t *testing.T) {
	t.Parallel()
	now := time.Unix(1_900_000_000, 0)
	m := NewMemory(WithMemoryClock(func() time.Time { return now }))
	want := Want{Events: 10, Bytes: 1 << 20}
	assert.Empty(t, m.poll(want), "not open")
	_, ok := m.nextDue()
	assert.False(t, ok)
	require.NoError(t, m.Open(t.Context(), Service{Name: "svc", Organs: []OrganSpec{{Name: "a", Types: []string{"TICK"}}}}))
	assert.Empty(t, m.poll(want))
	_, ok = m.nextDue()
	assert.False(t, ok)

	_, err := m.Publish(t.Context(), append(ticks(t, 2, tick{}, now), ticks(t, 1, actors.After(3*time.Second, tick{}), now)...))
	require.NoError(t, err)
	ds := m.poll(want)
	require.Len(t, ds, 2)
	_, err = m.Settle(t.Context(), []Settlement{
		{Receipt: ds[0].Receipt, Kind: Retry, Later: &Later{Due: now.Add(2 * time.Second)}},
		{Receipt: ds[1].Receipt, Kind: Defer, Later: &Later{Waits: true}},
	})
	require.NoError(t, err)
	require.Len(t, m.poll(want), 1, "what waits for no time")
	for _, wait := range []time.Duration{2 * time.Second, time.Second} {
		assert.Empty(t, m.poll(want))
		due, ok := m.nextDue()
		require.True(t, ok)
		assert.Equal(t, wait, due.Sub(now))
		now = due
		require.Len(t, m.poll(want), 1)
	}
	_, ok = m.nextDue()
	assert.False(t, ok)
}

func TestMemoryHoldKeepsStreamOrder(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		h := &memoryHold{}
		var want []uint64
		for range rapid.IntRange(1, 400).Draw(t, "steps") {
			if len(want) > 0 && rapid.IntRange(0, 2).Draw(t, "pop") == 0 {
				require.Equal(t, want[0], h.first().position)
				require.Equal(t, want[0], h.pop().position)
				want = want[1:]
				continue
			}
			p := rapid.Uint64Range(0, 1000).Draw(t, "position")
			i, found := slices.BinarySearch(want, p)
			if found {
				continue
			}
			want = slices.Insert(want, i, p)
			require.Equal(t, i == 0, h.insert(&memorySlot{position: p}))
			require.Equal(t, len(want), h.len())
		}
	})
}

// A hold that never runs empty must not keep the room of all that has left it.
func TestMemoryHoldDoesNotGrowForEver(t *testing.T) {
	t.Parallel()
	h := &memoryHold{}
	for p := range uint64(100_000) {
		h.insert(&memorySlot{position: p})
		if p > 10 {
			h.pop()
		}
	}
	assert.Equal(t, 11, h.len())
	assert.Less(t, cap(h.slots), 1000)
}

func TestMemoryLogKeepsWhatIsNotDropped(t *testing.T) {
	t.Parallel()
	evs := ticks(t, 3*memoryChunkSize, tick{}, time.Unix(0, 0))
	rapid.Check(t, func(t *rapid.T) {
		var l memoryLog
		var first uint64
		for l.end < uint64(len(evs)) {
			for range rapid.IntRange(1, 700).Draw(t, "append") {
				if l.end < uint64(len(evs)) {
					l.append(evs[l.end], time.Unix(0, 0))
				}
			}
			first = rapid.Uint64Range(first, l.end).Draw(t, "drop")
			l.drop(first)
			require.Equal(t, first, l.first)
			for p := first; p < l.end; p++ {
				require.True(t, l.at(p).event == evs[p])
			}
			require.LessOrEqual(t, len(l.chunks), int(l.end-first)/memoryChunkSize+2)
		}
	})
}

func TestMemoryLogAgesByWholeChunks(t *testing.T) {
	t.Parallel()
	evs := ticks(t, 3*memoryChunkSize, tick{}, time.Unix(0, 0))
	var l memoryLog
	for i, ev := range evs {
		l.append(ev, time.Unix(int64(i/memoryChunkSize), 0)) // a second for each chunk
	}
	const all, most = 3 * memoryChunkSize, 1 << 20
	at := func(seconds int64) time.Time { return time.Unix(seconds, 0) }
	for _, c := range []struct {
		pulled uint64
		cutoff time.Time
		most   int
		want   uint64
	}{
		{all, at(-1), most, 0},
		{all, at(0), most, memoryChunkSize},
		{all, at(9), most, all},
		{all - 1, at(9), most, 2 * memoryChunkSize},
		{memoryChunkSize - 1, at(9), most, 0},
		{all, at(-1), memoryChunkSize, 2 * memoryChunkSize},
		{all, at(-1), 0, all},
	} {
		assert.Equal(t, c.want, l.aged(c.pulled, c.cutoff, c.most), "%+v", c)
	}
	l.append(evs[0], at(4))
	assert.Equal(t, uint64(all), l.aged(l.end, at(9), most), "a chunk that is not full has no age")
}

func TestMemoryDelayedComesByTimeAndThenByArrival(t *testing.T) {
	t.Parallel()
	now := time.Unix(1_900_000_000, 0)
	var d memoryDelayed
	var want []actors.Event
	for _, seconds := range []int{3, 1, 2, 1, 3, 2, 1} {
		ev := ticks(t, 1, actors.After(time.Duration(seconds)*time.Second, tick{}), now)[0]
		d.add(ev)
		want = append(want, ev)
	}
	slices.SortStableFunc(want, func(a, b actors.Event) int { return cmp.Compare(a.Due().Unix(), b.Due().Unix()) })
	_, ok := d.take(now)
	require.False(t, ok)
	assert.Equal(t, now.Add(time.Second).UTC(), d.next())
	for _, ev := range want {
		got, ok := d.take(now.Add(time.Hour))
		require.True(t, ok)
		assert.True(t, got == ev)
	}
	assert.True(t, d.next().IsZero())
}

func TestMemoryRoutesAreOfTheOrgansThereAre(t *testing.T) {
	t.Parallel()
	now := time.Unix(1_900_000_000, 0)
	m := NewMemory(WithMemoryClock(func() time.Time { return now }))
	ev := ticks(t, 4, tick{}, now)
	for i, organs := range [][]OrganSpec{{{Name: "a", Types: []string{"TICK"}}}, {{Name: "a"}}, {{Name: "b", Types: []string{"X"}}, {Name: "a", Types: []string{"TICK"}}}} {
		_, err := m.Publish(t.Context(), ev[i:i+1])
		require.NoError(t, err)
		require.NoError(t, m.Open(t.Context(), Service{Name: "svc", Organs: organs}))
		ds := m.poll(Want{Events: 10, Bytes: 1 << 20})
		require.Len(t, ds, 1)
		if i == 1 {
			require.True(t, ds[0].Acked)
			require.Equal(t, ev[1].TypeNumber(), ds[0].number)
			continue
		}
		require.Equal(t, []int32{int32(i / 2)}, ds[0].organs)
		_, err = m.Settle(t.Context(), []Settlement{{Receipt: ds[0].Receipt, Organ: i / 2, Kind: Done}})
		require.NoError(t, err)
	}
}

func TestMemoryLooksAtNoEventWhoseTypeItKnows(t *testing.T) {
	t.Parallel()
	ev := ticks(t, 1, tick{}, time.Unix(0, 0))[0]
	r := newMemoryRoutes("svc", []OrganSpec{{Name: "a", Types: []string{"TICK"}}})
	e := entryOf(ev)
	require.Same(t, r.of(&e), r.of(&memoryEntry{number: ev.TypeNumber()}))
	s := newStatsBook()
	require.True(t, s.unwanted(ev, ev.TypeNumber()))
	require.False(t, s.unwanted(actors.Event{}, ev.TypeNumber()))
}

func TestMemoryPullsByBytesWhateverItHandsOut(t *testing.T) {
	t.Parallel()
	now := time.Unix(1_900_000_000, 0)
	m := NewMemory(WithMemoryClock(func() time.Time { return now }))
	open := func(typ string) {
		require.NoError(t, m.Open(t.Context(), Service{Name: "svc", Organs: []OrganSpec{{Name: "a", Types: []string{typ}}}}))
	}
	open("TICK")
	evs := ticks(t, 3, tick{}, now)
	size := evs[0].Size()
	all, two := Want{Events: 9, Bytes: 9 * size}, Want{Events: 9, Bytes: 2 * size}
	_, err := m.Publish(t.Context(), evs)
	require.NoError(t, err)
	require.Len(t, m.poll(all), 3)
	open("TICK") // all are lost
	assert.Len(t, m.poll(two), 2, "again")
	require.Len(t, m.poll(two), 1)
	open("TICK")
	for _, d := range m.poll(all) {
		_, err = m.Settle(t.Context(), []Settlement{{Receipt: d.Receipt, Kind: Retry, Later: &Later{Due: now}}})
		require.NoError(t, err)
	}
	assert.Len(t, m.poll(two), 2, "retried")
	_, err = m.Publish(t.Context(), ticks(t, 3, sunset{}, now))
	require.NoError(t, err)
	require.Len(t, m.poll(Want{Events: 1, Bytes: 1}), 1)
	assert.Len(t, m.poll(two), 2, "unwanted")
}

func TestMemoryLogKeepsSomeChunksForLater(t *testing.T) {
	t.Parallel()
	ev := ticks(t, 1, tick{}, time.Unix(0, 0))[0]
	var l memoryLog
	for range 2 {
		for range (memorySpares + 8) * memoryChunkSize {
			l.append(ev, time.Unix(9, 0))
		}
		require.Empty(t, l.spare)
		l.drop(l.end)
		require.Len(t, l.spare, memorySpares)
		for _, c := range l.spare {
			require.Equal(t, memoryChunk{}, *c)
		}
	}
}
