// Package chaos runs a service on a store that is a real redis-server, in real processes, and takes
// them away: nodes, publishers and the server are killed, stopped and cut off while they work. It has tests only.
//
//	conductor (the test)
//	  │ kill -9, stop, continue, partition, lose replies, deliver late, flush scripts, rewrite the log
//	  ├──► publisher ─► proxy ─┐
//	  ├──► node 1 ────► proxy ─┼─► redis-server ──► reader ──► checker
//	  ├──► node 2 ────► proxy ─┤
//	  └──► node 3 ────► proxy ─┘
//
// The nodes are single Spines that contend for all shards, or those of a cluster: then some also leave in good order, come back, join
// for a while, bear the name of another, are restarted one after the other, with a newer program too; shards are pinned and
// moved by hand; and the server may fail over to a replica, which loses the end of what was accepted. Every so often all
// faults end, and the cluster has to come to rest before it is looked at.
//
// The processes are this test binary again. A publisher notes in a file, synced, up to which number its
// events were accepted. Nodes of a cluster note which shards they take for theirs, what they have worked on, and what cells were
// said to be when they asked; others note nothing. What has become of the events is read from the store alone,
// when everything is at rest, and by a reader that shares no code with the backend.
//
// The checker knows what must be there, since everything organs do here follows from an event's number:
// which failures it meets, which dead letters it leaves, what is emitted because of it.
//
//	I1   each accepted event had its effect, or left its dead letter, once in each organ
//	I2   there is no effect of an event that was not published
//	I3   the effects on a cell are in the order of the stream
//	I4   what was emitted is what had to be, each once
//	I5   the sum of all accounts is unchanged, and each is the sum of its transfers
//	I6   nothing is left behind: pending, progress, suspects, deferred and delayed work
//	I7   the dead letters are those that had to be, with the right reasons
//	I8   the records of a cell are without gaps, and rebuild the states that are stored beside
//	     them; a cell whose state is a chain of hashes is the chain of its events
//	I9   after all dead letters are replayed to a program that has learned, nothing is missing
//	I10  no two nodes held a shard in the same epoch
//	I11  streams are trimmed
//	I12  work goes on soon after the last fault
//	I13  what a cell was said to be it has been once, unless the store has gone back since
//	I14  when nothing is amiss each shard is served by one node, which the store and all nodes agree on
//	I15  what is done is not done again because nodes come, or go in good order
//	I16  no node takes a shard over from a newer program
//
// `go test` runs each kind of fault a few times. The long run is
//
//	go test ./spine/redisstream/chaos -run Long -timeout 0 -chaos.minutes=30 -chaos.seed=1 -chaos.nodes=5 -chaos.report=report.txt
//
// Half of its rounds have nodes of a cluster; with -chaos.nodes all have, so many. A seed chooses settings and faults of every round; what the system makes of their moments is its own.
package chaos
