package matching_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/necrostack/necrostack/examples/trading_orderbook/matching"
)

func TestWarmChangesNothing(t *testing.T) {
	t.Parallel()
	commands := record(7, 500, 2000)
	plain, warmed := engineWith(matching.Config{}), engineWith(matching.Config{})
	warmed.Warm(nil)
	warmed.Warm(commands)
	for i := range commands {
		warmed.Warm(commands[i:])
		warmed.Warm([]matching.Command{{Op: matching.CancelOrder}, {Op: matching.AmendOrder, Order: 1 << 60}})
		if i%100 == 0 {
			assert.Equal(t, plain.Snapshot(), warmed.Snapshot(), "command %d", i)
		}
		plain.Apply(&commands[i])
		warmed.Apply(&commands[i])
		assert.Equal(t, plain.Events(), warmed.Events(), "command %d", i)
	}
	assert.NoError(t, warmed.Verify())
}
