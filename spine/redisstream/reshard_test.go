package redisstream

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/necrostack/necrostack/actors"
	"github.com/necrostack/necrostack/spine"
	"github.com/necrostack/necrostack/spine/redisstream/redistest"
	"github.com/necrostack/necrostack/supervision"
)

func TestReshardedServicesGoOnWhereTheyWere(t *testing.T) {
	t.Parallel()
	for seed, shards := range [][]int{{4}, {4, 7}, {7, 1}, {1, 16}, {3, 5, 2}} {
		t.Run(fmt.Sprint(shards), func(t *testing.T) {
			t.Parallel()
			r := newRelocation(t, uint64(seed), shards[0], 400)
			for _, to := range shards[1:] {
				report, err := r.operator(r.shards).Reshard(r.soon(), to)
				require.NoError(t, err)
				require.Equal(t, [2]int{r.shards, to}, [2]int{report.From, report.To})
				require.Equal(t, len(r.events), report.IDs)
				require.Equal(t, r.services, report.Services)
				r.shards = to
			}
			r.check()
		})
	}
}

func TestReshardThatIsBrokenOffAnywhereLeavesAWholeStore(t *testing.T) {
	t.Parallel()
	for seed := range uint64(4) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			r := newRelocation(t, seed, 4, 200, WithLease(200*time.Millisecond))
			closed := 0
			for calls := 10; r.shards == 4; calls += 3 + r.rnd.IntN(20) {
				ctx, stop := context.WithCancel(t.Context())
				b := r.operator(4)
				b.server = &mortal{server: b.server, left: calls, died: stop}
				report, err := b.Reshard(ctx, 5+r.rnd.IntN(9))
				stop()
				if err == nil {
					r.shards = report.To
					break
				}
				shards, err := StoredShards(r.soon(), r.server.URL(), WithNamespace(r.keys.ns))
				require.NoError(t, err)
				r.shards = shards // it may have died after the switch
				if _, err := r.operator(shards).Publish(r.soon(), nil); err != nil {
					require.ErrorContains(t, err, "it is being resharded, or that was broken off")
					closed++
				}
				if closed == 3 && seed%2 == 0 { // the store as it was
					_, err := r.operator(4).Reshard(r.soon(), 4)
					require.NoError(t, err)
					break
				}
			}
			require.Greater(t, closed, 2)
			_, err := r.operator(1).Reshard(r.soon(), r.shards) // what is left of the old shards
			require.NoError(t, err)
			r.check()
		})
	}
}

func TestReshardGoesOnOverANetworkThatLosesAndDelays(t *testing.T) {
	t.Parallel()
	r := newRelocation(t, 1, 4, 300, WithLease(2*time.Second))
	proxy := redistest.NewProxy(t, r.server.Addr())
	b := r.operatorAt(proxy.URL(), WithTimeouts(time.Second, 200*time.Millisecond))
	proxy.SetRule(redistest.Random(1, 0.05, []redistest.Action{
		redistest.DropReplyAndClose, redistest.CloseBefore, redistest.Delay(100 * time.Millisecond),
	}, "EVAL", "XRANGE", "SCAN", "XPENDING"))
	_, err := b.Reshard(r.soon(), 7)
	require.NoError(t, err)
	proxy.WaitDelayed()
	r.shards = 7
	r.check()
}

func TestCancelledReshardOpensTheStoreAgain(t *testing.T) {
	t.Parallel()
	r := newRelocation(t, 2, 4, 200)
	publisher := r.operator(4)
	_, err := publisher.Publish(r.soon(), r.events[:1])
	require.NoError(t, err)
	ctx, stop := context.WithCancel(t.Context())
	b := r.operator(4)
	b.server = &hooked{server: b.server, after: 60, hook: stop}
	_, err = b.Reshard(ctx, 9)
	require.ErrorIs(t, err, context.Canceled)
	answers, err := publisher.Publish(r.soon(), r.events[:1])
	require.NoError(t, err, "it has not noticed anything")
	require.Equal(t, []spine.Published{{Code: spine.Duplicate}}, answers)
	r.check()
}

func TestReshardKeepsCrashMarksAndWhatIsMissing(t *testing.T) {
	t.Parallel()
	y := newYard(t, WithShards(3))
	n := y.node("one", loose("a"))
	for i := range 6 {
		n.publish(fmt.Sprint("k", i), fmt.Sprint("t", i))
	}
	var ds []spine.Delivery
	for len(ds) < 6 {
		some, err := n.attempt(spine.Want{Events: 6})
		require.NoError(t, err)
		ds = append(ds, some...)
	}
	require.NoError(t, n.Close(y.soon()))
	idOf := func(d spine.Delivery) string { return streamID{d.Position.Hi, d.Position.Lo}.String() }
	client := y.server.Client()
	gone, marked := y.keys.shard(int(ds[0].Shard)), y.keys.shard(int(ds[1].Shard))
	require.NoError(t, client.XDel(y.soon(), gone.in, idOf(ds[0])).Err())
	require.NoError(t, client.HSet(y.soon(), marked.of("svc", nil).suspects, idOf(ds[1]), 2, idOf(ds[1])+"|a", 1).Err())
	text := texts(ds)[1]

	b, err := New(y.server.URL(), y.opts...)
	require.NoError(t, err)
	_, err = b.Reshard(y.soon(), 2)
	require.NoError(t, err)
	require.NoError(t, b.Close(y.soon()))
	y.opts = append(y.opts, WithShards(2))

	generation := client.HGet(y.soon(), y.keys.meta(), "generation").Val()
	s := y.keys.shardIn(generation, ds[1].Event.Shard(2))
	marks := client.HGetAll(y.soon(), s.of("svc", nil).suspects).Val()
	require.Len(t, marks, 2)
	for field, n := range marks {
		id, organ, _ := strings.Cut(field, "|")
		require.Equal(t, map[string]string{"": "2", "a": "1"}[organ], n)
		raw, err := client.XRange(y.soon(), s.in, id, id).Result()
		require.NoError(t, err)
		require.Len(t, raw, 1)
		ev, err := decodeEntry([]string{fieldEnvelope, raw[0].Values[fieldEnvelope].(string)})
		require.NoError(t, err)
		require.Equal(t, []string{text}, texts([]spine.Delivery{{Event: ev}}))
	}
	n = y.node("two", loose("a"))
	for {
		ds, err := n.attempt(spine.Want{Events: 6})
		require.NoError(t, err)
		if len(ds) == 0 {
			break
		}
		n.finish(ds...)
	}
	count, _, err := n.Count(y.soon())
	require.NoError(t, err)
	require.Equal(t, 1, count, "what is missing is a dead letter")
	log, err := n.Backlog(y.soon())
	require.NoError(t, err)
	require.Zero(t, log.Ready+log.InFlight)
}

func TestRequestThatComesAfterReshardAddsNothingToAnOldShard(t *testing.T) {
	t.Parallel()
	y := newYard(t)
	n := y.node("one", loose("a"))
	n.publish("k", "t")
	d := n.pull(1, "t")[0]
	letter := &supervision.DeadLetter{Organ: "a", Reason: actors.KindPermanent}
	n.settle(spine.Settlement{Receipt: d.Receipt, Shard: d.Shard, Kind: spine.Dead, Letter: letter})
	page, err := n.Letters(y.soon(), supervision.Filter{}, "", 1)
	require.NoError(t, err)
	trap := n.tap.next(1000, removeScript, stray)
	ctx, stop := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer stop()
	errs := n.Remove(ctx, []supervision.Removal{{ID: page.Letters[0].ID, Events: []actors.Event{d.Event}}})
	require.Error(t, errs[0])
	require.NoError(t, n.Close(y.soon()))

	b, err := New(y.server.URL(), y.opts...)
	require.NoError(t, err)
	_, err = b.Reshard(y.soon(), 2)
	require.NoError(t, err)
	late := trap.calls[0]
	b.server.do(y.soon(), []*call{late}, nil)
	require.ErrorContains(t, late.err, "CORRUPT")
	require.EqualValues(t, 1, y.server.Client().XLen(y.soon(), y.keys.letters("svc")).Val(), "the letter stays")
	require.NoError(t, b.Close(y.soon()))
}

func TestReshardNoticesThatSomebodyWritesMeanwhile(t *testing.T) {
	t.Parallel()
	r := newRelocation(t, 4, 3, 100)
	_, entry, err := encodeEntry(r.events[0], false)
	require.NoError(t, err)
	b, stranger := r.operator(3), r.server.Client()
	var id string
	b.server = &hooked{server: b.server, after: 60, hook: func() {
		id = stranger.XAdd(r.soon(), &redis.XAddArgs{Stream: r.keys.shard(0).in, Values: []string{fieldEnvelope, entry}}).Val()
	}}
	_, err = b.Reshard(r.soon(), 2)
	require.ErrorIs(t, err, ErrStore)
	require.ErrorContains(t, err, "somebody has written to")
	require.NoError(t, stranger.XDel(r.soon(), r.keys.shard(0).in, id).Err())
	_, err = r.operator(3).Reshard(r.soon(), 2)
	require.NoError(t, err)
	r.shards = 2
	r.check()
}

func TestSpineGoesOnAfterReshard(t *testing.T) {
	t.Parallel()
	p := newPlant(t, redistest.SharedServer(t), WithRetain(time.Hour))
	w := p.work(p.server.URL(), p.organs())
	w.orders(400)
	w.halt() // in the middle of it
	for _, shards := range []int{7, 4} {
		b, err := New(p.server.URL(), p.opts...)
		require.NoError(t, err)
		_, err = b.Reshard(p.soon(), shards)
		require.NoError(t, err)
		require.NoError(t, b.Close(p.soon()))
		w = p.work(p.server.URL(), p.organs(), WithShards(shards))
		w.orders(400)
		if shards == 7 {
			w.halt()
		}
	}
	w.check()
}

// hooked calls a function after some requests.
type hooked struct {
	server
	after int
	hook  func()
}

func (h *hooked) do(ctx context.Context, loose, tx []*call) {
	if h.after--; h.after == 0 {
		h.hook()
	}
	h.server.do(ctx, loose, tx)
}

func TestReshardWaitsForServicesAndClosesTheStoreToOthers(t *testing.T) {
	t.Parallel()
	r := newRelocation(t, 3, 4, 100)
	n := r.serve("late")
	publisher := r.operator(4)
	_, err := publisher.Publish(r.soon(), r.events[:1])
	require.NoError(t, err)
	ctx, stop := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer stop()
	_, err = r.operator(4).Reshard(ctx, 5)
	require.ErrorIs(t, err, ErrServed)
	require.ErrorContains(t, err, `service "late"`)
	require.ErrorContains(t, err, "by node-late")
	_, err = n.Reshard(r.soon(), 5)
	require.ErrorIs(t, err, ErrServed)
	r.close(n)

	b := r.operator(4)
	_, err = b.Reshard(r.soon(), 5)
	require.NoError(t, err)
	_, err = b.Publish(r.soon(), nil)
	require.ErrorIs(t, err, errResharded)
	_, err = publisher.Publish(r.soon(), r.events[:1])
	require.ErrorIs(t, err, spine.ErrStoreLost, "it would write to shards that are no more")
	_, err = r.operator(4).Publish(r.soon(), nil)
	require.ErrorContains(t, err, "it has 5 shards, WithShards says 4")
	shards, err := StoredShards(r.soon(), r.server.URL(), WithNamespace(r.keys.ns))
	require.NoError(t, err)
	require.Equal(t, 5, shards)
	_, err = StoredShards(r.soon(), r.server.URL(), WithNamespace(redistest.Namespace(t)))
	require.ErrorIs(t, err, ErrNoStore)
	r.shards = 5
	r.check()
}
