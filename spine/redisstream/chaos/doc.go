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
// The processes are this test binary again. A publisher notes in a file, synced, up to which number its
// events were accepted; the nodes note nothing. What has become of the events is read from the store alone,
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
//
// `go test` runs each kind of fault a few times. The long run is
//
//	go test ./spine/redisstream/chaos -run Long -timeout 0 -chaos.minutes=30 -chaos.seed=1 -chaos.report=report.txt
//
// A seed chooses settings and faults of every round; what the system makes of their moments is its own.
package chaos
