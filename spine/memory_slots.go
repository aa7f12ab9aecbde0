package spine

import (
	"iter"
	"time"

	"github.com/necrostack/necrostack/actors"
)

// memorySlots holds what a service has begun and not finished: an event and the progress of each organ. Slots
// are used again, with the memory of their works, so that a steady flow allocates nothing.
type memorySlots struct {
	blocks [][]memorySlot
	free   vacancy // of indexes
	taken  int
}

const memoryBlockSize = 256

// memorySlot is one event with what its organs have to do.
type memorySlot struct {
	event    actors.Event
	position uint64 // in the stream
	since    uint64 // hand-outs before the slot changed its event: receipts up to here are of others
	works    []memoryWork
	index    uint32
	open     uint32        // works not finished; 0: the slot is free
	size     int32         // of the event, as memoryEntry has it
	listed   bool          // among those to be handed out again
	alone    [1]memoryWork // works, of an event for one organ
}

// memoryWork is the progress of one organ, or of NoOrgan with an event that nobody wants.
type memoryWork struct {
	handout  uint64 // the last one
	organ    int32
	attempts int32
	state    memoryState
	wait     memoryWait // while held
	delay    *memoryDelay
}

// memoryDelay is what few works need to know.
type memoryDelay struct {
	due   time.Time // while held: of waitDue its due time, else since when it is held
	first time.Time // of the first failure; counts when attempts does
}

// hold notes what the work waits for.
func (w *memoryWork) hold(wait memoryWait, due time.Time) {
	if w.delay == nil {
		w.delay = &memoryDelay{}
	}
	w.wait, w.delay.due = wait, due
}

type memoryState uint8

const (
	workReady    memoryState = iota // to be handed out
	workInFlight                    // handed out
	workHeld                        // retried or deferred, or behind such a one: in a hold
	workFinished
)

// memoryWait is what held work waits for once it is the first of its hold.
type memoryWait uint8

const (
	waitTurn  memoryWait = iota // only that it was not the first
	waitDue                     // a time
	waitOrgan                   // that the organ takes some, at no time
)

// take puts an event into a free slot, ready for organs.
func (t *memorySlots) take(e *memoryEntry, position uint64, organs []int32, handouts uint64) *memorySlot {
	if t.free.n == 0 {
		t.grow()
	}
	slot := t.slot(t.free.take())
	t.taken++
	slot.event, slot.size, slot.position, slot.since = e.event, e.size, position, handouts
	slot.begin(organs)
	return slot
}

func (t *memorySlots) grow() {
	block := make([]memorySlot, memoryBlockSize)
	first := uint32(len(t.blocks) * memoryBlockSize)
	for i := range block {
		block[i].index = first + uint32(i)
		t.free.add(block[i].index)
	}
	t.blocks = append(t.blocks, block)
}

// release frees a slot whose works are finished.
func (t *memorySlots) release(slot *memorySlot, handouts uint64) {
	slot.event, slot.since = actors.Event{}, handouts
	t.free.put(slot.index)
	t.taken--
}

// at returns the slot of an index, nil when there is none.
func (t *memorySlots) at(index uint64) *memorySlot {
	if index >= uint64(len(t.blocks)*memoryBlockSize) {
		return nil
	}
	return t.slot(uint32(index))
}

func (t *memorySlots) slot(index uint32) *memorySlot {
	return &t.blocks[index/memoryBlockSize][index%memoryBlockSize]
}

// all yields the slots that are taken.
func (t *memorySlots) all() iter.Seq[*memorySlot] {
	return func(yield func(*memorySlot) bool) {
		for _, block := range t.blocks {
			for i := range block {
				if block[i].open > 0 && !yield(&block[i]) {
					return
				}
			}
		}
	}
}

// begin makes the works of organs ready, whatever was there before.
func (s *memorySlot) begin(organs []int32) {
	switch {
	case cap(s.works) >= len(organs):
	case len(organs) == 1:
		s.works = s.alone[:]
	default:
		s.works = make([]memoryWork, len(organs))
	}
	s.works = s.works[:len(organs)]
	s.open = uint32(len(organs))
	for i, organ := range organs {
		w := &s.works[i]
		*w = memoryWork{organ: organ, state: workReady}
	}
}

// work returns the work of an organ, nil when there is none.
func (s *memorySlot) work(organ int32) *memoryWork {
	for i := range s.works {
		if s.works[i].organ == organ {
			return &s.works[i]
		}
	}
	return nil
}
