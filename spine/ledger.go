package spine

import (
	"time"

	"github.com/necrostack/necrostack/actors"
)

// ledger keeps everything that is in hand: deliveries, and for each of their organs the work
// it has to do. It is what the fate of an event rests on. Both are slots in tables with free
// lists, so that a hop allocates nothing here.
type ledger struct {
	works      []work
	freeWorks  vacancy
	parcels    []parcel
	freeParcel []uint32

	events int // deliveries in hand
	bytes  int // of their payloads, by Event.Size
}

// work is one delivery for one organ.
type work struct {
	event    actors.Event
	receipt  Receipt
	position Position
	handout  uint64
	first    int64           // of the first failure, nanoseconds since 1970; 0: none
	failed   *actors.Failure // settled for good: OnFailed is to be called, or has been
	parcel   uint32
	shard    uint32
	organ    int32 // or NoOrgan
	lane     int32
	attempts int32 // failed so far
	state    workState
	back     bool // its settlement hands it back: see hold
	logged   bool // settled for good without a dead letter
}

type workState uint8

const (
	workFree workState = iota
	workQueued
	workRunning
	workSettling
	workVoid // its shard was lost while it ran or settled: what comes of it is dropped
)

// parcel is a delivery while any of its works is in hand.
type parcel struct {
	left int32
	size int32
}

// take enters a delivery; add gives it works.
func (l *ledger) take(size int) uint32 {
	l.events++
	l.bytes += size
	p := parcel{size: int32(size)}
	if n := len(l.freeParcel); n > 0 {
		i := l.freeParcel[n-1]
		l.freeParcel = l.freeParcel[:n-1]
		l.parcels[i] = p
		return i
	}
	l.parcels = append(l.parcels, p)
	return uint32(len(l.parcels) - 1)
}

// add enters a work of a delivery, for the caller to fill in: it is queued, and blank otherwise.
func (l *ledger) add(parcel uint32) (uint32, *work) {
	l.parcels[parcel].left++
	if l.freeWorks.n == 0 {
		l.freeWorks.add(uint32(len(l.works)))
		l.works = append(l.works, work{})
	}
	i := l.freeWorks.take()
	w := &l.works[i]
	w.parcel, w.state = parcel, workQueued
	return i, w
}

// of enters a delivery's work for an organ, or for NoOrgan.
func (l *ledger) of(d *Delivery, organ int, parcel uint32) (uint32, *work) {
	i, w := l.add(parcel)
	w.event, w.receipt, w.shard = d.Event, d.Receipt, d.Shard
	w.position, w.handout, w.organ = d.Position, d.Handout, int32(organ)
	return i, w
}

// firstFailure is when the first attempt failed; the zero time when none has.
func (w *work) firstFailure() time.Time {
	if w.first == 0 {
		return time.Time{}
	}
	return time.Unix(0, w.first)
}

// failedAt notes the attempts that have failed, and when the first did.
func (w *work) failedAt(attempts int, first time.Time) {
	w.attempts, w.first = int32(attempts), 0
	if !first.IsZero() {
		w.first = first.UnixNano()
	}
}

// release ends a work, and its delivery when it was the last.
func (l *ledger) release(i uint32) {
	w := &l.works[i]
	if w.state == workFree {
		panic("spine: ledger: work released twice")
	}
	p := &l.parcels[w.parcel]
	p.left--
	if p.left == 0 {
		l.events--
		l.bytes -= int(p.size)
		l.freeParcel = append(l.freeParcel, w.parcel)
	}
	*w = work{}
	l.freeWorks.put(i)
}

// inHand is the number of works that are not free.
func (l *ledger) inHand() int { return len(l.works) - l.freeWorks.n }
