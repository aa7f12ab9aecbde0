package spine

import (
	"math"
	"time"

	"github.com/necrostack/necrostack/actors"
)

// ledger keeps everything that is in hand: deliveries, and for each of their organs the work
// it has to do. It is what the fate of an event rests on. Both are slots in tables that are used
// again, so that a hop allocates nothing here.
type ledger struct {
	works      []work
	freeWorks  vacancy
	positions  []Position // of works, as far as it counts: see place
	parcels    []parcel
	freeParcel []uint32

	events int // deliveries in hand
	bytes  int // of their payloads, by Event.Size
}

// work is one delivery for one organ. It has 64 bytes, a cache line as tables are aligned: with many organs each work is
// handled far from its neighbours.
type work struct {
	event   actors.Event
	receipt Receipt
	handout uint64
	trouble *trouble // nil: none so far
	parcel  uint32   // or its size, where the work is alone
	shard   uint32
	organ   int32 // or NoOrgan
	lane    int32
	state   workState
	back    bool // its settlement hands it back: see hold
}

// trouble is what few works need to know: failures.
type trouble struct {
	first    int64           // of the first failure, nanoseconds since 1970; 0: none
	failed   *actors.Failure // settled for good: OnFailed is to be called, or has been
	attempts int32           // failed so far
	logged   bool            // settled for good without a dead letter
}

type workState uint8

const (
	workFree workState = iota
	workQueued
	workRunning
	workSettling
	workVoid // its shard was lost while it ran or settled: what comes of it is dropped
)

// parcel is a delivery of several works while any of them is in hand.
type parcel struct {
	left int32
	size int32
}

// alone marks the parcel of a single work: what is left of the number is its size.
const alone = 1 << 31

// take enters a delivery of so many works; add gives it them.
func (l *ledger) take(size, works int) uint32 {
	size = min(size, math.MaxInt32)
	l.events++
	l.bytes += size
	if works == 1 {
		return alone | uint32(size)
	}
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
	if parcel < alone {
		l.parcels[parcel].left++
	}
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
	w.handout, w.organ = d.Handout, int32(organ)
	return i, w
}

// place notes where in its stream the event of work i is. Only organs with holds ask.
func (l *ledger) place(i uint32, at Position) {
	l.positions = grown(l.positions, len(l.works))
	l.positions[i] = at
}

// attempts is how many have failed so far.
func (w *work) attempts() int32 {
	if w.trouble == nil {
		return 0
	}
	return w.trouble.attempts
}

// failed is the failure that has settled the work for good, nil while none has.
func (w *work) failed() *actors.Failure {
	if w.trouble == nil {
		return nil
	}
	return w.trouble.failed
}

// firstFailure is when the first attempt failed; the zero time when none has.
func (w *work) firstFailure() time.Time {
	if w.trouble == nil || w.trouble.first == 0 {
		return time.Time{}
	}
	return time.Unix(0, w.trouble.first)
}

// failedAt notes the attempts that have failed, and when the first did.
func (w *work) failedAt(attempts int, first time.Time) {
	if attempts == 0 && first.IsZero() {
		return
	}
	t := w.inTrouble()
	t.attempts, t.first = int32(attempts), 0
	if !first.IsZero() {
		t.first = first.UnixNano()
	}
}

// fails settles the work for good, without a dead letter where logged.
func (w *work) fails(f *actors.Failure, logged bool) {
	t := w.inTrouble()
	t.failed, t.logged = f, logged
}

func (w *work) inTrouble() *trouble {
	if w.trouble == nil {
		w.trouble = &trouble{}
	}
	return w.trouble
}

// release ends a work, and its delivery when it was the last.
func (l *ledger) release(i uint32) {
	w := &l.works[i]
	if w.state == workFree {
		panic("spine: ledger: work released twice")
	}
	l.less(w.parcel)
	*w = work{}
	l.freeWorks.put(i)
}

// less notes that a work of the parcel has ended.
func (l *ledger) less(parcel uint32) {
	if parcel >= alone {
		l.events--
		l.bytes -= int(parcel - alone)
		return
	}
	p := &l.parcels[parcel]
	p.left--
	if p.left == 0 {
		l.events--
		l.bytes -= int(p.size)
		l.freeParcel = append(l.freeParcel, parcel)
	}
}

// inHand is the number of works that are not free.
func (l *ledger) inHand() int { return len(l.works) - l.freeWorks.n }
