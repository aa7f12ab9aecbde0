// Package cluster lets several processes serve one store together: it decides which node serves which shard, and runs
// nodes that do so.
//
//	n, err := cluster.Join(store, []spine.Option{spine.WithOrgan(ledger)}, cluster.WithName("a"))
//	err = n.Run(ctx) // a member, until ctx ends; then it leaves
//
// The decisions are pure: no goroutine, no store, no clock but the times a caller hands in, so that each can be
// tested as a table and a cluster of them as a simulation.
//
//	records of all members          plan in force, pins
//	(beat counters, weights)                │
//	        │                               ▼
//	        ▼        live members      ┌────────┐   next plan    shards to drain and release,
//	     [View] ────────────────────►  │ Assign │ ────────────►  shards to take
//	        ▲                          └────────┘   [Plan.Moves]
//	        │
//	times of the reader's own clock
//
// # Membership
//
// A member counts up a beat in a record that all nodes read. A [View] compares what one reader has
// read at which times of its own monotonic clock; nobody's wall clock and no clock of another
// machine matters. A member is dead when its beat has stood still for the time to live over at
// least four readings. What cannot be read is no reading, and a pause of the reader or of
// the store makes all silences begin anew, so nobody dies of somebody else's trouble.
//
// An ID is a configured name and a nonce ([MemberID]): a process that starts again, or one
// that was given up and comes back, is another member, and two processes with one configured name are
// two members.
//
// # Assignment
//
// [Assign] makes the next plan out of the live members, the pins and the plan in force. Every node that
// is given the same makes the same of it. Its bounds are told there.
//
// # Life of a node
//
//	           agreed                told to stop            all released
//	┌─────────┐       ┌─────────┐              ┌──────────┐              ┌──────┐
//	│ joining │──────►│ serving │─────────────►│ draining │─────────────►│ gone │
//	└────┬────┘       └────┬────┘              └──────────┘              └──────┘
//	     │                 │                                                ▲
//	     └─────────────────┴────────────────────────────────────────────────┘
//	           stopped before it had a shard; given up by the others
//
// One that drains is gone as well when it is given up, or finds that it has no record any more.
//
// A joining node beats and owns nothing. A serving one takes the shards that the plan gives it. A draining
// one takes none and settles what it has. One that is gone does nothing at all: [Life] has no way back,
// a node that returns begins another life under another ID.
//
// # A node
//
// A [Node] is a Spine and a beat. Six times in a lease it writes its record and reads, in the same call, those of the
// others, the plan in force and the pins; and it acts on that:
//
//	             ┌──────────────────────── beat ◄─────────────────────┐
//	             ▼                                                    │
//	records, plan, pins ──► View ──► who is to be a member?           │
//	                                   │ not those of the plan        │
//	                                   ├─────► Assign ──► compare-and-set of the plan
//	                                   │                              │
//	             plan in force ────────┴─► claims ──► leases ──► the Spine's shards
//
// The first member by ID proposes at once, the others a beat later if nobody has. A shard that goes from one node to
// another is kept until the next owner's record says that it follows the plan: then it waits for the lease, and
// takes it as soon as it is released. A node that leaves says so, puts the plan without itself in force, goes on until
// its successors wait, and only then drains.
//
// While the store does not answer, nothing is decided. A node that the others have struck off claims nothing, and begins
// another life under another ID. A program with fewer organs than that of another member gets no shards, since the
// leases would be refused to it.
//
// # Promises
//
// None of this is what makes ownership safe: views may differ and plans may be late. A commit is
// accepted under the token of the shard's owner only, and that is compared where it is written. What is
// decided here makes the cluster balanced and quick, and lets it move little.
//
// # Decisions
//
// Assign takes the plan in force as an input. Without it, hashing with bounded loads moves shards between
// members that stay whenever somebody joins: one at its bound passes a shard on, whose new owner passes
// one on. With it, only what must move does, and the loads can be even.
//
// The plan in force is one agreed value, written by compare-and-set, not a listing of who holds which
// shard just now: that one changes while a plan is carried out, and would make nodes that read it
// at different moments plan differently.
//
// Logarithms of scores are computed here and not by package math, whose last bit differs
// between architectures.
//
// A silence is judged by who reads, with at least one beat of delay on either side: a death is seen after the
// time to live and up to two beats. The time to live must leave room for that in what is promised of
// takeovers.
//
// Leases are watched from the first beat that their owner misses, not from its death on. A lease runs out for who
// has watched it all its time; to begin only when the plan says so would take two leases from the last sign of life to
// the next owner.
//
// All records and the plan are read whole with every beat. To ask for changes only would need a history in the
// store; what is read here is one moment of it, so a plan and the members it is compared with belong together.
package cluster
