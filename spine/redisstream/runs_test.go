package redisstream

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/necrostack/necrostack/actors"
)

func TestEventsWithoutAKeyGoInRunsToAllShardsAlike(t *testing.T) {
	t.Parallel()
	keys := keyring{"ns"}
	var shards []*shard
	for i := range 5 {
		shards = append(shards, newShard(keys, i))
	}
	var r runs
	stamper := actors.NewStamper(actors.StamperOptions{Service: "s", Encode: true})
	counts := map[*shard]int{}
	changes := 0
	var last *shard
	for range 3 * runLength * len(shards) {
		ev, err := stamper.Root(actors.Raw{Type: "X", Data: []byte(`{}`)}, time.Now())
		require.NoError(t, err)
		s := r.shardFor(shards, ev)
		counts[s]++
		if s != last {
			changes, last = changes+1, s
		}
	}
	assert.Equal(t, 3*len(shards), changes)
	for i, s := range shards {
		assert.Equal(t, 3*runLength, counts[s], fmt.Sprint("shard ", i))
	}
}

func TestAnEventWithAKeyGoesToTheShardOfItsKeyWhateverTheRun(t *testing.T) {
	t.Parallel()
	keys := keyring{"ns"}
	shards := []*shard{newShard(keys, 0), newShard(keys, 1), newShard(keys, 2)}
	var r runs
	stamper := actors.NewStamper(actors.StamperOptions{Service: "s", Encode: true})
	for i := range 50 {
		ev, err := stamper.Root(actors.With(actors.Raw{Type: "X", Data: []byte(`{}`)}, actors.Key(fmt.Sprint("k", i))), time.Now())
		require.NoError(t, err)
		assert.Same(t, shards[ev.Shard(len(shards))], r.shardFor(shards, ev))
	}
}
