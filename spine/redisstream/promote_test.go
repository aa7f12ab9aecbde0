package redisstream

import (
	"context"
	"log/slog"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/necrostack/necrostack/spine"
	"github.com/necrostack/necrostack/spine/redisstream/redistest"
)

// promoteCounter counts calls of two scripts, and ends something when each of so many pulls was sent.
type promoteCounter struct {
	server
	promotes, pulls atomic.Int64
	enough          int64
	end             func()
}

func (c *promoteCounter) do(ctx context.Context, loose, tx []*call) {
	for _, calls := range [][]*call{loose, tx} {
		for _, x := range calls {
			switch x.script {
			case promoteScript:
				c.promotes.Add(1)
			case guardScript:
				c.pulls.Add(1)
			}
		}
	}
	c.server.do(ctx, loose, tx)
	if c.pulls.Load() >= c.enough {
		c.end()
	}
}

// TestAShardIsAskedForWhatIsDelayedOnceForEachPull: a Pull that wants little pulls few shards at a time. That the others wait for their turn must not
// have them asked again and again what is delayed.
func TestAShardIsAskedForWhatIsDelayedOnceForEachPull(t *testing.T) {
	t.Parallel()
	const shards = 64
	h, err := New(redistest.SharedServer(t).URL(), WithNamespace(redistest.Namespace(t)), WithShards(shards), WithRelaxedDurability(),
		WithLogger(slog.New(slog.DiscardHandler)))
	require.NoError(t, err)
	defer func() { assert.NoError(t, h.Close(context.Background())) }()
	require.NoError(t, h.Open(t.Context(), spine.Service{Name: "svc", Organs: []spine.OrganSpec{strict("b")}}))
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	c := &promoteCounter{server: h.server, enough: shards, end: cancel}
	h.server = c
	_, _ = h.Pull(ctx, spine.Want{Events: leastPull, Bytes: 1 << 20}) // there is nothing
	assert.LessOrEqual(t, c.promotes.Load(), int64(shards+1))
}
