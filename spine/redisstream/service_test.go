package redisstream_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/necrostack/necrostack/actors"
	"github.com/necrostack/necrostack/spine"
	"github.com/necrostack/necrostack/spine/redisstream"
	"github.com/necrostack/necrostack/spine/redisstream/redistest"
)

type added struct {
	Account string `json:"account"`
	N       int    `json:"n"`
}

func (added) EventType() string  { return "ADDED" }
func (a added) EventKey() string { return a.Account }

type told struct {
	Total int `json:"total"`
}

func (told) EventType() string { return "TOLD" }

type total struct{ Sum int }

// projection sums up accounts, factor times, and tells every sum.
func projection(factor int) *actors.Keyed[total] {
	return actors.NewKeyed("totals", func(string) *total { return &total{} },
		actors.Step(func(s *total, ev actors.EventOf[added]) ([]actors.Payload, error) {
			s.Sum += factor * ev.Payload.N
			return []actors.Payload{told{s.Sum}}, nil
		}),
		actors.Answer(func(s *total, _ struct{}) (int, error) { return s.Sum, nil }))
}

// running runs a Spine until stop.
type running struct {
	*spine.Spine
	t     *testing.T
	stop  context.CancelFunc
	ended chan error
}

func start(t *testing.T, b spine.Backend, opts ...spine.Option) *running {
	s, err := spine.New(b, append(opts, spine.WithLogger(quiet()))...)
	require.NoError(t, err)
	ctx, stop := context.WithCancel(t.Context())
	r := &running{s, t, stop, make(chan error, 1)}
	go func() { r.ended <- s.Run(ctx) }() // ends with close
	return r
}

func (r *running) idle() {
	ctx, stop := context.WithTimeout(r.t.Context(), 20*time.Second)
	defer stop()
	for r.WaitIdle(ctx) != nil && ctx.Err() == nil { // it may not have begun
	}
	require.NoError(r.t, ctx.Err())
}

func (r *running) close(b *redisstream.Backend) {
	r.stop()
	require.NoError(r.t, <-r.ended)
	require.NoError(r.t, b.Close(r.t.Context()))
}

func TestAProjectionIsRebuiltWithoutEmittingAgain(t *testing.T) {
	t.Parallel()
	server := redistest.SharedServer(t)
	ns := redistest.Namespace(t)
	opts := []redisstream.Option{
		redisstream.WithNamespace(ns), redisstream.WithShards(4), redisstream.WithRelaxedDurability(),
		redisstream.WithLogger(quiet()), redisstream.WithRetain(time.Hour),
	}
	listener := attach(t, server, opts)
	heard := map[int]int{}
	ears := start(t, listener, spine.WithService("ears"), spine.WithOrgan(actors.NewOrgan("ear",
		actors.Sink(func(_ context.Context, ev actors.EventOf[told]) error { heard[ev.Payload.Total]++; return nil }))))

	b := attach(t, server, opts)
	r := start(t, b, spine.WithService("totals"), spine.WithOrgan(projection(1)))
	for i := range 40 {
		_, err := r.Publish(t.Context(), added{fmt.Sprint("account-", i%4), 1})
		require.NoError(t, err)
	}
	r.idle()
	ears.idle()
	assert.Len(t, heard, 10)
	sum, err := spine.Ask[int](t.Context(), r, "totals", "account-1", struct{}{})
	require.NoError(t, err)
	assert.Equal(t, 10, sum)

	ctx, stop := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer stop()
	admin := attach(t, server, opts)
	require.ErrorIs(t, admin.RewindService(ctx, "totals"), redisstream.ErrServed, "it is at work")
	r.close(b)
	_, err = admin.Publish(t.Context(), nil)
	require.NoError(t, err)
	require.NoError(t, admin.RewindService(t.Context(), "totals"))

	b = attach(t, server, opts)
	r = start(t, b, spine.WithService("totals"), spine.WithOrgan(projection(100)))
	r.idle()
	ears.idle()
	sum, err = spine.Ask[int](t.Context(), r, "totals", "account-1", struct{}{})
	require.NoError(t, err)
	assert.Equal(t, 1000, sum, "rebuilt by the new step")
	assert.Len(t, heard, 10, "and nobody has heard of it")
	_, err = r.Publish(t.Context(), added{"account-1", 1})
	require.NoError(t, err)
	r.idle()
	ears.idle()
	assert.Equal(t, 1, heard[1100], "caught up, it tells again")
	names, err := admin.Services(t.Context())
	require.NoError(t, err)
	assert.Equal(t, []string{"ears", "totals"}, names)

	r.close(b)
	require.NoError(t, admin.RemoveService(t.Context(), "totals"))
	names, err = admin.Services(t.Context())
	require.NoError(t, err)
	assert.Equal(t, []string{"ears"}, names)
	keys := server.Client().Keys(t.Context(), "*"+ns+":*totals*").Val()
	assert.Empty(t, keys)
	ears.close(listener)
}
