package redisstream_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/necrostack/necrostack/spine"
	"github.com/necrostack/necrostack/spine/redisstream"
	"github.com/necrostack/necrostack/spine/redisstream/redistest"
)

func TestHealthOfAShardTellsItsBacklogAgeAndRate(t *testing.T) {
	t.Parallel()
	server, clock := redistest.SharedServer(t), &shiftedClock{}
	opts := []redisstream.Option{
		redisstream.WithNamespace(redistest.Namespace(t)), redisstream.WithShards(3), redisstream.WithRelaxedDurability(),
		redisstream.WithClock(clock.now), redisstream.WithLogger(quiet()),
	}
	b := attach(t, server, opts)
	require.NoError(t, b.Open(t.Context(), spine.Service{Name: "svc", Organs: []spine.OrganSpec{{Name: "a", Types: []string{"NOTE"}}}}))
	l := &lives{T: t}
	l.publish(b, "x", "x", "x", "x")
	clock.advance(time.Hour)
	before := b.Health(t.Context())
	shard := before.Services[0].Shards[hot(before)]
	assert.EqualValues(t, 4, shard.Unread)
	assert.EqualValues(t, 4, shard.Backlog())
	assert.InDelta(t, time.Hour, shard.Oldest, float64(time.Minute))
	assert.InDelta(t, 1, before.Services[0].Share(shard.Shard), 0)

	ds, err := b.Pull(t.Context(), spine.Want{Events: 3, Bytes: 1 << 20})
	require.NoError(t, err)
	for _, d := range ds {
		_, err := b.Settle(t.Context(), []spine.Settlement{{Receipt: d.Receipt, Shard: d.Shard}})
		require.NoError(t, err)
	}
	after := b.Health(t.Context())
	after.At = before.At.Add(2 * time.Second)
	rate := after.Rate(before, "svc")
	assert.InDelta(t, float64(len(ds))/2, rate.Total, 0)
	assert.InDelta(t, float64(len(ds))/2, rate.Shards[shard.Shard], 0)
	assert.EqualValues(t, 4-len(ds), after.Services[0].Shards[shard.Shard].Backlog())
	assert.Zero(t, after.Rate(after, "svc"))
	require.NoError(t, b.Close(t.Context()))

	_, err = attach(t, server, opts).Reshard(t.Context(), 2)
	require.NoError(t, err)
	moved := attach(t, server, append(opts, redisstream.WithShards(2))).Health(t.Context())
	require.NoError(t, moved.Err)
	assert.EqualValues(t, 4-len(ds), moved.Services[0].Shards[hot(moved)].Backlog(), "the server counts on")
}

// hot is the shard with the largest share.
func hot(h redisstream.Health) int {
	most := 0
	for i := range h.Services[0].Shards {
		if h.Services[0].Share(i) > h.Services[0].Share(most) {
			most = i
		}
	}
	return most
}
