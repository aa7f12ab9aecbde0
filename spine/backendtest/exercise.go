// Package backendtest holds the suite that every [spine.Backend] must pass, and the yardstick by
// which all of them are measured.
//
// A backend calls [Exercise] from a test named after itself and Conformance:
//
//	func TestMemoryConformance(t *testing.T) {
//		backendtest.Exercise(t, backendtest.Harness{Open: …, Run: synctest.Test}, backendtest.Features{})
//	}
//
// The suite knows the Backend interface and its abilities, spine.Inspector, persistence.Store and
// supervision.DeadLetters, all of which a backend must have. It asks for time to pass through its
// [Store], so that the same parts run on fake time in memory and on a real server.
//
// # Decisions
//
// There are two flags, Durable and Shared, and each adds parts; none leaves a part out. What a backend
// cannot do otherwise is a bug in it or in this suite.
//
// The model (model.go) checks what is handed out against what may be, and does not predict it: batches, and the
// order among organs and keys, are the backend's freedom.
package backendtest

import (
	"testing"
	"time"

	"github.com/necrostack/necrostack/spine"
)

// Features says which promises a backend makes beyond those that all make.
type Features struct {
	// Durable: everything accepted is there after the store was reopened.
	Durable bool
	// Shared: several nodes may serve one service at the same time, and when one dies the others
	// take over what it had in hand.
	Shared bool
}

// Config is what a part wants of its store. The zero value of a field is the backend's default.
type Config struct {
	Capacity       int // events; see spine.WithCapacity
	RefuseWhenFull bool
	DedupWindow    time.Duration
	Letters        int // dead letters of a service
}

// Store is one store, and a test's power over it. Fields without a remark must be set.
type Store struct {
	// Attach returns a further handle on the store, not yet opened: for another service, or for
	// another owner of the same.
	Attach func(t testing.TB) spine.Backend
	// Now is the clock by which the store tells what is due.
	Now func() time.Time
	// Advance lets time pass, and returns when what falls due meanwhile is due.
	Advance func(d time.Duration)
	// Kill makes the owner behind b fall silent without a goodbye, and returns when another may
	// take over its service by Open, or takes over by itself where the backend is shared.
	Kill func(b spine.Backend)
	// Reopen ends the store as a crash would, with all its handles, and starts it again on
	// its data. Durable only.
	Reopen func(t testing.TB)
}

// Harness makes stores.
type Harness struct {
	// Open makes an empty store; the test's Cleanup ends it.
	Open func(t testing.TB, c Config) Store
	// Run runs the body of one part, such as synctest.Test; nil runs it as it is.
	Run func(t *testing.T, body func(t *testing.T))
}

// part is one promise.
type part struct {
	name string
	run  func(s *suite)
}

// Exercise runs the suite. Every part has a store of its own, and they run in parallel.
func Exercise(t *testing.T, h Harness, f Features) {
	t.Helper()
	groups := [][]part{
		publishParts, pullParts, backlogParts, closeParts, settleParts, laterParts, orderParts, ownerParts,
		serviceParts, letterParts, stateParts,
	}
	if f.Durable {
		groups = append(groups, durableParts)
	}
	if f.Shared {
		groups = append(groups, sharedParts)
	}
	for _, group := range groups {
		for _, p := range group {
			h.run(t, p.name, func(t *testing.T) { p.run(newSuite(t, h)) })
		}
	}
	for seed := range uint64(modelSeeds) {
		Model(t, h, seed)
	}
}

// Durable runs the parts for durable backends alone: for a harness whose stores are dear.
func Durable(t *testing.T, h Harness) {
	t.Helper()
	for _, p := range durableParts {
		h.run(t, p.name, func(t *testing.T) { p.run(newSuite(t, h)) })
	}
}

// modelSeeds is how many random histories Exercise runs.
const modelSeeds = 20

// run runs body as a parallel subtest, in the harness's bubble if it has one.
func (h Harness) run(t *testing.T, name string, body func(t *testing.T)) {
	t.Helper()
	t.Run(name, func(t *testing.T) {
		t.Parallel()
		if h.Run == nil {
			body(t)
			return
		}
		h.Run(t, body)
	})
}
