package main

import (
	"log/slog"
	"regexp"
	"testing"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/necrostack/necrostack/examples/console"
	"github.com/necrostack/necrostack/spine/redisstream/redistest"
)

func TestRequestsOnRedisAreSentOnce(t *testing.T) {
	t.Parallel()
	store := []string{"--redis", redistest.SharedServer(t).URL(), "--namespace", redistest.Namespace(t)}
	first := play(t, "", store...)
	require.NoError(t, first.failure)
	assert.Contains(t, first.out, "52 events settled")
	second := play(t, "", store...)
	require.NoError(t, second.failure)
	assert.Contains(t, second.out, "8 requests were in the store before and are not sent again")
	assert.Contains(t, second.out, "0 events settled, 0 attempts retried, 4 dead letters")
}

// TestRequestOfThePythonOriginalIsSent appends an event as the Python program does: one field, its own JSON.
func TestRequestOfThePythonOriginalIsSent(t *testing.T) {
	t.Parallel()
	server, namespace := redistest.SharedServer(t), redistest.Namespace(t)
	store := console.Store{Redis: server.URL(), Namespace: namespace, Service: service}
	backend, err := store.Open(t.Context(), room, slog.New(&lines{}))
	require.NoError(t, err)
	r := build(t, localOptions{}, func(p *parts) { p.backend = backend })
	r.run(t) // the service is known from now on
	require.NoError(t, server.Client().XAdd(t.Context(), &redis.XAddArgs{Stream: "{" + namespace + ":0}:in", Values: []any{
		"event", `{"id": "0b8f7c5e-5f0b-4c9e-9d62-0c9d3d1a7e11", "timestamp": "2026-01-31T12:00:00.123456+00:00", ` +
			`"event_type": "NOTIFICATION_REQUESTED", "payload": {"user_id": "alice", "channels": ["email", "sms"], ` +
			`"message": "Ol\u00e1", "priority": "normal"}}`,
	}}).Err())
	r.run(t)
	assert.Empty(t, r.dead(t))
	assert.Len(t, r.rows(t), 2)
	assert.Len(t, r.settled(t, "EMAIL_DELIVERED"), 1)
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
	assert.Contains(t, p.out, "Dead letters (5)")
	p = play(t, "dead\nquit\n", append(store, "--interactive")...)
	require.NoError(t, p.failure)
	id := regexp.MustCompile(`(?m)^ *(\S+)  _bad `).FindStringSubmatch(p.out)
	require.NotNil(t, id, p.out)
	p = play(t, "show "+id[1]+"\nretry "+id[1]+"\nquit\n", append(store, "--interactive")...)
	require.NoError(t, p.failure)
	assert.Contains(t, p.out, "its event cannot be read")
}
