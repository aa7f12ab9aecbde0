package persistencetest

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/necrostack/necrostack/persistence"
)

func unknownCell(t *testing.T, h Harness) {
	newLife(t, h, "tally", "other").add(1)
	got := newLife(t, h, "tally", "nobody").load()
	assert.Zero(t, got.Last)
	assert.Zero(t, got.Snapshot.Seq)
	assert.Empty(t, got.Records)
}

func recordsInOrder(t *testing.T, h Harness) {
	l := newLife(t, h, "tally", "acc-1")
	var events []string
	for n := range 20 {
		ev, c := l.next(n)
		l.apply(ev, c)
		events = append(events, ev.ID().String())
	}
	got := l.check()
	require.Len(t, got.Records, 20)
	assert.Zero(t, got.Snapshot.Seq)
	for i, r := range got.Records {
		assert.Equal(t, uint64(i+1), r.Seq)
		assert.Equal(t, events[i], r.Event.ID().String())
		assert.Equal(t, "acc-1", r.Event.Key())
		assert.Equal(t, 1, r.Version)
		assert.True(t, persistence.Exact(r.Digest))
		assert.True(t, r.At.Equal(start.Add(time.Duration(i+1)*time.Second)))
		assert.False(t, r.Reset)
	}
}

func otherBase(t *testing.T, h Harness) {
	l := newLife(t, h, "tally", "acc-1")
	refused := func(base uint64) {
		t.Helper()
		ev, c := newLife(t, h, "tally", "acc-1").next(100)
		c.Base = base
		require.ErrorIs(t, h.Apply(t.Context(), l.name, ev, c), persistence.ErrConflict)
		c.Reset = true
		require.ErrorIs(t, h.Apply(t.Context(), l.name, ev, c), persistence.ErrConflict, "with a reset")
		c.Reset, c.State = false, []byte(`{}`)
		require.ErrorIs(t, h.Apply(t.Context(), l.name, ev, c), persistence.ErrConflict, "in place")
	}
	refused(1)
	assert.Zero(t, l.load().Last, "a refused change makes no cell")
	l.add(1, 2, 3)
	refused(0)
	refused(2)
	refused(4)
	l.check()
	l.add(4)
	l.check()
}

func inPlace(t *testing.T, h Harness) {
	l := newLife(t, h, "tally", "acc-1")
	l.add(1, 2)
	l.addInPlace(3)
	got := l.check()
	assert.Equal(t, uint64(3), got.Snapshot.Seq)
	assert.Equal(t, 1, got.Snapshot.Version)
	assert.Equal(t, string(l.state()), string(got.Snapshot.State))
	l.addInPlace(4)
	l.check()
	l.add(5)
	l.check()
}

func snapshotTrims(t *testing.T, h Harness) {
	l := newLife(t, h, "tally", "acc-1")
	l.add(1, 2, 3)
	middle := l.snapshot()
	l.add(4, 5)
	l.save(middle)
	got := l.check()
	assert.Equal(t, uint64(3), got.Snapshot.Seq)
	assert.Equal(t, uint64(5), got.Records[len(got.Records)-1].Seq)
	for range 3 {
		l.add(6, 7)
		l.save(l.snapshot())
	}
	got = l.check()
	assert.LessOrEqual(t, len(got.Records), 4, "records older than two snapshots are trimmed")
	assert.True(t, l.at.Equal(got.Snapshot.At))
	l.add(8)
	l.check()
}

func oldSnapshot(t *testing.T, h Harness) {
	l := newLife(t, h, "tally", "acc-1")
	l.add(1, 2)
	old := l.snapshot()
	l.add(3)
	newer := l.snapshot()
	l.add(4)
	l.save(newer)
	l.save(old)
	assert.Equal(t, uint64(3), l.check().Snapshot.Seq)
	l.save(newer)
	assert.Equal(t, uint64(3), l.check().Snapshot.Seq, "saved again")
}

func snapshotAhead(t *testing.T, h Harness) {
	l := newLife(t, h, "tally", "acc-1")
	s := l.snapshot()
	s.Seq = 1
	require.Error(t, h.Store.Save(t.Context(), l.name, s), "of an unknown cell")
	assert.Zero(t, l.load().Last)
	l.add(1, 2)
	s = l.snapshot()
	s.Seq = 3
	require.Error(t, h.Store.Save(t.Context(), l.name, s))
	l.check()
}

func resetDrops(t *testing.T, h Harness) {
	l := newLife(t, h, "tally", "acc-1")
	l.add(1, 2, 3)
	l.save(l.snapshot())
	l.add(4)
	l.addReset(5)
	got := l.check()
	assert.Equal(t, uint64(5), got.Last, "the count of changes goes on")
	assert.Zero(t, got.Snapshot.Seq)
	require.Len(t, got.Records, 1)
	assert.True(t, got.Records[0].Reset)
	l.add(6, 7)
	l.check()
	l.save(l.snapshot())
	l.add(8)
	l.check()
	l.addReset(9)
	l.addReset(10)
	l.check()
}

func resetInPlace(t *testing.T, h Harness) {
	l := newLife(t, h, "tally", "acc-1")
	l.add(1, 2)
	l.fresh()
	ev, c := l.next(3)
	c.Reset, c.State = true, l.state()
	l.apply(ev, c)
	got := l.check()
	assert.Equal(t, uint64(3), got.Snapshot.Seq)
	assert.Empty(t, got.Records)
	l.add(4)
	l.check()
}

func expiry(t *testing.T, h Harness) {
	lives := map[string]*life{}
	for i, key := range []string{"first", "second", "third", "fourth"} {
		lives[key] = newLife(t, h, "tally", key)
		lives[key].at = start.Add(time.Duration(i) * time.Minute)
		lives[key].add(1)
	}
	other := newLife(t, h, "another", "first")
	other.add(1)
	lives["first"].at = start.Add(time.Hour)
	lives["first"].add(2)
	expire := func(before time.Time, limit int) int {
		n, err := h.Store.Expire(t.Context(), "tally", before, limit)
		require.NoError(t, err)
		return n
	}
	assert.Zero(t, expire(start, 10))
	assert.Zero(t, expire(start.Add(30*time.Minute), 0))
	assert.Equal(t, 1, expire(start.Add(30*time.Minute), 1))
	assert.Zero(t, lives["second"].load().Last, "the oldest goes first")
	lives["third"].check()
	assert.Equal(t, 1, expire(lives["fourth"].at, 10), "only what is older")
	lives["fourth"].check()
	assert.Equal(t, 1, expire(start.Add(30*time.Minute), 10))
	lives["first"].check()
	other.check()
	n, err := h.Store.Expire(t.Context(), "nobody", start.Add(time.Hour), 10)
	require.NoError(t, err)
	assert.Zero(t, n)
}

func afterExpiry(t *testing.T, h Harness) {
	l := newLife(t, h, "tally", "acc-1")
	l.add(1, 2, 3)
	l.save(l.snapshot())
	l.add(4)
	n, err := h.Store.Expire(t.Context(), "tally", l.at.Add(time.Second), 10)
	require.NoError(t, err)
	require.Equal(t, 1, n)
	assert.Empty(t, l.load().Records)
	assert.Zero(t, l.load().Snapshot.Seq)
	l.fresh()
	l.seq = 0
	l.add(5, 6)
	l.check()
}

func manyCells(t *testing.T, h Harness) {
	var names []persistence.Cell
	for i := range 50 {
		l := newLife(t, h, "tally", fmt.Sprint("acc-", i))
		if i%3 != 0 {
			l.add(i, i+1)
		}
		names = append(names, l.name)
	}
	names = append(names, names[1])
	hs, err := h.Store.Load(t.Context(), names)
	require.NoError(t, err)
	require.Len(t, hs, len(names))
	for i, got := range hs {
		if i < 50 && i%3 == 0 {
			assert.Zero(t, got.Last)
			continue
		}
		require.Len(t, got.Records, 2)
		assert.Equal(t, names[i].Key, got.Records[0].Event.Key())
	}
	hs, err = h.Store.Load(t.Context(), nil)
	require.NoError(t, err)
	assert.Empty(t, hs)
}

func sameKey(t *testing.T, h Harness) {
	a, b, c := newLife(t, h, "tally", "x/y"), newLife(t, h, "tally/x", "y"), newLife(t, h, "tally", "y")
	a.add(1)
	b.add(2, 3)
	c.add(4, 5, 6)
	b.save(b.snapshot())
	a.check()
	b.check()
	c.check()
}

func stateSizes(t *testing.T, h Harness) {
	for name, state := range map[string][]byte{
		"empty": {}, "one": {0}, "binary": []byte("\x00\xff\r\n\"é"), "large": []byte(strings.Repeat("0123456789abcdef", 2<<20/16)),
	} {
		l := newLife(t, h, "tally", name)
		l.add(1)
		s := l.snapshot()
		s.State, s.Sum = state, [32]byte{1, 2, 3}
		l.save(s)
		got := l.load()
		assert.Equal(t, string(state), string(got.Snapshot.State), name)
		assert.Equal(t, s.Sum, got.Snapshot.Sum, name)
		assert.Equal(t, uint64(1), got.Snapshot.Seq, name)
	}
	l := newLife(t, h, "tally", "in-place")
	ev, c := l.next(1)
	c.State = []byte{}
	l.apply(ev, c)
	got := l.load()
	assert.Equal(t, uint64(1), got.Snapshot.Seq, "an empty state is one")
	assert.Empty(t, got.Snapshot.State)
}

// mixture does what a runtime may do, in random order, and rebuilds after every step.
func mixture(t *testing.T, h Harness) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	l := newLife(t, h, "tally", "acc-1")
	var taken []persistence.Snapshot
	for range 300 {
		switch random.IntN(12) {
		case 0:
			l.addInPlace(random.IntN(100))
		case 1, 2:
			taken = append(taken, l.snapshot())
		case 3:
			if len(taken) > 0 { // an old one as often as the newest
				l.save(taken[random.IntN(len(taken))])
			}
		case 4:
			if random.IntN(4) == 0 {
				l.addReset(random.IntN(100))
				taken = nil
			}
		default:
			l.add(random.IntN(100))
		}
		if l.seq > 0 {
			l.check()
		}
	}
}

func concurrentCells(t *testing.T, h Harness) {
	lives := make([]*life, 16)
	var all sync.WaitGroup
	for i := range lives {
		lives[i] = newLife(t, h, fmt.Sprint("tally-", i%2), fmt.Sprint("acc-", i))
		all.Go(func() {
			for n := range 20 {
				lives[i].add(n)
				if n%7 == 6 {
					lives[i].save(lives[i].snapshot())
				}
				lives[i].load()
			}
		})
	}
	all.Go(func() {
		for range 20 {
			_, err := h.Store.Expire(t.Context(), "tally-0", start, 10)
			assert.NoError(t, err)
		}
	})
	all.Wait()
	for _, l := range lives {
		l.check()
	}
}

func damaged(t *testing.T, h Harness) {
	l := newLife(t, h, "tally", "acc-1")
	l.add(1, 2)
	l.save(l.snapshot())
	l.add(3, 4)
	l.save(l.snapshot())
	l.add(5)
	h.Damage(t, l.name)
	got := l.check()
	assert.Equal(t, uint64(4), got.Snapshot.Seq)
	assert.Equal(t, uint64(2), got.Previous.Seq)
}

func reopened(t *testing.T, h Harness) {
	a, b := newLife(t, h, "tally", "acc-1"), newLife(t, h, "tally", "acc-2")
	a.add(1, 2, 3)
	a.save(a.snapshot())
	a.add(4)
	b.addInPlace(1)
	h = h.Reopen(t)
	for _, l := range []*life{a, b} {
		l.h = h
		l.check()
		l.add(5)
		l.check()
	}
}
