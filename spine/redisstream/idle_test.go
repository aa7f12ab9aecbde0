package redisstream

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/necrostack/necrostack/actors"
	"github.com/necrostack/necrostack/spine"
	"github.com/necrostack/necrostack/spine/redisstream/redistest"
)

// Nothing comes to a node that only waits, so nothing but the clock tells it to ask again.
func TestANodeThatOwnsNothingSeesThatAnotherHasFinished(t *testing.T) {
	t.Parallel()
	p := newPlant(t, redistest.Start(t))
	at, on := make(chan struct{}), make(chan struct{})
	organs := func() []spine.Option {
		return []spine.Option{spine.WithOrgan(actors.NewOrgan("slow", actors.Sink(func(context.Context, actors.EventOf[receipt]) error {
			close(at)
			<-on
			return nil
		})))}
	}
	p.work(p.server.URL(), organs())
	second := p.work(p.server.URL(), organs())
	_, err := second.Publish(p.soon(), receipt{"1", 1})
	require.NoError(t, err)
	<-at
	asked := p.executed("xpending")
	idle := make(chan error, 1)
	go func() { idle <- second.WaitIdle(p.soon()) }() // ends with the test at the latest
	require.Eventually(t, func() bool { return p.executed("xpending") > asked }, 10*time.Second, time.Millisecond)
	close(on)
	select {
	case err := <-idle:
		require.NoError(t, err)
	case <-time.After(10 * time.Second):
		require.FailNow(t, "all is done, and WaitIdle waits on")
	}
}
