package actorstest_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/necrostack/necrostack/actors"
	"github.com/necrostack/necrostack/actors/actorstest"
)

// movements are deposits to and withdrawals from account a. (A function, since parallel tests
// must not share a generator of rapid's.)
func movements() *rapid.Generator[actors.Payload] {
	cents := rapid.IntRange(1, 1000)
	return rapid.OneOf(
		rapid.Map(cents, func(cents int) actors.Payload { return Deposited{Account: "a", Cents: cents} }),
		rapid.Map(cents, func(cents int) actors.Payload { return Withdrawn{Account: "a", Cents: cents} }),
	)
}

// TestAccountsAreDeterministic shows the shortest property test of a keyed organ.
func TestAccountsAreDeterministic(t *testing.T) {
	t.Parallel()
	someMovements := rapid.SliceOfN(movements(), 0, 12)
	rapid.Check(t, func(t *rapid.T) {
		inputs := someMovements.Draw(t, "inputs")
		actorstest.CheckDeterministic(t, accounts(), "a", inputs)
	})
}

// TestNoCentIsLost shows a property of the domain, under crashes and restarts at any time.
func TestNoCentIsLost(t *testing.T) {
	t.Parallel()
	movement := movements()
	rapid.Check(t, func(t *rapid.T) {
		c := actorstest.NewCell(t, accounts(), "a")
		in, out := 0, 0
		t.Repeat(map[string]func(*rapid.T){
			"move": func(t *rapid.T) {
				p := movement.Draw(t, "movement")
				if d, ok := p.(Deposited); ok {
					in += d.Cents
				}
				for _, paid := range actorstest.Of[Paid](c.Send(p)) {
					out += paid.Cents
				}
			},
			"crash":    func(*rapid.T) { c.Crash() },
			"snapshot": func(*rapid.T) { c.Snapshot() },
			"restart":  func(*rapid.T) { c.Restore(c.Snapshot()) },
			"": func(t *rapid.T) {
				balance, err := actorstest.Ask[int](c, Balance{})
				require.NoError(t, err)
				require.Equal(t, in-out, balance)
				require.GreaterOrEqual(t, balance, 0)
			},
		})
	})
}
