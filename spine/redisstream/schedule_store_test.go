package redisstream

import (
	"maps"
	"slices"
	"strings"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/necrostack/necrostack/actors"
)

// facts is what the store has of shard 0, as far as schedules can tell it apart.
type facts struct {
	Commit, Pull string
	Pending      map[string][]string // by consumer: texts of the entries
	Progress     int                 // entries with progress
	Due          int                 // deferred entries, over all organs
	Changes      map[string]string   // cell -> number of changes
	Effects      []string            // that were emitted
	Letters      int
	Unsettled    int // accepted steps less those that the service has finished
}

// facts reads them for the service "svc".
func (y *yard) facts(organs ...string) facts {
	y.Helper()
	ctx, client := y.soon(), y.server.Client()
	k, s := y.keys.shard(0), y.keys.shard(0).of("svc", organs)
	own, err := client.HGetAll(ctx, s.own).Result()
	require.NoError(y, err)
	f := facts{Commit: own["c"], Pull: own["p"], Pending: map[string][]string{}, Changes: map[string]string{}}
	entries, err := client.XRange(ctx, k.in, "-", "+").Result()
	require.NoError(y, err)
	said := map[string]string{}
	for _, e := range entries {
		ev, err := decodeEntry([]string{fieldEnvelope, e.Values[fieldEnvelope].(string)})
		require.NoError(y, err)
		said[e.ID] = word(ev)
	}
	f.Effects = y.effects()
	for _, p := range y.pending("svc") {
		f.Pending[p.Consumer] = append(f.Pending[p.Consumer], said[p.ID])
	}
	f.Progress = int(client.HLen(ctx, s.progress).Val())
	for _, due := range s.due {
		f.Due += int(client.ZCard(ctx, due).Val())
	}
	for _, key := range y.all() {
		if cell, found := strings.CutPrefix(key, s.cells); found {
			f.Changes[cell] = client.HGet(ctx, key, "n").Val()
		}
	}
	f.Letters = int(client.XLen(ctx, y.keys.letters("svc")).Val())
	load := client.HMGet(ctx, y.keys.load(), "in", "a:svc").Val()
	f.Unsettled = int(parseNumber(text(load[0]))-parseNumber(text(load[1]))) - len(f.Effects)
	return f
}

// effects lists what was emitted, in order. It is due long after the test.
func (y *yard) effects() []string {
	y.Helper()
	entries, err := y.server.Client().HGetAll(y.soon(), y.keys.shard(0).delayedEntries).Result()
	require.NoError(y, err)
	delete(entries, "#") // counts them
	var all []string
	for _, number := range slices.Sorted(maps.Keys(entries)) {
		field, value, _ := strings.Cut(entries[number], " ")
		ev, err := decodeEntry([]string{field, value})
		require.NoError(y, err)
		all = append(all, word(ev))
	}
	return all
}

func word(ev actors.Event) string {
	if s, err := actors.Decode[step](ev); err == nil {
		return s.Text
	}
	if s, err := actors.Decode[effect](ev); err == nil {
		return s.Text
	}
	return ev.Type()
}

// pending lists what is pending in shard 0, in the order of the stream.
func (y *yard) pending(service string) []redis.XPendingExt {
	y.Helper()
	all, err := y.server.Client().XPendingExt(y.soon(), &redis.XPendingExtArgs{
		Stream: y.keys.shard(0).in, Group: service, Start: "-", End: "+", Count: 100_000,
	}).Result()
	require.NoError(y, err)
	return all
}

// all lists the keys of the store.
func (y *yard) all() []string {
	y.Helper()
	var keys []string
	for _, pattern := range []string{y.keys.ns + ":*", "{" + y.keys.ns + ":*"} {
		found, err := y.server.Client().Keys(y.soon(), pattern).Result()
		require.NoError(y, err)
		keys = append(keys, found...)
	}
	slices.Sort(keys)
	return keys
}

// photo is the whole store at one instant.
type photo map[string]string

func (y *yard) photo() photo {
	y.Helper()
	p := photo{}
	for _, key := range y.all() {
		dump, err := y.server.Client().Dump(y.soon(), key).Result()
		require.NoError(y, err)
		p[key] = dump
	}
	return p
}

// rollBack makes the store what it was, in one instant, as a server does that dies and loses the end of its file. No
// connection breaks: nobody can notice it by that.
func (y *yard) rollBack(p photo) {
	y.Helper()
	_, err := y.server.Client().TxPipelined(y.soon(), func(pipe redis.Pipeliner) error {
		pipe.Del(y.soon(), y.all()...)
		for _, key := range slices.Sorted(maps.Keys(p)) {
			pipe.Restore(y.soon(), key, 0, p[key])
		}
		return nil
	})
	require.NoError(y, err)
}

// finished requires that all of service "svc" is settled, with these effects, in this order.
func (y *yard) finished(organs []string, effects ...string) {
	y.Helper()
	f := y.facts(organs...)
	require.Empty(y, f.Pending)
	require.Zero(y, f.Progress)
	require.Zero(y, f.Due)
	require.Equal(y, effects, f.Effects)
}
