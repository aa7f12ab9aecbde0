package redisstream

import (
	"slices"
	"strings"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/necrostack/necrostack/actors"
	"github.com/necrostack/necrostack/spine"
)

// check runs every service to its end, and requires that nothing is lost, doubled, or out of order.
func (r *relocation) check() {
	r.Helper()
	publisher := r.operator(r.shards)
	for page := range slices.Chunk(r.events, 50) {
		answers, err := publisher.Publish(r.soon(), page)
		require.NoError(r, err)
		for _, a := range answers {
			require.Equal(r, spine.Duplicate, a.Code)
		}
	}
	r.advance(2 * time.Hour)
	for _, service := range r.services {
		n := r.serve(service)
		if len(n.service.Organs) > 1 {
			require.Equal(r, r.cells[service], r.load(n), "cells of %s", service)
		}
		r.drain(n)
		require.Empty(r, r.left[service], "what did not come to %s", service)
		count, _, err := n.Count(r.soon())
		require.NoError(r, err)
		require.Equal(r, r.letters[service], count, "dead letters of %s", service)
		log, err := n.Backlog(r.soon())
		require.NoError(r, err)
		require.Equal(r, spine.Backlog{DeadLetters: count, Delayed: log.Delayed, NextDelayed: log.NextDelayed}, log, "backlog of %s", service)
		r.close(n)
	}
	r.checkEffects()
	r.checkKeys()
}

// drain finishes all that comes.
func (r *relocation) drain(n *node) {
	r.Helper()
	service, at := n.service.Name, map[string]int{}
	for {
		ds, err := n.attempt(spine.Want{Events: 40})
		require.NoError(r, err)
		if len(ds) == 0 {
			return
		}
		for _, d := range ds {
			text := texts([]spine.Delivery{d})[0]
			for organ, attempts := range r.todo(n, d) {
				what := n.service.Organs[organ].Name + " " + text
				expected, known := r.left[service][what]
				require.True(r, known, "%s comes to %s again", what, service)
				require.Equal(r, expected, attempts, "attempts of %s at %s", service, what)
				delete(r.left[service], what)
				if organ == 1 {
					require.Less(r, at[d.Event.Key()], 1+r.place[text], "%s comes before its turn", what)
					at[d.Event.Key()] = 1 + r.place[text]
				}
				require.Equal(r, []spine.AnswerCode{spine.Settled}, n.settle(r.once(n, d, organ)))
			}
		}
	}
}

// once is done, but what a rewound service has emitted before is not expected a second time.
func (r *relocation) once(n *node, d spine.Delivery, organ int) spine.Settlement {
	before := len(r.effects)
	x := r.done(n, d, organ)
	if len(r.effects) > before && (r.hushed[r.effects[before]] || slices.Contains(r.effects[:before], r.effects[before])) {
		r.effects = r.effects[:before]
	}
	return x
}

// generation is that of the store's keys.
func (r *relocation) generation() string {
	return r.server.Client().HGet(r.soon(), r.keys.meta(), "generation").Val()
}

// checkEffects requires that each effect is there once, in the shard of its key.
func (r *relocation) checkEffects() {
	r.Helper()
	var found []string
	for i := range r.shards {
		s := r.keys.shardIn(r.generation(), i)
		entries := r.server.Client().HGetAll(r.soon(), s.delayedEntries).Val()
		require.Len(r, r.server.Client().ZRange(r.soon(), s.delayed, 0, -1).Val(), max(len(entries)-1, 0))
		for number, kept := range entries {
			if number == "#" {
				continue
			}
			ev, err := decodeEntry(entryWords(kept))
			require.NoError(r, err)
			if ev.HasKey() {
				require.Equal(r, i, ev.Shard(r.shards), "shard of %s", ev.Key())
			}
			e, err := actors.Decode[effect](ev)
			require.NoError(r, err)
			found = append(found, e.Text)
		}
	}
	slices.Sort(found)
	slices.Sort(r.effects)
	require.Equal(r, r.effects, found)
}

// checkKeys requires that nothing is left of other generations, but what keeps late requests from an old stream.
func (r *relocation) checkKeys() {
	r.Helper()
	client, ctx := r.server.Client(), r.soon()
	scan := client.Scan(ctx, 0, "{"+r.yard.keys.ns+":*", 1000).Iterator()
	for scan.Next(ctx) {
		tag, rest, _ := strings.Cut(scan.Val(), "}:")
		_, generation, _ := strings.Cut(tag[strings.LastIndex(tag, ":"):], ".")
		if generation == r.generation() {
			continue
		}
		assert.Equal(r, "in", rest, scan.Val())
		assert.Equal(r, "string", client.Type(ctx, scan.Val()).Val(), scan.Val())
		assert.Positive(r, client.PTTL(ctx, scan.Val()).Val())
	}
	require.NoError(r, scan.Err())
}
