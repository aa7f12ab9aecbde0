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
)

// lives opens the service "svc" again and again on one store, each time as a process that follows one that has died.
type lives struct {
	*testing.T
	opts   []redisstream.Option
	server *redistest.Server
	organs []spine.OrganSpec
	ns     string
}

func newLives(t *testing.T, organs ...spine.OrganSpec) *lives {
	ns := redistest.Namespace(t)
	return &lives{t, []redisstream.Option{
		redisstream.WithNamespace(ns), redisstream.WithShards(2), redisstream.WithRelaxedDurability(),
		redisstream.WithLease(100 * time.Millisecond), redisstream.WithLogger(quiet()),
	}, redistest.SharedServer(t), organs, ns}
}

func (l *lives) next() *redisstream.Backend {
	b := attach(l.T, l.server, l.opts)
	require.NoError(l, b.Open(l.Context(), spine.Service{Name: "svc", Organs: l.organs}))
	return b
}

func (l *lives) pull(b *redisstream.Backend) []spine.Delivery {
	ctx, stop := context.WithTimeout(l.Context(), 10*time.Second)
	defer stop()
	ds, err := b.Pull(ctx, spine.Want{Events: 100, Bytes: 1 << 30})
	require.NoError(l, err)
	return ds
}

func (l *lives) publish(b *redisstream.Backend, keys ...string) {
	st := actors.NewStamper(actors.StamperOptions{Service: "test"})
	for _, key := range keys {
		ev, err := st.Root(actors.With(actors.Raw{Type: "NOTE", Data: []byte(`{}`)}, actors.Key(key)), time.Now())
		require.NoError(l, err)
		answers, err := b.Publish(l.Context(), []actors.Event{ev})
		require.NoError(l, err)
		require.Equal(l, []spine.Published{{}}, answers)
	}
}

func settleAll(t *testing.T, b *redisstream.Backend, ds []spine.Delivery) {
	var ss []spine.Settlement
	for _, d := range ds {
		ss = append(ss, spine.Settlement{Receipt: d.Receipt, Shard: d.Shard})
	}
	answers, err := b.Settle(t.Context(), ss)
	require.NoError(t, err)
	for _, a := range answers {
		require.Equal(t, spine.Settled, a.Code)
	}
}

func TestWhatIsInHandAtEveryDeathIsHandedOutAloneAndCounted(t *testing.T) {
	t.Parallel()
	l := newLives(t, spine.OrganSpec{Name: "a", Types: []string{"NOTE"}})
	b := l.next()
	l.publish(b, "x", "x", "x")
	for range 3 {
		ds := l.pull(b)
		require.Len(t, ds, 3, "a few deaths say nothing yet")
		assert.Nil(t, ds[0].Todo)
		redisstream.Die(b)
		b = l.next()
	}
	ds := l.pull(b)
	require.Len(t, ds, 1, "now they come alone")
	require.Len(t, ds[0].Todo, 1)
	assert.Equal(t, 1, ds[0].Todo[0].Crashes)
	settleAll(t, b, ds) // the first is innocent
	l.publish(b, "x")
	ds = l.pull(b)
	require.Len(t, ds, 1)
	poison := ds[0].Event.ID()
	for time := 2; time <= 3; time++ {
		redisstream.Die(b)
		b = l.next()
		ds = l.pull(b)
		require.Len(t, ds, 1)
		assert.Equal(t, poison, ds[0].Event.ID())
		assert.Equal(t, time, ds[0].Todo[0].Crashes)
	}
	settleAll(t, b, ds)
	ds = l.pull(b)
	require.Len(t, ds, 1)
	assert.Equal(t, 1, ds[0].Todo[0].Crashes, "nobody has died of this one")
	settleAll(t, b, ds)
	ds = l.pull(b)
	require.Len(t, ds, 1)
	assert.Empty(t, ds[0].Todo, "and this one was not there often enough")
	settleAll(t, b, ds)
	assert.Empty(t, l.server.Client().Keys(t.Context(), "*"+l.ns+":*sus*").Val(), "what was counted is forgotten")
}

func TestAGracefulEndMakesNobodySuspect(t *testing.T) {
	t.Parallel()
	l := newLives(t, spine.OrganSpec{Name: "a", Types: []string{"NOTE"}})
	b := l.next()
	l.publish(b, "x", "y")
	for range 3 {
		n := 0
		for n < 2 {
			ds := l.pull(b)
			for _, d := range ds {
				assert.Empty(t, d.Todo)
			}
			n += len(ds)
		}
		require.NoError(t, b.Close(t.Context()))
		b = l.next()
	}
}
