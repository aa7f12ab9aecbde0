package matching_test

import (
	"flag"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/necrostack/necrostack/examples/trading_orderbook/matching"
)

var (
	commandsFlag = flag.Int("commands", defaultCommands(), "generated commands to compare with the reference")
	seedFlag     = flag.Uint64("seed", 1, "first seed of the generated commands")
)

// defaultCommands is less where each takes twenty times as long: an engine has one goroutine, in which there are no
// races. make sim has them all.
func defaultCommands() int {
	if underRace {
		return 20_000
	}
	return 200_000
}

// streamLength is how many commands a seed makes: enough for books of some
// hundred orders, few enough that many tempers of markets come by.
const streamLength = 2000

func TestEngineAgreesWithReference(t *testing.T) {
	t.Parallel()
	for done, seed := 0, *seedFlag; done < *commandsFlag; seed++ {
		n := min(streamLength, *commandsFlag-done)
		stream := generate(seed, n)
		if try(configOf(seed), stream) != nil {
			failOn(t, fmt.Sprintf("seed %d", seed), stream, func(s []matching.Command) error {
				return try(configOf(seed), s)
			})
		}
		done += n
	}
}

// Small books meet every rule; tables that grow, pages that come and go and slots
// that are used again show only in deep ones.
func TestEngineAgreesWithReferenceOnDeepBooks(t *testing.T) {
	t.Parallel()
	const commands, look = 40_000, 8000
	g := newGenerator(1)
	g.market = market{
		symbols: 2, traders: 5, ids: 30_000, freshIDs: true,
		mid: 500_000, spread: 3000, drift: 3, deepest: 50, fancy: 20,
	}
	config := matching.Config{L2: true, L3: true}
	trial := newTrial(newEngine(t, config), config)
	for i := range commands {
		c := g.command()
		if c.Op == matching.CancelAll || c.Op == matching.SetPhase {
			continue // They would keep the books shallow.
		}
		if c.Op == matching.NewOrder && i%8 != 0 {
			c.Price += map[matching.Side]int64{matching.Buy: -g.spread, matching.Sell: g.spread}[c.Side]
		}
		trial.engine.Apply(&c)
		require.NoError(t, sameEvents(trial.ref.apply(&c), trial.engine.Events()), "command %d", i)
		for _, c := range trial.engine.Changes() {
			require.NoError(t, trial.feed.apply(c))
		}
		if i%look == look-1 {
			require.NoError(t, trial.engine.Verify())
			require.NoError(t, trial.sameWhole())
		}
	}
	require.Greater(t, trial.engine.Live(), 3000, "the books are to be deep")
}
