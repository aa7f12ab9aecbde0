package persistence_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/necrostack/necrostack/persistence"
)

func TestSnapshotPolicyFillsZeroFields(t *testing.T) {
	t.Parallel()
	assert.Equal(t, persistence.SnapshotPolicy{Records: 16, Weight: 4, InPlace: 4096}, persistence.SnapshotPolicy{}.WithDefaults())
	chosen := persistence.SnapshotPolicy{Records: 3, Weight: 2, InPlace: -1}
	assert.Equal(t, chosen, chosen.WithDefaults())
}

func TestSnapshotIsDueWhenRecordsAreManyAndOutweighIt(t *testing.T) {
	t.Parallel()
	p := persistence.SnapshotPolicy{Records: 10, Weight: 3}
	assert.True(t, p.Due(10, 3000, 1000))
	assert.False(t, p.Due(9, 3000, 1000), "too few")
	assert.False(t, p.Due(10, 2999, 1000), "a snapshot would weigh too much")
	assert.True(t, p.Due(500, 5000, 0))
}

func TestStateIsStoredWholeWhereThatIsCheaperThanARecord(t *testing.T) {
	t.Parallel()
	p := persistence.SnapshotPolicy{Weight: 4, InPlace: 1000}
	assert.True(t, p.Whole(true, 10, 1000), "bytes are made anyway")
	assert.False(t, p.Whole(true, 10_000, 1001))
	assert.True(t, p.Whole(false, 512, 128))
	assert.False(t, p.Whole(false, 512, 129))
	assert.False(t, p.Whole(false, 1<<20, 1001))
	p.InPlace = -1
	assert.False(t, p.Whole(true, 512, 0))
	assert.False(t, p.Whole(false, 512, 0))
}
