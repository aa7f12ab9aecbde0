package persistencetest

import (
	"fmt"
	"math/rand/v2"
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
	hs, err := h.Store.Load(t.Context(), names, nil)
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
	again, err := h.Store.Load(t.Context(), []persistence.Cell{names[1], names[0]}, hs)
	require.NoError(t, err)
	require.Len(t, again, 2)
	assert.Equal(t, names[1].Key, again[0].Records[0].Event.Key())
	assert.Zero(t, again[1], "nothing of what was there before")
	hs, err = h.Store.Load(t.Context(), nil, again)
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
