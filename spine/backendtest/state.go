package backendtest

import (
	"crypto/sha256"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/necrostack/necrostack/persistence"
)

// What a store of cells must do by itself is in persistencetest; here is what it does as a part of
// the backend.
var stateParts = []part{
	{"ChangesBecomeTheCellsHistory", changes},
	{"OneCallMayChangeACellSeveralTimes", severalChanges},
	{"SnapshotsAreSavedAndCellsExpire", snapshots},
}

// change is the next change of a cell with this many.
func (s *suite) change(base uint64) persistence.Change {
	return persistence.Change{Base: base, Version: 2, Digest: base + 100, At: s.store.Now().Truncate(time.Millisecond)}
}

func changes(s *suite) {
	o := s.serve(keyed("a"), keyed("b"))
	evs := o.notes("k", "1", "2")
	o.notes("other", "3")
	next := map[string]uint64{}
	for _, d := range o.pull(3) {
		key := d.Event.Key()
		o.settle(changed(d, 0, s.change(next[key])))
		next[key]++
	}
	h := o.load("k")
	assert.Equal(s, uint64(2), h.Last)
	require.Len(s, h.Records, 2)
	for i, r := range h.Records {
		s.same(evs[i], r.Event)
		assert.Equal(s, uint64(i+1), r.Seq)
		assert.Equal(s, 2, r.Version)
		assert.Equal(s, uint64(i+100), r.Digest)
	}
	assert.Equal(s, uint64(1), o.load("other").Last)
	hs, err := o.backend.(persistence.Store).Load(o.soon(), []persistence.Cell{{Organ: "b", Key: "k"}}, nil)
	require.NoError(s, err)
	assert.Zero(s, hs[0].Last)
}

func severalChanges(s *suite) {
	o := s.serve(keyed("a"))
	o.notes("k", "1", "2", "3", "4")
	ds := o.pull(4)
	o.settle(changed(ds[0], 0, s.change(0)), changed(ds[1], 0, s.change(1)), changed(ds[2], 0, s.change(2)))
	assert.Equal(s, uint64(3), o.load("k").Last)

	// Once a change does not fit, nothing of the shard is taken: those after it were
	// computed on it.
	o.notes("k", "5")
	d5 := o.pull(1)[0]
	o.lost(changed(ds[3], 0, s.change(7)), changed(d5, 0, s.change(3)))
	assert.Equal(s, uint64(3), o.load("k").Last)
	assert.Equal(s, []string{"4", "5"}, texts(o.take()))
}

func snapshots(s *suite) {
	o := s.serve(keyed("a"))
	store := o.backend.(persistence.Store)
	o.notes("k", "1", "2")
	for i, d := range o.pull(2) {
		o.settle(changed(d, 0, s.change(uint64(i))))
	}
	state := []byte("state")
	cell := persistence.Cell{Organ: "a", Key: "k"}
	snapshot := persistence.Snapshot{Seq: 2, Version: 2, State: state, Sum: sha256.Sum256(state), At: o.load("k").At}
	require.NoError(s, store.Save(o.soon(), cell, snapshot))
	h := o.load("k")
	assert.Equal(s, uint64(2), h.Snapshot.Seq)
	assert.Equal(s, state, h.Snapshot.State)
	s.store.Advance(time.Hour)
	n, err := store.Expire(o.soon(), "a", s.store.Now().Add(-time.Minute), 10)
	require.NoError(s, err)
	assert.Equal(s, 1, n)
	assert.Zero(s, o.load("k").Last)
}
