package persistence

import "math/bits"

// memoryRooms goes with the room for records from cell to cell: few have any at a time, and growing it from nothing
// is half of what a change costs. A room holds 4, 8, 16 .. records, and a cell has the smallest one that will do. The
// zero value is ready for use.
type memoryRooms struct {
	spare [roomSizes][][]memoryRecord // by size
	held  int                         // records that all of spare could take
}

const (
	firstRecords = 4
	roomSizes    = 11      // the largest is for 4,096 records, 128 KB
	spareRecords = 1 << 16 // 2 MB
)

// add appends a record. What it returns takes the place of records.
func (r *memoryRooms) add(records []memoryRecord, rec memoryRecord) []memoryRecord {
	if len(records) == cap(records) {
		bigger := append(r.room(max(2*cap(records), firstRecords)), records...)
		r.put(records)
		records = bigger
	}
	return append(records, rec)
}

// room returns an empty room for n records.
func (r *memoryRooms) room(n int) []memoryRecord {
	size := sizeOfRoom(n)
	if size >= roomSizes || len(r.spare[size]) == 0 {
		return make([]memoryRecord, 0, n)
	}
	last := len(r.spare[size]) - 1
	room := r.spare[size][last]
	r.spare[size][last] = nil
	r.spare[size] = r.spare[size][:last]
	r.held -= n
	return room
}

// put takes back a room that nobody needs any more.
func (r *memoryRooms) put(room []memoryRecord) {
	n := cap(room)
	if size := sizeOfRoom(n); n > 0 && size < roomSizes && r.held+n <= spareRecords {
		clear(room)
		r.spare[size] = append(r.spare[size], room[:0])
		r.held += n
	}
}

// sizeOfRoom is the place of rooms for n records in spare.
func sizeOfRoom(n int) int { return bits.Len(uint(n / (2 * firstRecords))) }
