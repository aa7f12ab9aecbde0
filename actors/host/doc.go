// Package host runs organs as supervised actors. It is the only door to proto.actor: no
// other package imports it, and none of its types are in an exported signature.
//
//	root
//	 ├─ router                 (the Spine, or whoever owns the organs)
//	 └─ organ/<service>/<name> supervisor: restarts, their budget and backoff
//	      ├─ lane 0            worker of a stateless organ, or home of some cells
//	      └─ lane n
//
// A lane takes one [Batch] at a time and answers with one message. How a batch goes:
//
//	owner ──Run──► lane: for each item: begin ─ handler ─ finish ──Deliver──► owner
//	                       │                      ▲
//	                       └── watch: too long? takes the batch away, replaces the actor
//
// # Failure
//
// A returned error is an outcome. A panic costs one event: the batch comes back with the rest not
// begun, the lane is down, and the failure is escalated to the organ's supervisor, which restarts
// the actor (a keyed organ's: resumes it, its cell dropped) after a backoff, within a budget, and
// tells the owner when the lane is ready. A handler that ends its goroutine (runtime.Goexit) has
// panicked. One that ignores the end of its context is abandoned: its lane gets a new actor, its result
// is void.
//
// The fate of an event never rests on a mailbox. What a lane has been told waits in the lane, and
// whatever happens to its actors, the owner gets every batch back exactly once, also when the lane
// ends before it has come to it.
//
// # Cells
//
// A keyed organ's lane is home to the cells whose keys hash to it. It loads what a batch
// needs in one call, steps events in order, and forgets a cell whose step failed: the next event finds it
// rebuilt from the store. Cells that are idle, or more than the limit, are put to rest after a snapshot.
//
// # Organs without a Spine
//
// [System.Spawn] and [System.SpawnKeyed] run one organ by itself, with retries in memory; see [Ref].
//
// # Decisions
//
// Lanes host many cells, where one actor per cell would be the picture of the textbook. A million
// cells then cost a map entry each instead of an actor and its mailbox, a batch serves many cells with two
// messages, and missing cells are loaded together. The price: a Step that blocks delays its neighbours until
// the watch replaces the lane; Steps are pure functions, so that is a bug to begin with.
// BenchmarkCellLane and BenchmarkCellActor measure the difference: with a thousand keys and more the
// lane is several times cheaper, with one it is not.
//
// A deadline costs nothing until somebody looks at it: the context makes its timer at the first
// look, and the watch needs no clock per event. context.WithTimeout per event cost more than the
// whole rest of a hop. In return a context that no handler has touched serves the next one: keep a
// context beyond its handler only if you have used it in there.
//
// A Ref is a lock around a pure agenda, not an actor: whoever tells it something gives it to a free lane
// at once, where a message to a router and one from there would have cost a third of the hop.
package host
