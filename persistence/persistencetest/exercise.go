// Package persistencetest holds the suite that every [persistence.Store] must pass.
//
// A store calls [Exercise] from a test named after itself and Conformance, and says what it
// is with [Features]. All parts run against all stores, in memory too, but two: the previous
// snapshot behind a damaged one, and what is there after reopening, are promises of durable
// stores alone. A store in memory loses everything at its end, and its snapshots do not rot.
//
// # Decisions
//
// The suite drives real cells (of the organ in organ.go) and has [persistence.Rebuild] make them anew
// from what the store returns: two states that are equal say more than equal records.
//
// Changes come in through [Harness].Apply and not through a method of the store: a durable store has no
// such method, since a change is committed only together with its event.
package persistencetest

import (
	"context"
	"testing"
	"time"

	"github.com/necrostack/necrostack/actors"
	"github.com/necrostack/necrostack/persistence"
)

// Features says which promises a store makes beyond those that all make.
type Features struct {
	// Durable stores keep everything over reopening, and survive a damaged snapshot.
	Durable bool
}

// Harness is one empty store and what a test needs around it. The durable fields may be
// nil for a store that is not durable.
type Harness struct {
	Store persistence.Store
	// Apply commits a change of cell, made by ev, the way the backend does when it settles. It
	// is safe for concurrent use with different cells. Its error wraps persistence.ErrConflict
	// when the store refused the change.
	Apply func(ctx context.Context, cell persistence.Cell, ev actors.Event, c persistence.Change) error
	// Reopen ends the store without a goodbye and returns the one that finds its data. Durable.
	Reopen func(t *testing.T) Harness
	// Damage changes a byte in the state of the cell's newest snapshot, where it is kept. Durable.
	Damage func(t *testing.T, cell persistence.Cell)
}

// Exercise runs the suite. open makes an empty store; it is called once for each part, and the parts run in
// parallel. A store must keep times to the microsecond.
func Exercise(t *testing.T, open func(t *testing.T) Harness, f Features) {
	t.Helper()
	parts := []struct {
		name string
		run  func(t *testing.T, h Harness)
	}{
		{"AnUnknownCellHasNoHistory", unknownCell},
		{"RecordsComeBackWholeAndInOrder", recordsInOrder},
		{"AChangeOnAnotherBaseIsRefused", otherBase},
		{"AStateInPlaceReplacesTheRecords", inPlace},
		{"ASnapshotTrimsTheRecords", snapshotTrims},
		{"AnOldSnapshotChangesNothing", oldSnapshot},
		{"ASnapshotThatIsAheadIsRefused", snapshotAhead},
		{"AResetDropsTheLifeBefore", resetDrops},
		{"AResetMayStoreItsStateInPlace", resetInPlace},
		{"ExpiryForgetsIdleCellsOldestFirst", expiry},
		{"AnExpiredCellStartsAnew", afterExpiry},
		{"OneLoadBringsManyCellsInOrder", manyCells},
		{"CellsOfOneKeyInTwoOrgansAreApart", sameKey},
		{"LargeAndEmptyStatesComeBack", stateSizes},
		{"AnyMixtureRebuildsTheState", mixture},
		{"CellsChangeConcurrently", concurrentCells},
	}
	if f.Durable {
		parts = append(parts, []struct {
			name string
			run  func(t *testing.T, h Harness)
		}{
			{"ADamagedSnapshotFallsBackToTheOneBefore", damaged},
			{"EverythingIsThereAfterReopening", reopened},
		}...)
	}
	for _, p := range parts {
		t.Run(p.name, func(t *testing.T) {
			t.Parallel()
			p.run(t, open(t))
		})
	}
}

// start is when the first change of a test happens: far from now, so that no store can
// confuse it with its own clock.
var start = time.Date(2030, 1, 2, 3, 4, 5, 678_000, time.UTC)
