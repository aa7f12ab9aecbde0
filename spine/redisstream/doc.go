// Package redisstream is the [spine.Backend] that keeps everything in one Redis: events, retries, timers, dead letters and the
// state of keyed organs, each survives whatever happens to the process, and takes effect once.
//
//	b, err := redisstream.New("redis://localhost:6379/0")
//	s, err := spine.New(b, …)     // and nothing else changes
//
// One event, on its way:
//
//	Publish ─ submit.lua ─► {ns:shard}:in ◄───────────────────────────────┐ emissions
//	                             │                                        │
//	 Pull ◄─ guard.lua, XREADGROUP: numbered, repeated until answered     │
//	   │     (fetch.go, request.go, pulls.go, take.go)                    │
//	   ▼                                                                  │
//	 Spine ─ Settle ─ commit.lua: numbered, all of a batch or nothing ────┘
//	         (settle.go, commit.go, cellop.go), the next pull behind it
//	                                            in the same go (ahead.go)
//	             acknowledgement · progress · state · dead letter · deferral
//
// A shard has one owner, who holds its lease (lease.go). Every pull and every commit carries the owner's token and its own number: a
// late one, a repeated one, or one from before the server lost its last second is recognised, and does nothing.
// What this process knows of a shard is in shard.go, an entry in hand in hand.go, what waits in the order of a key in line.go
// and park.go. keys.go names every key, scripts/ holds everything that runs inside the server, server.go all
// that the server is asked.
//
// # What is promised
//
// With one Redis that evicts nothing and whose keys nobody else writes, for every event whose Publish was answered Accepted and
// that survives by the table below:
//
//   - Each subscribed organ's state and emissions take effect exactly once, or exactly one dead letter exists
//     (TestRedisConformance, TestRedisSimulation, package chaos).
//   - In the order of the stream per key, for organs that are ordered or keyed (the same, and Porcupine on histories of several
//     nodes: TestHistoryOfLeasesAndCellsHasAnOrder).
//   - Whatever number of nodes is killed, paused or cut off, at any instant: a node that wakes up late is refused
//     (package chaos, and the schedules of schedule_*_test.go).
//   - The same event id published again within the deduplication window makes one event (TestRedisConformance).
//   - A cell whose stored state is damaged is put in quarantine, and the others go on
//     (TestACellThatIsDamagedInTheStoreIsQuarantinedAndTheOthersGoOn).
//   - An event that kills the process again and again is found out, and becomes a dead letter
//     (TestWhatIsInHandAtEveryDeathIsHandedOutAloneAndCounted).
//   - A question for a cell (spine.Ask) is answered by the node that owns its shard, from committed state: the answer counts only if
//     that node's token owns the shard when the answer is given, and the store has every commit that it may rest on
//     (TestTheAnswerOfAnOwnerThatHasLostItsShardDoesNotCount, TestAskWhileShardsMoveShowsCommittedStatesThatOnlyGrow).
//
// What a setting of the server loses, of what was answered:
//
//	appendfsync   a node killed   redis-server killed                power lost                    failover to a replica
//	always        nothing         nothing                            nothing, if the disk is true  the end
//	everysec      nothing         nothing while fsync is fast, else  up to some 2 s                the end
//	                              up to some 2 s
//	no file       nothing         since the last dump                since the last dump           the end
//
// In every case what survives is one consistent prefix: state, emissions, acknowledgements and dead letters agree. There is one
// exception, of the server's: a file that ends in the middle of a transaction (torn by a power failure) is read rightly at the next
// start, which leaves the beginning of the transaction in it where aof-load-truncated is yes; the start after that
// executes it by half. A rewrite of the file (BGREWRITEAOF) between the two, or redis-check-aof before the first, removes it; with
// aof-load-truncated no the server does not start without the latter. The backend warns of the setting at its first connection and
// whenever the server has started again, if its user may run CONFIG GET.
// A server without an append-only file is refused unless WithRelaxedDurability says otherwise.
//
// # What is not promised
//
// Effects outside Redis, such as mail or HTTP, happen at least once: the handler gets actors.EffectKey to make them once. Not promised are
// failover or everysec without loss; order across keys or organs; atomicity over several organs of one event; deduplication
// after its window; availability while Redis is down: publishing and settling wait and go on, a Run that begins then
// returns the error; protection from somebody with
// write access to the keys; an end of a handler that never returns; that a handler runs once: it may run
// many times, its result counts once.
//
// # Bounds
//
// Of a shard at most 65,536 entries are in hand, with 4 MiB of events that only wait; a pull brings 256 entries, a commit holds 256
// settlements or 512 KiB. A stream is trimmed after every 256 entries that a service has finished, and at the first commit of a new owner, up to
// the oldest entry that a service still needs, or by WithRetain; one that has come to rest keeps what it held at that time.
// Of one process 256 questions are on their way to other nodes; it answers 64 of theirs at a time, and holds 256; a query and a
// reply may have 1 MiB each, a box 1,024 messages, and it is gone after a minute without one (box.go).
// The dead letters of a service are bounded (WithLetterLimit), as are events that are not acknowledged (WithCapacity).
//
// # Decisions
//
// A commit and the next pull go to the server together: over four hops that halves the time to the end. So a Pull that has
// just handed out little waits for a commit, 300 µs at most, before it asks by itself. A commit of few events does what the
// guard of that pull would do, and is one transaction with its reads.
//
// The reply of a server that is near is looked for, 200 µs at most and by one connection of a node at a time, before its goroutine
// sleeps: on the same machine half of a short request is two processes being woken. It costs up to one processor while requests
// are on their way, and nothing where replies usually take longer (busypoll.go, WithBusyPoll).
//
// A published event without a key goes to the shard whose turn it is, 32 to one before the next has its turn, and what it
// causes stays there: by its id each would go to another, and at low rates each commit would hold one event. (Kafka's
// sticky partitioner, KIP-480, does the same for the same reason.) An event with a key goes to the shard of its key, always.
//
// A cell is one hash, not a stream of records with a hash for the snapshot: the smallest stream takes a kilobyte, a small cell
// some hundred bytes, and one comparison of its count of changes in the commit shows that nobody else has written it.
//
// What is deferred waits in a sorted set per organ, so that a paused organ's backlog holds up nobody and takes no memory here.
//
// Requests of publishers are numbered per lane, and the store keeps the last answer of each: a repeated request is
// answered as the first time at no cost per event. Only ids that somebody has chosen are remembered for the window.
//
// Questions and answers go through one stream per process, read together with the streams of events by the connection that waits for
// these: a node that is idle learns of a question at once, and holds no connection more. One that is busy, and waits for nothing on the
// server, looks every 20 ms, and every millisecond once somebody asks.
//
// Dead letters are one stream per service: listed by cursor, counted in one step. All shards are on one server, so this costs
// no atomicity; Redis Cluster is refused.
package redisstream
