package persistence

import (
	"crypto/sha256"
	"math"
)

// memoryCells holds the cells of all organs, so that those at rest are nothing to the collector: a cell, its key and its
// small state lie in slabs.
type memoryCells struct {
	cells  slab[memoryCell]
	extras slab[memoryExtra]
	blocks []slab[byte] // by size, in steps of blockStep
	rooms  memoryRooms
}

const (
	blockStep = 16
	// largestBlock is how much of key and state lies together at most; keys alone are within actors.NameLimit. A larger
	// state stays where it was encoded: copying it would cost more than the collector does.
	largestBlock = 512
	stateApart   = math.MaxUint32
)

func newMemoryCells() memoryCells {
	return memoryCells{cells: slab[memoryCell]{width: 1}, extras: slab[memoryExtra]{width: 1}}
}

// at returns cell n, nil for 0. It stays where it is until it is removed.
func (m *memoryCells) at(n uint32) *memoryCell {
	if n == 0 {
		return nil
	}
	return &m.cells.at(n)[0]
}

// cell returns the cell of key among n and its twins, 0 when it is not there.
func (m *memoryCells) cell(n uint32, key string) uint32 {
	for n != 0 {
		c := m.at(n)
		if m.is(c, key) {
			return n
		}
		n = c.twin
	}
	return 0
}

// add makes a cell.
func (m *memoryCells) add(key string) (n uint32) {
	n = m.cells.take()
	c := m.at(n)
	c.keyBytes = uint32(len(key))
	copy(m.reserve(c, len(key)), key)
	return n
}

// remove ends cell n, which has neither records nor a state.
func (m *memoryCells) remove(n uint32) {
	c := m.at(n)
	m.blocks[sizeOfBlock(int(c.keyBytes))].put(c.block)
	m.cells.put(n)
}

// reserve gives c another block, of at least n bytes.
func (m *memoryCells) reserve(c *memoryCell, n int) []byte {
	size := sizeOfBlock(n)
	for len(m.blocks) <= size {
		m.blocks = append(m.blocks, slab[byte]{width: (len(m.blocks) + 1) * blockStep})
	}
	c.block = m.blocks[size].take()
	return m.blocks[size].at(c.block)
}

// sizeOfBlock is the place of blocks for n bytes.
func sizeOfBlock(n int) int { return max(n-1, 0) / blockStep }

// inBlock is how many bytes c has in its block.
func (c *memoryCell) inBlock() int {
	if c.stateBytes == stateApart {
		return int(c.keyBytes)
	}
	return int(c.keyBytes) + int(c.stateBytes)
}

func (m *memoryCells) block(c *memoryCell) []byte {
	n := c.inBlock()
	return m.blocks[sizeOfBlock(n)].at(c.block)[:n:n]
}

// is reports whether c is the cell of key.
func (m *memoryCells) is(c *memoryCell, key string) bool {
	return int(c.keyBytes) == len(key) && string(m.block(c)[:c.keyBytes]) == key
}

// key returns the key of c.
func (m *memoryCells) key(c *memoryCell) string { return string(m.block(c)[:c.keyBytes]) }

// stateBytes is the size of the encoded state of c.
func (m *memoryCells) stateBytes(c *memoryCell) int {
	if c.stateBytes == stateApart {
		return len(m.extra(c).state)
	}
	return int(c.stateBytes)
}

// state returns the encoded state of c. It changes with the cell where it lies in a block.
func (m *memoryCells) state(c *memoryCell) (state []byte, inBlock bool) {
	if c.stateBytes == stateApart {
		return m.extra(c).state, false
	}
	return m.block(c)[c.keyBytes:], true
}

// keep replaces the snapshot of c.
func (m *memoryCells) keep(c *memoryCell, s *Snapshot) {
	m.keepState(c, s.State)
	c.snapshot, c.version, c.snapshotAt = s.Seq, int32(s.Version), 0
	if s.Seq > 0 {
		c.snapshotAt = memoryTimeOf(s.At)
	}
	doubted, summed := s.Seq > 0 && !s.Trusted, s.Sum != [sha256.Size]byte{}
	if c.extra == 0 && !doubted && !summed {
		return
	}
	x := m.extra(c)
	x.untrusted, x.sum = doubted, nil
	if summed {
		sum := s.Sum
		x.sum = &sum
	}
	m.tidy(c)
}

// keepState puts state beside the key, or apart.
func (m *memoryCells) keepState(c *memoryCell, state []byte) {
	if c.stateBytes == stateApart {
		m.extra(c).state = nil
	}
	together := int(c.keyBytes) + len(state)
	if together > largestBlock && len(state) > 0 {
		m.move(c, int(c.keyBytes))
		c.stateBytes = stateApart
		m.extra(c).state = state
		return
	}
	m.move(c, together)
	c.stateBytes = uint32(len(state))
	copy(m.block(c)[c.keyBytes:], state)
}

// move brings the key of c into a block for n bytes, where its present one is for more or less.
func (m *memoryCells) move(c *memoryCell, n int) {
	before := sizeOfBlock(c.inBlock())
	if before == sizeOfBlock(n) {
		return
	}
	key, block := m.block(c)[:c.keyBytes], c.block
	copy(m.reserve(c, n), key)
	m.blocks[before].put(block)
}

// extra returns the extra of c, which it has from now on.
func (m *memoryCells) extra(c *memoryCell) *memoryExtra {
	if c.extra == 0 {
		c.extra = m.extras.take()
	}
	return &m.extras.at(c.extra)[0]
}

// tidy takes the extra of c back when there is nothing in it.
func (m *memoryCells) tidy(c *memoryCell) {
	if c.extra != 0 && m.extra(c).empty() {
		m.extras.put(c.extra)
		c.extra = 0
	}
}

// records are those of c.
func (m *memoryCells) records(c *memoryCell) []memoryRecord {
	if c.extra == 0 {
		return nil
	}
	return m.extra(c).records
}

// record adds a record to those of c.
func (m *memoryCells) record(c *memoryCell, r memoryRecord) {
	x := m.extra(c)
	x.records = m.rooms.add(x.records, r)
}

// drop drops the first n records of c.
func (m *memoryCells) drop(c *memoryCell, n int) {
	if n == 0 {
		return
	}
	x := m.extra(c)
	left := copy(x.records, x.records[n:])
	clear(x.records[left:])
	x.records = x.records[:left]
	if left > 0 {
		return
	}
	m.rooms.put(x.records)
	x.records = nil
	m.tidy(c)
}

// history fills h, which is zero. A state that lies in a block is copied to the end of room.
func (m *memoryCells) history(c *memoryCell, h *History, room []byte) []byte {
	h.Last, h.At = c.last, c.at.time()
	records := m.records(c)
	first := c.last - uint64(len(records)) + 1
	for i, r := range records {
		h.Records = append(h.Records, Record{
			Seq: first + uint64(i), Event: r.event, Version: int(r.version), Digest: r.digest, At: r.at.time(), Reset: r.reset,
		})
	}
	if c.snapshot == 0 {
		return room
	}
	s := &h.Snapshot
	s.Seq, s.Version, s.Trusted, s.At = c.snapshot, int(c.version), true, c.snapshotAt.time()
	if c.extra != 0 {
		x := m.extra(c)
		s.Trusted = !x.untrusted
		if x.sum != nil {
			s.Sum = *x.sum
		}
	}
	state, inBlock := m.state(c)
	if !inBlock {
		s.State = state
		return room
	}
	from := len(room)
	room = append(room, state...)
	s.State = room[from:len(room):len(room)]
	return room
}
