package host_test

import (
	"context"
	"runtime"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/necrostack/necrostack/actors"
	"github.com/necrostack/necrostack/actors/host"
)

// Whoever looks at a context after its handler is done, in whatever moment, disturbs no later event. Not parallel: it
// is about two goroutines that run at the same time.
func TestStrayLooksDisturbNobody(t *testing.T) {
	var kept atomic.Pointer[context.Context]
	var round, last atomic.Int64
	cancelled := 0
	back := make(chan *host.Batch, 1)
	s := host.NewSystem(host.Options{})
	o, err := s.Organ(looking(func(ctx context.Context, p ping) {
		switch p.N {
		case 0:
			kept.Store(&ctx)
			round.Add(1)
		case 2:
			if ctx.Err() != nil {
				cancelled++
			}
		}
	}), host.OrganConfig{Deliver: func(b *host.Batch) { back <- b }})
	require.NoError(t, err)
	twice, done := 0, make(chan struct{})
	go func() {
		defer close(done)
		for n := int64(0); n >= 0; {
			for n == round.Load() {
				runtime.Gosched() // there may be one processor
			}
			if n = round.Load(); n < 0 {
				return
			}
			ctx := *kept.Load()
			for range n % 500 { // at another moment each time
				last.Load()
			}
			if n%2 == 0 {
				_ = ctx.Err()
				continue
			}
			is := actors.EffectKey(ctx)
			for range 50 {
				if is != "" && actors.EffectKey(ctx) != is {
					twice++
					break
				}
			}
		}
	}()
	evs := pings(t, 3)
	for range 40_000 {
		o.Lanes()[0].Run(batchOf(evs[0], evs[1]))
		<-back
		o.Lanes()[0].Run(batchOf(evs[2]))
		<-back
	}
	round.Store(-1)
	<-done
	assert.Zero(t, cancelled, "handlers whose context had ended before they began")
	assert.Zero(t, twice, "contexts that told of two attempts")
	require.NoError(t, s.Stop(context.Background()))
}
