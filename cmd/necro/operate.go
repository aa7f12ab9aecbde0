package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/necrostack/necrostack/cluster"
	"github.com/necrostack/necrostack/spine"
	"github.com/necrostack/necrostack/spine/redisstream"
)

type nodeLine struct {
	ID      string   `json:"id"`
	Member  bool     `json:"member"` // false: it holds shards without being one
	Weight  float64  `json:"weight"`
	Leaving bool     `json:"leaving"`
	Plan    uint64   `json:"plan"`
	Shards  []int    `json:"shards"`
	Organs  []string `json:"organs"`
}

// memberRecord is what package cluster writes for a member, as far as it is shown here.
type memberRecord struct {
	Weight  float64  `json:"weight"`
	Leaving bool     `json:"leaving"`
	Plan    uint64   `json:"plan"`
	Organs  []string `json:"organs"`
}

// nodes lists the members of a service, and who holds shards without being one. Shards are told by the name of the node: those of
// several nodes of one name stand with each.
func nodes(ctx context.Context, v *invocation, b *redisstream.Backend) error {
	_, s, err := lookAt(ctx, b, v.words[1])
	if err != nil {
		return err
	}
	members, _, err := b.Beat(ctx, s.Name, "", "")
	if err != nil {
		return err
	}
	held := map[string][]int{}
	for _, x := range s.Shards {
		if x.Node != "" {
			held[x.Node] = append(held[x.Node], x.Shard)
		}
	}
	lines := []nodeLine{}
	for id, text := range members {
		var r memberRecord
		if err := json.Unmarshal([]byte(text), &r); err != nil {
			return fmt.Errorf("the record of node %q cannot be read: %w", id, err)
		}
		lines = append(lines, nodeLine{id, true, r.Weight, r.Leaving, r.Plan, held[cluster.NameOf(id)], r.Organs})
	}
	for _, line := range lines {
		delete(held, cluster.NameOf(line.ID))
	}
	for name, shards := range held {
		lines = append(lines, nodeLine{ID: name, Shards: shards})
	}
	slices.SortFunc(lines, func(a, b nodeLine) int { return strings.Compare(a.ID, b.ID) })
	t := table{head: []string{"NODE", "MEMBER", "WEIGHT", "LEAVING", "PLAN", "SHARDS", "ORGANS"}, value: lines}
	for _, x := range lines {
		t.row(x.ID, x.Member, x.Weight, x.Leaving, x.Plan, strings.Trim(fmt.Sprint(x.Shards), "[]"), strings.Join(x.Organs, " "))
	}
	return v.show(t)
}

// member is a node that never runs: it speaks for the operator.
func (v *invocation) member(ctx context.Context, b *redisstream.Backend) (*cluster.Node, error) {
	if _, _, err := lookAt(ctx, b, v.words[1]); err != nil {
		return nil, err
	}
	quiet := slog.New(slog.DiscardHandler)
	return cluster.Join(b, []spine.Option{spine.WithService(v.words[1]), spine.WithLogger(quiet)}, cluster.WithLogger(quiet))
}

func pin(ctx context.Context, v *invocation, b *redisstream.Backend) error {
	n, err := v.member(ctx, b)
	if err != nil {
		return err
	}
	if err := n.Pin(ctx, uint32(v.number(2)), v.words[3]); err != nil {
		return err
	}
	return v.done(map[string]any{"pinned": v.number(2), "to": v.words[3]}, "shard %d is pinned to %s", v.number(2), v.words[3])
}

func unpin(ctx context.Context, v *invocation, b *redisstream.Backend) error {
	n, err := v.member(ctx, b)
	if err != nil {
		return err
	}
	if err := n.Unpin(ctx, uint32(v.number(2))); err != nil {
		return err
	}
	return v.done(map[string]any{"unpinned": v.number(2)}, "shard %d is not pinned", v.number(2))
}

func reshard(ctx context.Context, v *invocation, b *redisstream.Backend) error {
	r, err := b.Reshard(ctx, v.number(1))
	if err != nil {
		return err
	}
	return v.done(map[string]any{
		"from": r.From, "to": r.To, "services": r.Services, "entries": r.Entries, "delayed": r.Delayed, "cells": r.Cells,
		"ids": r.IDs, "closed_s": r.Closed.Seconds(),
	}, "from %d to %d shards: %d entries, %d delayed events, %d cells, %d published ids; the store was closed for %v. Programs need WithShards(%d).",
		r.From, r.To, r.Entries, r.Delayed, r.Cells, r.IDs, r.Closed.Round(time.Millisecond), r.To)
}

// done tells what was done.
func (v *invocation) done(value any, format string, args ...any) error {
	if v.json {
		return json.NewEncoder(v.out).Encode(value)
	}
	_, err := fmt.Fprintf(v.out, format+"\n", args...)
	return err
}
