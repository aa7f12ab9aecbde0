package persistence_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/necrostack/necrostack/persistence"
)

func TestSnapshotPolicyFillsZeroFields(t *testing.T) {
	t.Parallel()
	assert.Equal(t, persistence.SnapshotPolicy{Records: 16, InPlace: 4096}, persistence.SnapshotPolicy{}.WithDefaults())
	chosen := persistence.SnapshotPolicy{Records: 3, InPlace: -1}
	assert.Equal(t, chosen, chosen.WithDefaults())
}

func TestSnapshotIsDueWhenRecordsAreManyAndOutweighIt(t *testing.T) {
	t.Parallel()
	p := persistence.SnapshotPolicy{Records: 10}
	assert.True(t, p.Due(10, 1000, 1000))
	assert.False(t, p.Due(9, 1000, 1000), "too few")
	assert.False(t, p.Due(10, 999, 1000), "a snapshot would weigh more")
	assert.True(t, p.Due(500, 5000, 0))
}
