package persistencetest

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

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
