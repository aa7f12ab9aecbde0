package persistencetest

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

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
