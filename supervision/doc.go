// Package supervision decides what a failure costs. It is rules and arithmetic: it starts no
// goroutine and stores nothing, so every decision can be read from a table and tested
// as one.
//
// A failure asks two questions that have nothing to do with each other:
//
//	                 ┌─► what becomes of the event?   [Policy.Judge]
//	handler fails ───┤      tried again, logged, or a dead letter
//	                 └─► what becomes of the organ?   [Budget], [Breaker]
//	                        restarted, later and later; held back when that does not help
//
// # The event
//
// [Policy.Judge] is this table. Attempts, backoff and the rest come from the organ's [Policy];
// LOG, STORE and NACK are its [Strategy], what happens when the attempts are used up.
//
//	what happened                  attempts left         none left: LOG   STORE         NACK
//	error                          again after backoff   logged           dead letter   redelivered, then dead letter
//	timeout                        again after backoff   logged           dead letter   redelivered, then dead letter
//	panic                          again after backoff   logged           dead letter   redelivered, then dead letter
//	panic of a cell                again once, at once   logged           dead letter   redelivered, then dead letter
//	permanent, error of a Step,    –                     logged           dead letter   dead letter at once
//	undecodable, invalid, limit,
//	event without a key
//	hops, crash, quarantine,       –                     dead letter      dead letter   dead letter at once
//	what cannot be enqueued
//
// Redelivered means: tried again at the longest backoff, until the event has had
// MaxDeliveries attempts. An attempt that was interrupted by a stop, or that never began
// because of a breaker or a pause, is no failure and never comes here.
//
// # The organ
//
// A panic leaves state that nobody can vouch for, so the organ is restarted: at once the first
// time, then after growing waits, as its [Budget] says. An organ that uses up its
// budget, or fails too often in a row, opens its [Breaker]: its events wait, unharmed and
// uncounted, until a probe succeeds.
//
// # Policies
//
// A [Policy] comes from Go code or from a file ([ParsePolicies]); both pass the same checks,
// which report all mistakes at once. What one organ leaves unsaid it takes from the
// default policy, and that from [Default].
//
// # Dead letters
//
// A [DeadLetter] is an event an organ could not handle, and why. Letters live in the backend, which
// writes them in the commit that settles the event; [DeadLetters] is what a backend that keeps
// them can do, and a [Desk] is how people work with them: list, show, replay, drop. A
// replay is addressed to the organ that failed; the others have had the event. Each letter replayed or dropped
// is told by an event of its own, [LetterReplayed] or [LetterDropped], in the same step: there is no action
// that nobody can look up, and no record of one that was not done.
//
// # Decisions
//
// Judge is a pure function of policy, failure and a random number. The alternative, a chain of
// middleware around the handler, hides the order in which rules apply, and sleeps while
// it waits. What a verdict means in storage is the caller's affair.
//
// The breaker is failsafe-go's. The alternative, sony/gobreaker, runs the handler inside a closure,
// one per call, and cannot be tripped by hand, which is what an exhausted restart budget does.
//
// The delay before a retry is a formula, not an iterator such as cenkalti/backoff offers. Attempts
// are counted in the store, and the next may be judged by another process: the delay has to
// follow from the number alone. Restarts of an organ happen in one process, one after
// another, and there the iterator fits.
//
// A policy file is read node by node. Decoding into a struct stops at the first mistake of a kind,
// loses the line, and cannot tell "jitter: 0" from no jitter at all.
package supervision
