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
