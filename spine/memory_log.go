package spine

import (
	"math"
	"time"

	"github.com/necrostack/necrostack/actors"
)

// memoryLog holds the events of the stream, by position, from the oldest that is still needed. It
// grows and shrinks by chunks, and allocates nothing while it comes and goes by no more than memorySpares of them.
type memoryLog struct {
	chunks []*memoryChunk
	base   uint64 // position of the first event of the first chunk
	first  uint64 // position of the oldest event
	end    uint64 // position of the next event
	spare  []*memoryChunk
}

const (
	memoryChunkSize = 512
	// memorySpares is how many chunks are kept for later, of 8 KB each.
	memorySpares = 32
)

type memoryChunk struct {
	entries [memoryChunkSize]memoryEntry
	full    time.Time // since when; the zero time while it is not
}

// memoryEntry is an event of the stream, with what a service has to know of it to pull it: the event itself may be in the
// memory of another core.
type memoryEntry struct {
	event  actors.Event
	size   int32  // Event.Size when it was appended
	number uint16 // of its type; 0: the event says where it goes
}

func entryOf(ev actors.Event) memoryEntry {
	e := memoryEntry{event: ev, size: int32(min(ev.Size(), math.MaxInt32))}
	if ev.Only() == "" {
		e.number = ev.TypeNumber()
	}
	return e
}

func (l *memoryLog) append(ev actors.Event, now time.Time) {
	i := l.end - l.base
	if i == uint64(len(l.chunks))*memoryChunkSize {
		l.grow()
	}
	c := l.chunks[i/memoryChunkSize]
	c.entries[i%memoryChunkSize] = entryOf(ev)
	if i%memoryChunkSize == memoryChunkSize-1 {
		c.full = now
	}
	l.end++
}

func (l *memoryLog) grow() {
	n := len(l.spare)
	if n == 0 {
		l.chunks = append(l.chunks, &memoryChunk{})
		return
	}
	l.chunks = append(l.chunks, l.spare[n-1])
	l.spare = l.spare[:n-1]
}

// at returns what is at a position from first to before end. It is good until the next drop.
func (l *memoryLog) at(position uint64) *memoryEntry {
	i := position - l.base
	return &l.chunks[i/memoryChunkSize].entries[i%memoryChunkSize]
}

// aged returns the position up to which events may be dropped: of those before pulled, the whole
// chunks that have been full since cutoff or longer, or that are beyond the most to keep.
func (l *memoryLog) aged(pulled uint64, cutoff time.Time, most int) uint64 {
	position := l.base
	for _, c := range l.chunks {
		next := position + memoryChunkSize
		if next > pulled || c.full.After(cutoff) && pulled-position <= uint64(most) {
			break
		}
		position = next
	}
	return max(position, l.first)
}

// drop forgets the events before position. They are cleared at once: a payload may be large, and the chunk
// is kept for the sake of its last event.
func (l *memoryLog) drop(position uint64) {
	for l.first < position {
		from := (l.first - l.base) % memoryChunkSize
		to := min(memoryChunkSize, from+position-l.first)
		clear(l.chunks[0].entries[from:to])
		l.first += to - from
		if to == memoryChunkSize {
			l.shrink()
		}
	}
}

// shrink takes away the first chunk.
func (l *memoryLog) shrink() {
	if len(l.spare) < memorySpares {
		l.chunks[0].full = time.Time{}
		l.spare = append(l.spare, l.chunks[0])
	}
	last := len(l.chunks) - 1
	copy(l.chunks, l.chunks[1:])
	l.chunks[last] = nil
	l.chunks = l.chunks[:last]
	l.base += memoryChunkSize
}
