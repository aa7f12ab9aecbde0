// Package persistence remembers the state of keyed organs: what a store keeps of a
// cell, when a snapshot is worth taking, and how a cell is rebuilt and checked.
//
//	state = latest snapshot + inputs since
//
//	 event ─► Step ─► Change ──(inside Settle)──► store: record, or state in place
//	                                               │
//	 cell ◄─ Rebuild ◄─ History ◄─ Load ───────────┤
//	 cell ─► Snapshot ─► Save ─────────────────────┘
//
// The package decides nothing about when to write. A [Change] travels in the same atomic commit as the
// acknowledgement of its event and everything the event made the cell emit; only
// snapshots, which repeat what is already committed, are saved on their own. [Memory] is the
// store that backends without a disk use inside their Settle; every [Store] passes the suite in
// persistencetest.
//
// # Promises
//
// [Rebuild] gives the state that the commits gave, or an error that wraps [ErrCorrupt]: it
// checks the checksum of a snapshot that had left the process, that the records are contiguous and end where the store says, that
// they were made by the same version of the Steps, and that stepping through them emits what it
// emitted the first time. A cell that fails is quarantined instead of diverging.
//
// # Decisions
//
// A record holds the input, not the change of state: a Step is deterministic, inputs are
// small, and a journal of inputs can be audited and replayed through a corrected Step.
//
// The digest has two strengths, and says which it is. The exact one covers the emitted bytes and is
// taken wherever bytes are made anyway (durable stores, checking mode); the light one covers types, keys
// and due times, and costs some nanoseconds, so that memory need not encode.
package persistence
