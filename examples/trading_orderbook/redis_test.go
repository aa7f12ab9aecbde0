package main

import (
	"context"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/necrostack/necrostack/spine/redisstream/redistest"
)

func onRedis(t *testing.T) []string {
	t.Helper()
	return []string{"--redis", redistest.SharedServer(t).URL(), "--namespace", redistest.Namespace(t)}
}

func TestSampleOnRedisSaysTheSameAndIsEnteredOnce(t *testing.T) {
	t.Parallel()
	store := onRedis(t)
	first := play(t, "", store...)
	require.NoError(t, first.failure)
	assert.Contains(t, first.out, "343 events settled")
	assert.NotContains(t, first.out, "in the store before")
	second := play(t, "", store...)
	require.NoError(t, second.failure)
	assert.Contains(t, second.out, "64 orders were in the store before and are not entered again")
	assert.Contains(t, second.out, "0 events settled, 0 attempts retried, 2 dead letters")
}

// What somebody else appends is no event: it is a dead letter that has none, and is listed like the others.
func TestAnEntryThatIsNoEventIsListedAsADeadLetter(t *testing.T) {
	t.Parallel()
	server, namespace := redistest.SharedServer(t), redistest.Namespace(t)
	store := []string{"--redis", server.URL(), "--namespace", namespace}
	require.NoError(t, play(t, "", store...).failure)
	require.NoError(t, server.Client().XAdd(t.Context(), &redis.XAddArgs{Stream: "{" + namespace + ":0}:in", Values: []any{"foo", "bar"}}).Err())
	p := play(t, "", store...)
	require.NoError(t, p.failure)
	assert.Contains(t, p.out, "Dead letters (3)")
	p = play(t, "dead\nquit\n", append(store, "--interactive")...)
	require.NoError(t, p.failure)
	id := regexp.MustCompile(`(?m)^ *(\S+)  _bad `).FindStringSubmatch(p.out)
	require.NotNil(t, id, p.out)
	p = play(t, "show "+id[1]+"\nretry "+id[1]+"\nquit\n", append(store, "--interactive")...)
	require.NoError(t, p.failure)
	assert.Contains(t, p.out, "its event cannot be read")
}

func TestInterruptedRunOnRedisGoesOn(t *testing.T) {
	t.Parallel()
	store := onRedis(t)
	ctx, interrupt := context.WithCancel(t.Context())
	defer interrupt()
	p := begin(ctx, strings.NewReader(""), append(store, "--outage", "1h")...)
	p.until(t, `waiting for .* events: the breaker of Settlement is`)
	interrupt()
	_, err := p.rest()
	require.ErrorContains(t, err, "the next run goes on with them")
	next := play(t, "", store...)
	require.NoError(t, next.failure)
	assert.Regexp(t, `2\d events of an earlier run, going on with them`, next.out)
	assert.Contains(t, next.out, "19 trades settled, 1 refused", "what had to wait")
}

func TestOrderOfAnEarlierSessionIsCancelled(t *testing.T) {
	t.Parallel()
	store := append(onRedis(t), "--interactive")
	audit := filepath.Join(t.TempDir(), "audit.jsonl")
	first := play(t, "BUY 7 AAPL @ 139\n", store...)
	require.NoError(t, first.failure)
	id := regexp.MustCompile(`[a-z2-7]{4}-1\b`).FindString(first.out)
	require.NotEmpty(t, id, first.out)
	second := play(t, "CANCEL "+id+"\nCANCEL nobody\n", append(store, "--audit", audit)...)
	require.NoError(t, second.failure)
	assert.Contains(t, second.out, "7 cancelled (USER)")
	assert.Contains(t, second.out, `no order has the number "nobody"`)
	assert.NotContains(t, second.out, "another depth")
	verified := play(t, "", "verify", audit)
	require.NoError(t, verified.failure, verified.out)
	assert.Contains(t, verified.out, "goes on after 3 events of earlier runs")
}

func TestStressOnRedisKeepsItsOwnBooks(t *testing.T) {
	t.Parallel()
	store := append(onRedis(t), "--stress", "--orders", "500", "--symbols", "2")
	for range 2 { // the second one finds what the first has left in the books
		p := play(t, "", store...)
		require.NoError(t, p.failure, p.out)
		assert.Contains(t, p.out, "The books agree")
	}
}
