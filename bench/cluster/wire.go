package cluster

import (
	"time"

	"github.com/necrostack/necrostack/bench/latency"
	"github.com/necrostack/necrostack/bench/load"
)

// A node process has its orders in the environment, requests come on its standard input, one JSON value each, and
// what it says goes to its standard output. It ends with its input.

// variable holds the orders of a process that is to be a node.
const variable = "NECROSTACK_BENCH_NODE"

// orders are what a node process is told when it starts.
type orders struct {
	Addr   string        `json:"addr"` // of redis-server
	Name   string        `json:"name"`
	Shards int           `json:"shards"`
	Lease  time.Duration `json:"lease"`
	Relay  load.Relay    `json:"relay"`
}

// request is something that a node process is asked for; it has one reply.
type request struct {
	Do   string        `json:"do"`
	Keys []string      `json:"keys,omitempty"` // of ask
	For  time.Duration `json:"for,omitempty"`  // of ask
}

// What can be asked for.
const (
	doStatus = "status" // Status
	doMark   = "mark"   // forget which shards have settled something; Status
	doAsk    = "ask"    // ask cells of these keys, one after the other, for so long; Asked
)

// said is what a node process says: one of these.
type said struct {
	Done   int64   `json:"done,omitempty"` // starts, since it has last said so
	Status *Status `json:"status,omitempty"`
	Asked  *Asked  `json:"asked,omitempty"`
	Error  string  `json:"error,omitempty"` // in place of a reply
	Left   *Status `json:"left,omitempty"`  // unasked, when it has left the cluster
}

// Status is how a node process is.
type Status struct {
	Serving bool          `json:"serving"`
	Settled bool          `json:"settled"` // it owns what the plan gives it
	Members int           `json:"members"` // of the plan
	Owned   []int         `json:"owned"`
	CPU     time.Duration `json:"cpu"`   // processor time so far
	Acked   int64         `json:"acked"` // events so far
	First   []time.Time   `json:"first"` // by shard: the first event settled here since the mark
	Last    []time.Time   `json:"last"`  // by shard: the last event settled here
}

// Asked is what became of questions.
type Asked struct {
	latency.Quantiles
	Errors int64 `json:"errors"`
}
