// Package cluster measures nodes of a cluster: processes of their own (this program, started again) that share the work of one
// redis-server. What they cost per event, alone and several; what they cost when there is nothing to do; how long a shard is without
// an owner when a node is killed, leaves or joins; and what a question for a cell costs, on the node that has it and on another.
//
//	who measures ──► redis-server ◄── node-1, node-2, …
//	     │  publishes, asks it what it has done
//	     └─► each node's standard input and output: how far it is, what it has used
//
// On few cores more nodes are not faster, and are not meant to be: what counts is processor time per event, of the nodes and of the
// server, and that it does not grow. Rounds are interleaved; each has a server and processes of its own.
package cluster

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/necrostack/necrostack/bench/load"
	"github.com/necrostack/necrostack/spine/redisstream"
)

// The parts of the measurement.
const (
	Throughput = "throughput"
	Idle       = "idle"
	Beats      = "beats"
	Takeover   = "takeover"
	Asking     = "ask"
)

// Parts are all of them.
var Parts = []string{Throughput, Idle, Beats, Takeover, Asking}

// Config says how to measure.
type Config struct {
	Rounds   int           `json:"rounds"`      // of everything but takeovers
	Duration time.Duration `json:"duration_ns"` // about what a round takes, as many events as there can be, and a stretch of questions
	Rate     float64       `json:"rate"`        // starts per second where they have their times
	Rest     time.Duration `json:"rest_ns"`     // of a round in which nothing is to do
	Changes  int           `json:"changes"`     // how many nodes are killed, and how many leave
	Shards   int           `json:"shards"`
	Many     int           `json:"many"`           // shards where there are to be many
	Lease    time.Duration `json:"lease_ns"`       // the default, where nobody dies
	Short    time.Duration `json:"short_lease_ns"` // where somebody does
	Nodes    []int         `json:"nodes"`          // ascending
	Parts    []string      `json:"parts"`
}

// Defaults is what counts.
var Defaults = Config{
	Rounds: 3, Duration: time.Second, Rate: 1000, Rest: 3 * time.Second, Changes: 6, Shards: 64, Many: 1024,
	Lease: redisstream.DefaultLease, Short: 2 * time.Second, Nodes: []int{1, 2, 4}, Parts: Parts,
}

// Quick is c in seconds: shows that it runs, not how fast.
func (c Config) Quick() Config {
	c.Rounds, c.Duration, c.Rest, c.Changes, c.Many, c.Nodes = 1, 50*time.Millisecond, 200*time.Millisecond, 1, 128, []int{1, 2}
	c.Lease, c.Short = 600*time.Millisecond, 600*time.Millisecond
	return c
}

func (c Config) has(part string) bool { return slices.Contains(c.Parts, part) }

const (
	// window is starts in flight, as of the chain on one process, and batch how many are published at a time.
	window = 4096
	batch  = 256
	// keysPerShard is enough for shards to have about the same.
	keysPerShard = 16
	places       = 4
)

// Result is what was measured.
type Result struct {
	Config  Config   `json:"config"`
	Server  string   `json:"server"`             // version of redis-server
	Loads   []Row    `json:"loads,omitempty"`    // events
	Idles   []Row    `json:"idles,omitempty"`    // nothing to do
	Beats   []Beat   `json:"beats,omitempty"`    // of members
	Changes []Change `json:"changes,omitempty"`  // of members, and what became of their shards
	Asks    []AskRow `json:"ask_rows,omitempty"` // questions
}

// Run measures. progress is told what is about to happen.
func Run(ctx context.Context, c Config, progress func(string)) (Result, error) {
	r := Result{Config: c}
	for _, part := range []struct {
		name string
		run  func(context.Context, func(string)) error
	}{
		{Throughput, r.load}, {Idle, r.idle}, {Beats, r.beat}, {Takeover, r.change}, {Asking, r.ask},
	} {
		if !c.has(part.name) {
			continue
		}
		if err := part.run(ctx, progress); err != nil {
			return r, fmt.Errorf("cluster: %s: %w", part.name, err)
		}
	}
	return r, nil
}

// Row is a setting and its rounds.
type Row struct {
	Setting
	Kind   Kind   `json:"kind"`
	Cold   []Cost `json:"cold,omitempty"`   // the first event of each key, beginnings of processes and of streams with them
	Rounds []Cost `json:"rounds,omitempty"` // as many events as there can be, or nothing to do
	Paced  []Cost `json:"paced,omitempty"`  // starts that have their times
}

// Kind is what a row is for.
type Kind string

// The kinds.
const (
	Stateless Kind = "stateless" // a chain
	Keyed     Kind = "keyed"     // a chain of keyed organs
	Fanned    Kind = "fanned"    // several organs for each event
	Spread    Kind = "spread"    // Stateless, on many shards
	Resting   Kind = "resting"
)

func (c Config) setting(name string, nodes, shards int, relay load.Relay) Setting {
	return Setting{Name: name, Nodes: nodes, Shards: shards, Lease: c.Lease, Relay: relay}
}

// turns lets each row have its turn in each round. Each round begins with another one.
func turns(rounds, rows int, progress func(round, row int), turn func(row int) error) error {
	for round := range rounds {
		for k := range rows {
			i := (k + round) % rows
			progress(round, i)
			if err := turn(i); err != nil {
				return err
			}
		}
	}
	return nil
}
