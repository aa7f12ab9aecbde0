package persistence

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/necrostack/necrostack/actors"
)

// Cell names one state: a keyed organ of a service and a key.
type Cell struct {
	Organ string
	Key   string
}

func (c Cell) String() string { return fmt.Sprintf("%s/%q", c.Organ, c.Key) }

// Change is what one settled event does to its cell. The event, and with it the cell, is
// that of the settlement the change travels in.
type Change struct {
	// Base is the number of changes the cell had when this one was computed. A store that
	// holds another number refuses the settlement: memory and store have parted.
	Base uint64
	// Version is the organ's StepVersion.
	Version int
	// Digest is Digest over what the Step emitted.
	Digest uint64
	// At is when the Step ran; expiry counts from it.
	At time.Time
	// State, when not nil, is the whole encoded state after this change, stored in place of a
	// record.
	State []byte
	// Reset says that the cell had expired and this change starts from the fresh state:
	// what the store holds of it from before is dropped. The count of changes goes on all the
	// same, so that a change computed before the expiry still conflicts.
	Reset bool
}

// Record is a committed input.
type Record struct {
	Seq     uint64 // 1 for the cell's first
	Event   actors.Event
	Version int
	Digest  uint64
	At      time.Time // when the Step ran; a replay stamps its emissions with it
	Reset   bool      // the Step started from the fresh state: what was before does not matter
}

// Snapshot is a whole state.
type Snapshot struct {
	Seq     uint64 // of the last change it contains; 0: there is none
	Version int
	State   []byte
	Sum     [32]byte  // SHA-256 of State; not needed where Trusted
	Trusted bool      // State has not left this process's memory since it was encoded
	At      time.Time // of the last change it contains
}

// History is what a store knows of a cell.
type History struct {
	Snapshot Snapshot
	Previous Snapshot // for the case that Snapshot is damaged; stores may leave it out
	Records  []Record // after Snapshot.Seq (after Previous.Seq, where that is given), without a gap
	Last     uint64   // number of changes so far; 0: the store has no such cell
	At       time.Time
}

// Store is the ability of a backend to load cells and to save snapshots. Its methods are
// safe for concurrent use; for one cell they are called one at a time, by the cell's owner.
type Store interface {
	// Load returns the histories of cells, in order, and in the room of into where that is enough. A cell that
	// the store does not know has the zero History.
	Load(ctx context.Context, cells []Cell, into []History) ([]History, error)
	// Save replaces the cell's snapshot. A snapshot older than the stored one changes
	// nothing; one that is ahead of the cell's changes is an error. s must not be changed afterwards.
	Save(ctx context.Context, cell Cell, s Snapshot) error
	// Expire forgets cells of organ whose last change is older than before, at most limit
	// of them, and returns how many it forgot.
	Expire(ctx context.Context, organ string, before time.Time, limit int) (int, error)
}

// ErrCorrupt is wrapped by everything that makes a stored cell untrustworthy.
var ErrCorrupt = errors.New("persistence: cell cannot be trusted")

// ErrConflict reports a change computed on another state than the stored one.
var ErrConflict = errors.New("persistence: change was computed on another state")
