package redisstream

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/necrostack/necrostack/actors"
	"github.com/necrostack/necrostack/spine"
	"github.com/necrostack/necrostack/spine/redisstream/redistest"
)

// The size of a round.
const (
	pressHandles    = 3
	pressPublishers = 3 // of each handle
	pressBatches    = 30
	pressBatch      = 8
	pressIDs        = 160
	pressSpread     = 24 // ids that are published at the same time
)

// press is publishers of the same events, whose network fails.
type press struct {
	*yard
	proxy   *redistest.Proxy
	history *history
	handles []*Backend
	events  []actors.Event
	ctx     context.Context
	batches atomic.Int64
	unknown atomic.Int64
	seed    uint64
}

func newPress(t *testing.T, seed uint64) *press {
	const window = time.Minute
	y := newYard(t, WithShards(4), WithDedup(window))
	p := &press{yard: y, proxy: redistest.NewProxy(t, y.server.Addr()), history: newHistory(), ctx: y.soon(), seed: seed}
	for i := range pressIDs {
		ev, err := y.stamper.Root(actors.With(step{fmt.Sprint("k", i%7), fmt.Sprint(i)}, actors.NewID()), y.clock())
		require.NoError(t, err)
		p.events = append(p.events, ev)
	}
	for i := range pressHandles {
		b, err := New(p.proxy.URL(), append(slices.Clone(y.opts), WithNode(fmt.Sprint("press", i)))...)
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, b.Close(y.soon())) })
		p.handles = append(p.handles, b)
	}
	p.proxy.SetRule(redistest.Random(seed, 0.04, []redistest.Action{
		redistest.DropReplyAndClose, redistest.CloseBefore, redistest.Delay(3 * time.Millisecond),
	}, "EVALSHA"))
	return p
}

func (p *press) run() {
	var publishing sync.WaitGroup
	for i := range pressHandles * pressPublishers {
		publishing.Go(func() { p.publish(i) }) // ends with its batches
	}
	publishing.Wait()
	p.proxy.SetRule(nil)
	p.proxy.WaitDelayed()
	p.count()
}

// publish publishes the same events as all others do at the time. Some batches are given up after a moment.
func (p *press) publish(client int) {
	dice := rand.New(rand.NewPCG(p.seed, uint64(client+1)))
	const all = pressHandles * pressPublishers * pressBatches
	for range pressBatches {
		n := p.batches.Add(1)
		if n == all/2 {
			p.advance(time.Minute) // what was published is now in the bucket before
		}
		first := int(n) * (pressIDs - pressSpread) / all
		var evs []actors.Event
		for range pressBatch {
			evs = append(evs, p.events[first+dice.IntN(pressSpread)])
		}
		ctx, stop := p.ctx, func() {}
		if dice.IntN(8) == 0 {
			ctx, stop = context.WithTimeout(ctx, time.Millisecond)
		}
		called := p.history.tick()
		answers, err := p.handles[client%pressHandles].Publish(ctx, evs)
		stop()
		for i, ev := range evs {
			var out any
			if err == nil {
				out = map[spine.PublishCode]string{spine.Accepted: "accepted", spine.Duplicate: "duplicate"}[answers[i].Code]
			} else {
				p.unknown.Add(1)
			}
			p.history.note(ev.ID().String(), client, called, publishID, out)
		}
	}
}

// count notes how often each event is in the store.
func (p *press) count() {
	copies := map[string]int{}
	called := p.history.tick()
	for i := range 4 {
		entries, err := p.server.Client().XRange(p.soon(), p.keys.shard(i).in, "-", "+").Result()
		require.NoError(p, err)
		for _, e := range entries {
			ev, err := decodeEntry([]string{fieldEnvelope, e.Values[fieldEnvelope].(string)})
			require.NoError(p, err)
			copies[ev.ID().String()]++
		}
	}
	for _, ev := range p.events {
		id := ev.ID().String()
		p.history.note(id, pressHandles*pressPublishers, called, countID, strconv.Itoa(copies[id]))
	}
}
