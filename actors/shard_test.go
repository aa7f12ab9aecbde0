package actors_test

import (
	"strconv"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/necrostack/necrostack/actors"
)

// TestShardsNeverChange holds hashes to vectors computed by another implementation of
// xxhash64: an event that changed its shard would leave its cell behind.
func TestShardsNeverChange(t *testing.T) {
	t.Parallel()
	for _, row := range goldenRows(t, "shards.golden", 6) {
		ev := eventOf(t, row[0], row[1])
		assert.Equal(t, row[2], strconv.FormatUint(ev.KeyHash(), 16), "%v", row)
		assert.Equal(t, row[3], strconv.Itoa(ev.Shard(16)), "shard of 16: %v", row)
		assert.Equal(t, row[4], strconv.Itoa(ev.Shard(7)), "shard of 7: %v", row)
		assert.Equal(t, row[5], strconv.FormatUint(ev.KeyHash()>>32, 16), "upper half: %v", row)
	}
}

func eventOf(t *testing.T, what, value string) actors.Event {
	t.Helper()
	if what == "key" {
		return root(t, actors.With(Ping{}, actors.Key(value)))
	}
	require.Equal(t, "id", what)
	id, err := actors.ParseID(value)
	require.NoError(t, err)
	return root(t, actors.With(Ping{}, id))
}

func TestKeyDecidesTheShardWhateverTheID(t *testing.T) {
	t.Parallel()
	a, b := root(t, Ordered{Account: "acc-1"}), root(t, Ordered{Account: "acc-1"})
	require.NotEqual(t, a.ID(), b.ID())
	assert.Equal(t, a.KeyHash(), b.KeyHash())
	assert.Equal(t, a.KeyHash(), arrived(t, a).KeyHash())
	assert.Equal(t, a.KeyHash(), actors.HashKey("acc-1"))

	child := emission(t, a, Ping{})
	alone := root(t, actors.With(Ping{}, child.ID()))
	assert.Equal(t, alone.KeyHash(), child.KeyHash(), "without a key it is the id, not the chain")
}

func TestOneShardTakesAll(t *testing.T) {
	t.Parallel()
	assert.Zero(t, root(t, Ping{}).Shard(1))
}
