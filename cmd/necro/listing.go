package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/necrostack/necrostack/spine/redisstream"
)

// table is a listing: for people its rows, for machines its value.
type table struct {
	head  []string
	rows  [][]string
	value any
}

func (t *table) row(cells ...any) {
	var words []string
	for _, c := range cells {
		words = append(words, fmt.Sprint(c))
	}
	t.rows = append(t.rows, words)
}

// show writes a listing.
func (v *invocation) show(t table) error {
	if v.json {
		return json.NewEncoder(v.out).Encode(t.value)
	}
	w := tabwriter.NewWriter(v.out, 0, 0, 2, ' ', 0)
	for _, row := range append([][]string{t.head}, t.rows...) {
		if _, err := fmt.Fprintln(w, strings.Join(row, "\t")); err != nil {
			return err
		}
	}
	return w.Flush()
}

// look asks how the store is.
func look(ctx context.Context, b *redisstream.Backend) (redisstream.Health, error) {
	h := b.Health(ctx)
	return h, h.Err
}

// lookAt finds a service.
func lookAt(ctx context.Context, b *redisstream.Backend, name string) (redisstream.Health, redisstream.ServiceHealth, error) {
	h, err := look(ctx, b)
	if err != nil {
		return h, redisstream.ServiceHealth{}, err
	}
	var names []string
	for _, s := range h.Services {
		if s.Name == name {
			return h, s, nil
		}
		names = append(names, s.Name)
	}
	return h, redisstream.ServiceHealth{}, fmt.Errorf("there is no service %q, the store has %q", name, names)
}

type healthLine struct {
	Ready      bool     `json:"ready"`
	Problems   []string `json:"problems,omitempty"`
	Version    string   `json:"version"`
	Role       string   `json:"role"`
	LatencyMS  float64  `json:"latency_ms"`
	AppendOnly bool     `json:"append_only"`
	Memory     int64    `json:"memory_bytes"`
	MaxMemory  int64    `json:"max_memory_bytes"`
	Accepted   int64    `json:"accepted"`
	Shards     int      `json:"shards"`
	Services   int      `json:"services"`
}

var errNotReady = errors.New("the store is not ready")

// health fails where the store does not take or settle events.
func health(ctx context.Context, v *invocation, b *redisstream.Backend) error {
	h, err := look(ctx, b)
	if err != nil {
		return err
	}
	line := healthLine{
		Ready: true, Version: h.Version, Role: h.Role, LatencyMS: float64(h.Latency.Microseconds()) / 1000, AppendOnly: h.AppendOnly,
		Memory: h.Memory, MaxMemory: h.MaxMemory, Accepted: h.Accepted, Shards: len(h.Shards), Services: len(h.Services),
	}
	if err := h.Ready(); err != nil {
		line.Ready, line.Problems = false, strings.Split(err.Error(), "\n")
	}
	t := table{head: []string{"FACT", "VALUE"}, value: line}
	t.row("ready", line.Ready)
	for _, p := range line.Problems {
		t.row("problem", p)
	}
	t.row("redis", line.Version+" "+line.Role)
	t.row("latency", h.Latency.Round(10*time.Microsecond))
	t.row("append-only file", line.AppendOnly)
	t.row("memory", fmt.Sprintf("%.1f MiB", float64(line.Memory)/(1<<20)))
	t.row("events accepted", line.Accepted)
	t.row("shards", line.Shards)
	t.row("services", line.Services)
	if err := v.show(t); err != nil || line.Ready {
		return err
	}
	return errNotReady
}

type serviceLine struct {
	Service     string  `json:"service"`
	Finished    int64   `json:"finished"`
	Backlog     int64   `json:"backlog"`
	Pending     int64   `json:"pending"`
	Deferred    int64   `json:"deferred"`
	OldestS     float64 `json:"oldest_pending_s"`
	DeadLetters int64   `json:"dead_letters"`
}

func services(ctx context.Context, v *invocation, b *redisstream.Backend) error {
	h, err := look(ctx, b)
	if err != nil {
		return err
	}
	lines := []serviceLine{}
	t := table{head: []string{"SERVICE", "FINISHED", "BACKLOG", "PENDING", "DEFERRED", "OLDEST", "LETTERS"}}
	for _, s := range h.Services {
		lines = append(lines, serviceLine{s.Name, s.Finished, s.Backlog, s.Pending, s.Deferred, s.OldestPending.Seconds(), s.DeadLetters})
		t.row(s.Name, s.Finished, s.Backlog, s.Pending, s.Deferred, age(s.OldestPending), s.DeadLetters)
	}
	t.value = lines
	return v.show(t)
}

func age(d time.Duration) string {
	if d == 0 {
		return "-"
	}
	return d.Round(time.Second / 10).String()
}

type shardLine struct {
	Shard    int      `json:"shard"`
	Owner    string   `json:"owner"`
	Epoch    int64    `json:"epoch"`
	Backlog  int64    `json:"backlog"`
	Pending  int64    `json:"pending"`
	Deferred int64    `json:"deferred"`
	OldestS  float64  `json:"oldest_s"`
	Cells    int64    `json:"cells"`
	Share    float64  `json:"share"`
	Hot      bool     `json:"hot"`
	Rate     *float64 `json:"rate_per_s,omitempty"` // from the second look on
}

// shards lists the shards of a service, with --watch again and again until the end.
func shards(ctx context.Context, v *invocation, b *redisstream.Backend) error {
	var before redisstream.Health
	for {
		h, s, err := lookAt(ctx, b, v.words[1])
		if err != nil {
			return endOf(ctx, err)
		}
		rate := h.Rate(before, s.Name)
		if err := v.show(shardTable(s, rate)); err != nil || v.watch == 0 {
			return err
		}
		before = h
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(v.watch):
		}
	}
}

// endOf is no error where somebody has just stopped watching.
func endOf(ctx context.Context, err error) error {
	if errors.Is(ctx.Err(), context.Canceled) {
		return nil
	}
	return err
}

func shardTable(s redisstream.ServiceHealth, rate redisstream.Rate) table {
	lines := []shardLine{}
	t := table{head: []string{"SHARD", "OWNER", "EPOCH", "BACKLOG", "PENDING", "DEFERRED", "OLDEST", "CELLS", "SHARE", "RATE/S", ""}}
	for i, x := range s.Shards {
		line := shardLine{
			Shard: x.Shard, Owner: x.Node, Epoch: x.Epoch, Backlog: x.Backlog(), Pending: x.Pending, Deferred: x.Deferred,
			OldestS: x.Oldest.Seconds(), Cells: x.Cells, Share: s.Share(i), Hot: isHot(s, i),
		}
		owner, speed, mark := x.Node, "-", ""
		if owner == "" {
			owner = "-"
		}
		if i < len(rate.Shards) && rate.Shards[i] >= 0 {
			line.Rate, speed = &rate.Shards[i], fmt.Sprintf("%.1f", rate.Shards[i])
		}
		if line.Hot {
			mark = "hot"
		}
		lines = append(lines, line)
		t.row(x.Shard, owner, x.Epoch, line.Backlog, x.Pending, x.Deferred, age(x.Oldest), x.Cells, fmt.Sprintf("%.0f%%", 100*line.Share), speed, mark)
	}
	t.value = lines
	return t
}

// A shard is called hot when it has this many times its part of the backlog, and more than a few entries.
const (
	hotTimes = 3
	hotLeast = 100
)

func isHot(s redisstream.ServiceHealth, shard int) bool {
	return len(s.Shards) > 1 && s.Shards[shard].Backlog() >= hotLeast &&
		s.Share(shard) >= min(float64(hotTimes)/float64(len(s.Shards)), 0.9)
}
