package redisstream

import (
	"context"
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/necrostack/necrostack/actors"
	"github.com/necrostack/necrostack/spine"
	"github.com/necrostack/necrostack/spine/redisstream/redistest"
	"github.com/necrostack/necrostack/supervision"
)

func TestAServerThatDeletesEventsIsRefused(t *testing.T) {
	t.Parallel()
	p := newPlant(t, redistest.Start(t, redistest.MaxMemory(100<<20, "allkeys-lru")))
	b, err := New(p.server.URL(), p.opts...)
	require.NoError(t, err)
	defer b.Close(p.soon())
	require.ErrorIs(t, b.Open(p.soon(), spine.Service{Name: "svc"}), ErrStore)
	_, err = b.Publish(p.soon(), []actors.Event{})
	require.ErrorIs(t, err, ErrStore)
	assert.Zero(t, p.server.Client().DBSize(p.soon()).Val())
}

// What is gone is not begun anew in silence: the run ends, and says why.
func TestARunEndsWhenTheStoreIsGone(t *testing.T) {
	t.Parallel()
	for name, do := range map[string]func(ctx context.Context, p *plant, k shardKeys) error{
		"everything deleted": func(ctx context.Context, p *plant, _ shardKeys) error {
			return p.server.Client().FlushAll(ctx).Err()
		},
		"a stream deleted": func(ctx context.Context, p *plant, k shardKeys) error {
			return p.server.Client().Del(ctx, k.in).Err()
		},
		"a group destroyed": func(ctx context.Context, p *plant, k shardKeys) error {
			return p.server.Client().XGroupDestroy(ctx, k.in, "svc").Err()
		},
		"another store in its place": func(ctx context.Context, p *plant, k shardKeys) error {
			keys := keyring{p.ns}
			pipe := p.server.Client().TxPipeline()
			pipe.HSet(ctx, keys.meta(), "store", "another")
			for i := range 4 {
				pipe.HSet(ctx, keys.shard(i).of("svc", nil).own, "tok", "somebody's")
			}
			_, err := pipe.Exec(ctx)
			return err
		},
	} {
		for _, busy := range []bool{false, true} {
			t.Run(name+map[bool]string{false: ", idle", true: ", at work"}[busy], func(t *testing.T) {
				t.Parallel()
				p := newPlant(t, redistest.Start(t), WithLease(300*time.Millisecond))
				w := p.work(p.server.URL(), p.organs())
				w.orders(50)
				stop := func() {}
				if busy {
					stop = until(func() { _, _ = w.Publish(context.Background(), order{"1", 0}) })
				} else {
					w.idle()
				}
				require.NoError(t, do(p.soon(), p, keyring{p.ns}.shard(1)))
				err := w.awaitEnd()
				stop()
				require.ErrorIs(t, err, spine.ErrStoreLost)
				_, err = w.Publish(p.soon(), order{"1", 0})
				assert.Error(t, err)
			})
		}
	}
}

func TestAStoreThatIsGoneTakesNothingAndIsNotMadeAgain(t *testing.T) {
	t.Parallel()
	for _, open := range []bool{false, true} {
		t.Run(fmt.Sprint("open=", open), func(t *testing.T) {
			t.Parallel()
			server := redistest.Start(t)
			y := newYardOn(t, server)
			a := y.node("a", loose("mail"))
			a.publish("k", "1")
			if !open { // a handle that only publishes
				b, err := New(server.URL(), y.opts...)
				require.NoError(t, err)
				a = &node{Backend: b, y: y}
				defer b.Close(y.soon())
				a.publish("k", "2")
			}
			server.Flush()
			ev, err := y.stamper.Root(step{"k", "3"}, y.clock())
			require.NoError(t, err)
			answers, err := a.Publish(y.soon(), []actors.Event{ev})
			require.ErrorIs(t, err, spine.ErrStoreLost)
			assert.Equal(t, spine.Refused, answers[0].Code)
			assert.Zero(t, server.Client().DBSize(y.soon()).Val())
		})
	}
}

// Somebody has written over one of our keys. Nothing is half done then, and whoever has to look is told where.
func TestAKeyOfAnotherTypeStopsWhatNeedsItAndNothingIsHalfWritten(t *testing.T) {
	t.Parallel()
	const id = "11111111-2222-4333-8444-555555555555"
	for name, key := range map[string]func(a *node) string{
		"in":      func(a *node) string { return a.shards[0].in },
		"own":     func(a *node) string { return a.shards[0].own },
		"prog":    func(a *node) string { return a.shards[0].progress },
		"due":     func(a *node) string { return a.shards[0].serviceKeys.due[0] },
		"idle":    func(a *node) string { return a.shards[0].idle[1] },
		"cell":    func(a *node) string { return a.shards[0].cell("sum", "k") },
		"dl":      func(a *node) string { return a.shards[0].delayed },
		"dlp":     func(a *node) string { return a.shards[0].delayedEntries },
		"load":    func(a *node) string { return a.keys.load() },
		"letters": func(a *node) string { return a.keys.letters("svc") },
		"bell":    func(a *node) string { return a.keys.bell() },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			y := newYard(t)
			a := y.node("a", loose("mail"), strict("sum"))
			a.publish("k", "1", "2")
			ds := a.pull(1, "1")
			retry := a.retry(ds[0], 0, 1, time.Minute) // mail
			sum := a.changed(ds[0], 1, 0)              // sum, with a change and an effect
			sum.Emitted = a.done(ds[0], 1, "1").Emitted
			where := key(a)
			y.overwrite(where)
			before := y.photo()
			ss := []spine.Settlement{retry, sum}
			if name == "letters" {
				ss[0].Kind, ss[0].Letter = spine.Dead, &supervision.DeadLetter{Organ: "mail", Reason: actors.KindPermanent}
			}
			answers, err := a.Settle(y.soon(), ss)
			if err == nil {
				assert.Equal(t, spine.Lost, answers[0].Code)
				_, err = a.attempt(spine.Want{Events: 10})
			}
			assert.Equal(t, y.without(a, before), y.without(a, y.photo()), "nothing is half written")
			require.ErrorIs(t, err, spine.ErrStoreLost)
			assert.ErrorContains(t, err, where)
		})
	}
	for name, key := range map[string]func(a *node) string{
		"in":   func(a *node) string { return a.shards[0].in },
		"dl":   func(a *node) string { return a.shards[0].delayed },
		"dlp":  func(a *node) string { return a.shards[0].delayedEntries },
		"load": func(a *node) string { return a.keys.load() },
		"bell": func(a *node) string { return a.keys.bell() },
		"pub": func(a *node) string {
			lane := <-a.lanes.free
			for range publishers - 1 {
				<-a.lanes.free
			}
			a.lanes.free <- lane // the only one
			return a.keys.publisher(lane.id)
		},
		"dd": func(a *node) string { return a.shards[0].ids(a.bucket()) },
	} {
		t.Run("publish "+name, func(t *testing.T) {
			t.Parallel()
			y := newYard(t)
			a := y.node("a", loose("mail"))
			where := key(a)
			y.overwrite(where)
			before := y.photo()
			var evs []actors.Event
			for _, p := range []actors.Payload{step{"k", "1"}, actors.After(time.Hour, step{"k", "2"}), actors.With(step{"k", "3"}, chosen(t, id))} {
				ev, err := y.stamper.Root(p, y.clock())
				require.NoError(t, err)
				evs = append(evs, ev)
			}
			_, err := a.Publish(y.soon(), evs)
			assert.Equal(t, before, y.photo(), "nothing is half written")
			require.Error(t, err)
			assert.ErrorContains(t, err, where)
		})
	}
}

func chosen(t *testing.T, text string) actors.ID {
	id, err := actors.ParseID(text)
	require.NoError(t, err)
	return id
}

// without is a photo apart from the lease, which the owner may have taken again.
func (y *yard) without(n *node, p photo) photo {
	p = maps.Clone(p)
	delete(p, n.shards[0].own)
	return p
}

// overwrite puts a list where one of our keys is.
func (y *yard) overwrite(key string) {
	y.Helper()
	pipe := y.server.Client().TxPipeline()
	pipe.Del(y.soon(), key)
	pipe.RPush(y.soon(), key, strings.Repeat("x", 10))
	_, err := pipe.Exec(y.soon())
	require.NoError(y, err)
}
