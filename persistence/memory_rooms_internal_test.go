package persistence

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// These tests are white: a store behaves the same wherever its records lie.

func TestMemoryRoomsAreUsedAgain(t *testing.T) {
	t.Parallel()
	var rooms memoryRooms
	var records []memoryRecord
	for i := range 5000 {
		records = rooms.add(records, memoryRecord{digest: uint64(i)})
		require.Len(t, records, i+1)
		require.True(t, i < 4 || cap(records) < 2*(i+1), "%d records in a room for %d", i+1, cap(records))
	}
	for i, r := range records {
		require.Equal(t, memoryRecord{digest: uint64(i)}, r)
	}
	assert.Equal(t, 8188, rooms.held, "4 + 8 + .. + 4,096")
	var again []memoryRecord
	for range 4096 {
		again = rooms.add(again, memoryRecord{})
	}
	assert.Equal(t, 4092, rooms.held, "those it has grown out of are back")
	for _, r := range rooms.room(1024)[:1024] {
		require.Zero(t, r, "it keeps no event alive")
	}
}

func TestMemoryRoomsThatAreKeptAreBounded(t *testing.T) {
	t.Parallel()
	var rooms memoryRooms
	for range 100 {
		rooms.put(make([]memoryRecord, 4096))
		rooms.put(make([]memoryRecord, 8192))
	}
	assert.Equal(t, spareRecords, rooms.held)
	assert.Len(t, rooms.spare[roomSizes-1], spareRecords/4096)
}
