package redisstream_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/necrostack/necrostack/actors"
	"github.com/necrostack/necrostack/spine"
	"github.com/necrostack/necrostack/spine/redisstream"
	"github.com/necrostack/necrostack/spine/redisstream/redistest"
	"github.com/necrostack/necrostack/supervision"
)

func TestHealthTellsWhatWaitsWhereAndWhoHoldsIt(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t, redistest.AOF("always"))
	b := attach(t, server, []redisstream.Option{
		redisstream.WithShards(2), redisstream.WithNode("node-1"), redisstream.WithLogger(quiet()), redisstream.WithCapacity(100),
		redisstream.WithLetterLimit(1),
	})
	require.NoError(t, b.Open(t.Context(), spine.Service{Name: "svc", Organs: []spine.OrganSpec{{Name: "a", Types: []string{"NOTE"}}}}))
	l := &lives{T: t}
	l.publish(b, "x", "x", "x", "x", "x")
	st := actors.NewStamper(actors.StamperOptions{Service: "test"})
	late, err := st.Root(actors.With(actors.Raw{Type: "NOTE", Data: []byte(`{}`)}, actors.After(time.Hour)), time.Now())
	require.NoError(t, err)
	_, err = b.Publish(t.Context(), []actors.Event{late})
	require.NoError(t, err)
	ctx, stop := context.WithTimeout(t.Context(), 10*time.Second)
	defer stop()
	ds, err := b.Pull(ctx, spine.Want{Events: 4, Bytes: 1 << 20})
	require.NoError(t, err)
	require.Len(t, ds, 4)
	settle := func(d spine.Delivery, x spine.Settlement) {
		x.Receipt, x.Shard = d.Receipt, d.Shard
		answers, err := b.Settle(t.Context(), []spine.Settlement{x})
		require.NoError(t, err)
		require.Equal(t, spine.Settled, answers[0].Code)
	}
	settle(ds[0], spine.Settlement{})
	settle(ds[1], spine.Settlement{Kind: spine.Retry, Later: &spine.Later{Attempts: 1, First: time.Now(), Due: time.Now().Add(time.Hour)}})
	h := b.Health(t.Context())
	require.NoError(t, h.Ready())
	settle(ds[2], spine.Settlement{Kind: spine.Dead, Letter: &supervision.DeadLetter{Organ: "a", Reason: actors.KindPermanent}})
	h = b.Health(t.Context())
	require.ErrorContains(t, h.Ready(), "no room for another dead letter")
	assert.True(t, h.Reachable)
	assert.Positive(t, h.Latency)
	assert.Equal(t, "master", h.Role)
	assert.True(t, h.AppendOnly)
	assert.False(t, h.AppendFailing)
	assert.False(t, h.Evicting)
	assert.Positive(t, h.Memory)
	assert.EqualValues(t, 6, h.Accepted)
	require.Len(t, h.Services, 1)
	s := h.Services[0]
	assert.Equal(t, "svc", s.Name)
	assert.EqualValues(t, 4, s.Backlog, "in hand, retried, fresh, delayed")
	assert.EqualValues(t, 2, s.Pending)
	assert.EqualValues(t, 1, s.Deferred)
	assert.EqualValues(t, 1, s.DeadLetters)
	assert.Positive(t, s.OldestPending)
	assert.Less(t, s.OldestPending, time.Minute)
	require.Len(t, s.Shards, 2)
	var pending, length, delayed int64
	for i, x := range s.Shards {
		assert.Equal(t, "node-1", x.Node)
		assert.EqualValues(t, 1, x.Epoch)
		pending += x.Pending
		length += h.Shards[i].Length
		delayed += h.Shards[i].Delayed
	}
	assert.EqualValues(t, 2, pending)
	assert.EqualValues(t, 5, length)
	assert.EqualValues(t, 1, delayed)
	require.NoError(t, b.Close(t.Context()))

	b = attach(t, server, []redisstream.Option{redisstream.WithShards(2), redisstream.WithLogger(quiet()), redisstream.WithTimeouts(time.Second, time.Second)})
	h = b.Health(t.Context())
	assert.Empty(t, h.Services[0].Shards[0].Node, "nobody holds it any more")
	server.Stop()
	h = b.Health(t.Context())
	assert.False(t, h.Reachable)
	require.Error(t, h.Ready())
}
