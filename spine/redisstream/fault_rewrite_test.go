package redisstream

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/necrostack/necrostack/actors"
	"github.com/necrostack/necrostack/spine"
	"github.com/necrostack/necrostack/spine/redisstream/redistest"
	"github.com/necrostack/necrostack/supervision"
)

// A server that takes some milliseconds for each key when it rewrites its file can be killed while it does.
func rewriter(t *testing.T, opts ...redistest.Option) *redistest.Server {
	return redistest.Start(t, append(opts, redistest.AOF("always"),
		redistest.Conf("rdb-key-save-delay", "4000"), redistest.Conf("auto-aof-rewrite-percentage", "0"))...)
}

// rewrite begins to rewrite the file, and waits for the end if there is to be one.
func rewrite(t *testing.T, server *redistest.Server, toTheEnd bool) {
	t.Helper()
	before, drafts := server.AOFPath(), draftsOf(t, server)
	require.NoError(t, server.Client().BgRewriteAOF(t.Context()).Err())
	// The process that writes has let go of the port when it has begun: it outlives a server that is killed.
	require.Eventually(t, func() bool {
		if !toTheEnd {
			return len(draftsOf(t, server)) > len(drafts)
		}
		facts := infoFacts(server.Client().Info(t.Context(), "persistence").Val())
		return facts["aof_rewrite_in_progress"] == "0"
	}, 20*time.Second, time.Millisecond)
	if toTheEnd {
		require.NotEqual(t, before, server.AOFPath())
	}
}

// draftsOf are the files that rewrites have begun and not brought to their end.
func draftsOf(t *testing.T, server *redistest.Server) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(server.Dir(), "temp-rewriteaof-*.aof"))
	require.NoError(t, err)
	return files
}

// fall kills the server and starts it again.
func fall(t *testing.T, server *redistest.Server) {
	t.Helper()
	server.Kill()
	server.Restart()
	// Connections to the server before are found to be closed.
	require.Eventually(t, func() bool { return server.Client().Ping(t.Context()).Err() == nil }, 20*time.Second, time.Millisecond)
}

// What a rewritten file says is not how it came about. It has to be the same.
func TestAFileThatIsRewrittenHoldsAllThatTheServerHeld(t *testing.T) {
	t.Parallel()
	for _, preamble := range []string{"yes", "no"} {
		t.Run("preamble="+preamble, func(t *testing.T) {
			t.Parallel()
			y := newYardOn(t, rewriter(t, redistest.Conf("aof-use-rdb-preamble", preamble)))
			a := y.node("a", loose("mail"), strict("sum"))
			for i := range 5 {
				y.leaveOneOfEach(a, i)
				rewrite(t, y.server, i%2 == 0)
				a.publish("other", "behind the rewrite")
				before := y.image()
				fall(t, y.server)
				require.Equal(t, before, y.image())
			}
			f := y.facts("mail", "sum")
			assert.Len(t, f.Pending["o"], 5, "in hand")
			assert.Len(t, f.Pending["d"], 5, "deferred")
			assert.Equal(t, map[string]string{"3:sum:k": "5"}, f.Changes)
			assert.Equal(t, 5, f.Letters)
		})
	}
}

// leaveOneOfEach leaves something of each kind in the store: a change of a cell with an effect, what is deferred,
// what is done in part, a dead letter, and what is in hand.
func (y *yard) leaveOneOfEach(a *node, round int) {
	y.Helper()
	a.publish("k", fmt.Sprint("changed ", round), fmt.Sprint("dead ", round), fmt.Sprint("in hand ", round))
	var ds []spine.Delivery
	for len(ds) < 3 {
		switch d := y.next(a); {
		case d.Event.Key() == "other":
			require.Equal(y, []spine.AnswerCode{spine.Settled, spine.Settled}, a.settle(a.done(d, 0), a.done(d, 1)))
		case strings.HasSuffix(texts([]spine.Delivery{d})[0], fmt.Sprint(" ", round)):
			ds = append(ds, d)
		default: // it was in hand before
		}
	}
	sum := a.changed(ds[0], 1, uint64(round))
	sum.Emitted = a.done(ds[0], 1, "changed").Emitted
	letter := a.done(ds[1], 0)
	letter.Kind, letter.Letter = spine.Dead, &supervision.DeadLetter{Organ: "mail", Reason: actors.KindPermanent, Event: ds[1].Event}
	codes := a.settle(sum, a.retry(ds[0], 0, 1, time.Hour), letter, a.done(ds[1], 1), a.done(ds[2], 0))
	require.Equal(y, []spine.AnswerCode{spine.Settled, spine.Settled, spine.Settled, spine.Settled, spine.Settled}, codes)
}

// next is the next delivery. Who has seen that the server was started again takes its shards anew.
func (y *yard) next(a *node) spine.Delivery {
	y.Helper()
	for range 100 {
		a.owns()
		ds, err := a.attempt(spine.Want{Events: 1})
		require.NoError(y, err)
		if len(ds) > 0 && !ds[0].Lost {
			return ds[0]
		}
	}
	require.FailNow(y, "there is nothing")
	return spine.Delivery{}
}

// image is all that the store says, whatever form the server keeps it in.
func (y *yard) image() map[string]any {
	y.Helper()
	ctx, client, all := y.soon(), y.server.Client(), map[string]any{}
	for _, key := range y.all() {
		kind, err := client.Type(ctx, key).Result()
		require.NoError(y, err)
		switch kind {
		case "hash":
			all[key] = client.HGetAll(ctx, key).Val()
		case "zset":
			all[key] = client.ZRangeWithScores(ctx, key, 0, -1).Val()
		case "stream":
			all[key] = y.streamImage(key)
		default:
			require.Failf(y, "no image", "%s is a %s", key, kind)
		}
		require.NotEmpty(y, all[key], key)
		all[key+" ends"] = client.PExpireTime(ctx, key).Val()
	}
	return all
}

// streamImage is a stream with its groups and all that is pending, and whose it is. When somebody read something again, and how often,
// the server does not keep, not even without a rewrite.
func (y *yard) streamImage(key string) redis.XInfoStreamFull {
	y.Helper()
	full, err := y.server.Client().XInfoStreamFull(y.soon(), key, 0).Result()
	require.NoError(y, err)
	full.RadixTreeKeys, full.RadixTreeNodes = 0, 0
	for i := range full.Groups {
		g := &full.Groups[i]
		g.EntriesRead, g.Lag = 0, 0
		for k := range g.Pending {
			g.Pending[k].DeliveryTime, g.Pending[k].DeliveryCount = time.Time{}, 0
		}
		for k := range g.Consumers {
			c := &g.Consumers[k]
			c.SeenTime, c.ActiveTime, c.Pending = time.Time{}, time.Time{}, nil // the group has them
		}
	}
	return *full
}

func TestAServerThatIsKilledWhileItRewritesItsFileLosesNothing(t *testing.T) {
	t.Parallel()
	p := newPlant(t, rewriter(t))
	w := p.work(p.server.URL(), p.organs())
	for i := range 5 {
		stop := until(func() { w.orders(20) })
		rewrite(t, p.server, i%2 == 1)
		fall(t, p.server)
		stop()
	}
	w.check()
}
