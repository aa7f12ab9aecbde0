// Package actorstest tests organs without any runtime: no Spine, no goroutine, no waiting.
//
// [Handle] gives one payload to a stateless organ and returns what it emitted:
//
//	r := actorstest.Handle(t, billing, OrderPlaced{Order: "o-1", Cents: 500})
//	require.NoError(t, r.Err)
//	assert.Equal(t, PaymentDue{Order: "o-1", Cents: 500}, actorstest.One[PaymentDue](t, r))
//
// [NewCell] is one cell of a keyed organ. It is sent payloads and asked queries, and it may
// crash whenever the test likes:
//
//	c := actorstest.NewCell(t, accounts, "acc-1")
//	c.Send(Deposited{Account: "acc-1", Cents: 500})
//	c.Crash() // rebuilds the state from its inputs, and fails if that gives another one
//	balance, err := actorstest.Ask[int](c, Balance{})
//
// [CheckDeterministic] does so everywhere. Together with generated inputs it finds what one
// thinks of only afterwards; with pgregory.net/rapid:
//
//	movements := rapid.SliceOfN(movement, 0, 20) // movement generates one payload
//	rapid.Check(t, func(t *rapid.T) {
//		inputs := movements.Draw(t, "inputs")
//		actorstest.CheckDeterministic(t, accounts, "acc-1", inputs)
//	})
//
// # What fails a test by itself
//
// What an organ may do is the test's business: a handler's error is in [Result].Err. What no
// organ may do fails the test at once: a mistake in its construction, a handler that changes its
// payload, an emission that is too large, does not encode or was changed after it had been
// returned, an OnFailed that is not pure, an Answer that changes the state, and a Step that
// is not deterministic. Everything runs in checking mode, so payloads have been encoded and
// decoded when a handler sees them, as a durable backend would have done.
//
// # Time and ids
//
// The first event is made at [Start], and each further one of a cell a second later, unless
// [At] says otherwise. Ids follow from what is in an event, so that the same test makes the
// same ids; With(p, ID) chooses one.
//
// # Decisions
//
// The helpers take [T], a part of testing.TB. Alternative: testing.TB, which nobody but package
// testing can implement: property tests bring a T of their own, and shrink only what they
// themselves see fail.
//
// A panic of a handler is not recovered: its stack is the best report of it.
package actorstest
