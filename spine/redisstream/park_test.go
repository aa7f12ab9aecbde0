package redisstream_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/necrostack/necrostack/actors"
	"github.com/necrostack/necrostack/spine"
	"github.com/necrostack/necrostack/spine/redisstream"
	"github.com/necrostack/necrostack/spine/redisstream/redistest"
)

// One key waits, with more behind it than may be in memory. Others go on, and it comes back whole and in order.
func TestWhatWaitsBehindAKeyIsBoundedInMemoryAndComesBackInOrder(t *testing.T) {
	t.Parallel()
	const waiting, bytes = 3000, 4000
	b := attach(t, redistest.SharedServer(t), []redisstream.Option{
		redisstream.WithNamespace(redistest.Namespace(t)), redisstream.WithShards(1), redisstream.WithRelaxedDurability(),
		redisstream.WithLogger(quiet()),
	})
	require.NoError(t, b.Open(t.Context(), spine.Service{Name: "svc", Organs: []spine.OrganSpec{{Name: "a", Types: []string{"NOTE"}, Ordered: true}}}))
	st := actors.NewStamper(actors.StamperOptions{Service: "test"})
	publish := func(key string, n int) {
		var evs []actors.Event
		for i := range n {
			data := fmt.Sprintf(`{"n":%d,"x":%q}`, i, strings.Repeat("x", bytes))
			ev, err := st.Root(actors.With(actors.Raw{Type: "NOTE", Data: []byte(data)}, actors.Key(key)), time.Now())
			require.NoError(t, err)
			evs = append(evs, ev)
		}
		_, err := b.Publish(t.Context(), evs)
		require.NoError(t, err)
	}
	ctx, stop := context.WithTimeout(t.Context(), 30*time.Second)
	defer stop()
	pull := func() []spine.Delivery {
		ds, err := b.Pull(ctx, spine.Want{Events: 200, Bytes: 1 << 20})
		require.NoError(t, err)
		return ds
	}
	publish("held", 1)
	head := pull()
	require.Len(t, head, 1)
	held := spine.Settlement{Receipt: head[0].Receipt, Kind: spine.Defer, Later: &spine.Later{Waits: true}}
	_, err := b.Settle(ctx, []spine.Settlement{held})
	require.NoError(t, err)
	publish("held", waiting)
	publish("free", 1)
	for {
		ds, err := b.Pull(ctx, spine.Want{Events: 200, Bytes: 1 << 20, Organs: []int{0}})
		require.NoError(t, err)
		require.Len(t, ds, 1)
		assert.Equal(t, "free", ds[0].Event.Key(), "the other key is not held up")
		settleAll(t, b, ds)
		break
	}
	events, parked := redisstream.InMemory(b)
	assert.LessOrEqual(t, parked, 4<<20)
	assert.LessOrEqual(t, events*bytes, 5<<20, "of more than 12 MB, most is with the server only")

	got := 0
	for got <= waiting {
		ds := pull()
		for _, d := range ds {
			data, _, err := d.Event.Data()
			require.NoError(t, err)
			if got > 0 { // the first is the head
				require.True(t, strings.HasPrefix(string(data), fmt.Sprintf(`{"n":%d,`, got-1)), "event %d is %.20s", got, data)
			}
			got++
		}
		settleAll(t, b, ds)
	}
	backlog, err := b.Backlog(ctx)
	require.NoError(t, err)
	assert.Equal(t, spine.Backlog{}, backlog)
	_, parked = redisstream.InMemory(b)
	assert.Zero(t, parked)
}
