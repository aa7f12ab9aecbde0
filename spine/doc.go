// Package spine moves events: it pulls them from a [Backend], routes each to the organs that listen to
// it, and settles what they made of it.
//
//	            ┌──────────────────────── emitted events ───────────────────────┐
//	            ▼                                                               │
//	Publish ► Backend ──Pull──► Spine (router actor) ──batch──► organ supervisor ─► lanes (workers, cells)
//	            ▲                  │  route · ledger                policy, restarts      │
//	            │                  ◄──────────── outcomes (emitted, failure, changes) ────┘
//	            └──Settle(chunk)───┘
//	               one commit: emissions + state + retry or dead letter + progress + ack
//
// # One event
//
// The feed pulls it ([Backend].Pull); core.arrived enters it in the ledger, and route names its organs;
// for each, admit puts a work into the queue of a lane, or hands it back; dispatch gives a free lane what is
// queued, as one batch; the lane runs the handler and answers (core.finished); a success becomes a
// settlement, a failure goes to the organ's policy (core.failure) and becomes one; the settler
// commits it (to a [Memory] the router itself does: there it waits for nothing); core.settled releases the work.
//
// # Promises
//
// Every event takes effect once per organ that listens to it, or is one dead letter; in memory for as
// long as the process lives, on a durable backend whatever crashes. A keyed organ, and one that
// is Ordered, handles the events of a key strictly in stream order. A slow, paused or failing organ keeps
// nobody else from their events. What is in hand is bounded by credits. Nothing is dropped in silence: an
// event that nobody wants is acknowledged, counted, and told once per type.
//
// # What it refuses to do
//
// It blocks nowhere but in the feed and the settler, which wait for the backend beside it. It decides
// nothing about failures; package supervision does. It knows no store; the backend is told
// everything that follows from one handling in one [Settlement].
//
// # Decisions
//
// The core is a pure state machine; the router actor steps it, and performs what it says. So the same
// code runs under the seeded simulation, with lanes and a store that lose, delay, repeat and crash.
//
// An event is acknowledged per organ, not as a whole: a retry goes to the organ that failed alone.
//
// Order over retries is kept by the backend, which has the whole queue, not by the Spine, which would have
// to keep parked events in hand; see holds for the moment between the two.
package spine
