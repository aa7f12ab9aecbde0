package redisstream

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"
	"github.com/stretchr/testify/require"

	"github.com/necrostack/necrostack/persistence"
	"github.com/necrostack/necrostack/spine"
	"github.com/necrostack/necrostack/spine/redisstream/redistest"
)

// The size of a round: up to 200 operations of each key, and several hundred of each shard.
const (
	fleetPeers   = 3
	fleetShards  = 8
	fleetKeys    = 16
	fleetAppends = 45 // of each key
)

// fleet is nodes that serve one keyed organ under bad weather, and take the shards from one another all the time.
type fleet struct {
	*yard
	weather       *weather
	leases, cells *history
	texts         atomic.Int64
	published     atomic.Bool
	peers         []*peer
	ctx           context.Context // ends when all that was published is settled
	stop          context.CancelFunc
}

func newFleet(t *testing.T, seed uint64) *fleet {
	y := newYard(t, WithShards(fleetShards))
	ctx, stop := context.WithTimeout(context.Background(), time.Minute)
	t.Cleanup(stop)
	f := &fleet{yard: y, leases: newHistory(), cells: newHistory(), ctx: ctx, stop: stop}
	f.weather = &weather{
		network: &redisServer{main: redistest.SharedServer(t).Client()}, dice: rand.New(rand.NewPCG(seed, 0)), met: map[fortune]int{},
	}
	for i := range fleetPeers {
		f.peers = append(f.peers, f.join(i+1, seed))
	}
	return f
}

// sail runs all until everything that was published is settled, and closes the nodes.
func (f *fleet) sail() {
	var publishing, working sync.WaitGroup
	for _, p := range f.peers {
		handed := make(chan []spine.Delivery)
		publishing.Go(p.publish) // ends when it has published its share
		// These end with the fleet's context.
		working.Go(func() { p.pull(handed) })
		working.Go(func() { p.settleAll(handed) })
		working.Go(p.keepLeases)
		working.Go(p.load)
	}
	publishing.Wait()
	f.weather.settle(f.ctx)
	f.published.Store(true)
	working.Wait()
	require.ErrorIs(f, f.ctx.Err(), context.Canceled, "it takes too long")
	for _, p := range f.peers {
		require.NoError(f, p.Close(f.soon()))
	}
	f.end()
}

// end loads all cells when nothing happens any more.
func (f *fleet) end() {
	n := f.node("last", strict("list"))
	n.takeOver()
	for i := range fleetKeys {
		called := f.cells.tick()
		hs, err := n.Load(f.soon(), []persistence.Cell{{Organ: "list", Key: keyName(i)}}, nil)
		require.NoError(f, err)
		all := imageOf(hs[0]).text
		f.cells.note(keyName(i), 0, called, keyedAct{act: "end"}, all)
		f.cells.parts[keyName(i)] = placed(f.cells.parts[keyName(i)], all)
	}
}

// placed tells of each text that was published where it is in the end, and that one without an answer was accepted, or never will be.
// There is no other order that could explain the end, and the search for it would take for ever.
func placed(ops []porcupine.Operation, all string) []porcupine.Operation {
	var known []porcupine.Operation
	for _, op := range ops {
		if in := op.Input.(keyedAct); in.act == "publish" {
			i := strings.Index(all, in.text)
			switch {
			case i >= 0:
				in.at, op.Output = i/textWidth, "ok"
			case op.Output == nil:
				continue
			}
			op.Input = in
		}
		known = append(known, op)
	}
	return known
}

func keyName(i int) string { return fmt.Sprint("key", i) }

// takeovers is how often a shard has had another owner.
func (f *fleet) takeovers() int {
	epochs := 0
	for i := range fleetShards {
		own := f.keys.shard(i).of("svc", nil).own
		epochs += int(parseNumber(f.server.Client().HGet(f.soon(), own, "epoch").Val()))
	}
	return epochs
}

// done ends the fleet when all is settled.
func (f *fleet) done() bool {
	if f.published.Load() && f.ctx.Err() == nil {
		load, err := f.server.Client().HMGet(f.ctx, f.keys.load(), "in", "a:svc").Result()
		if err == nil && load[0] == load[1] {
			f.stop()
		}
	}
	return f.ctx.Err() != nil
}

// fail ends the fleet with an error that there must not be.
func (f *fleet) fail(what string, err error) {
	f.Errorf("%s: %v", what, err)
	f.stop()
}

// turn lets everybody have a look at leases and cells.
func (f *fleet) turn() {
	for _, p := range f.peers {
		for _, c := range []chan struct{}{p.turns, p.looks} {
			select {
			case c <- struct{}{}:
			default:
			}
		}
	}
}
