package chaos_test

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/necrostack/necrostack/spine/redisstream/redistest"
)

// fault is one way of doing harm. do returns what ends it, and after how long; an end of nil is none.
type fault struct {
	name   string
	weight int // among the random ones
	do     func(*round) (end func(), after time.Duration)
}

// The names under which the report counts them.
const (
	nodeKill      = "nodes killed"
	nodeStop      = "nodes stopped for longer than the lease"
	publisherKill = "publishers killed"
	serverKill    = "redis killed"
	serverStop    = "redis stopped for two leases"
	rewriteKill   = "redis killed while its log was rewritten"
	latency       = "spells of latency"
	lostReplies   = "spells of silence"
	cutReplies    = "spells of cut connections"
	lateRequests  = "spells of late delivery"
	partition     = "partitions of three leases"
	scriptFlush   = "script flushes"
	bombs         = "bombs"
	bombDeaths    = "nodes ended by bombs"
	falseStarts   = "nodes that found no store when they began"
)

var faults = []fault{
	{nodeKill, 8, (*round).killNode},
	{nodeStop, 5, (*round).stopNode},
	{publisherKill, 2, (*round).killPublisher},
	{serverKill, 3, (*round).killServer},
	{serverStop, 1, (*round).stopServer},
	{rewriteKill, 1, (*round).rewriteAndKill},
	{latency, 2, (*round).slowDown},
	{lostReplies, 3, spell(0.05, redistest.BlackholeReply, redistest.Blackhole)},
	{cutReplies, 3, spell(0.1, redistest.DropReplyAndClose, redistest.CloseBefore)},
	{lateRequests, 3, spell(0.05, redistest.Delay(20*time.Millisecond), redistest.Delay(300*time.Millisecond), redistest.Delay(1500*time.Millisecond))},
	{partition, 2, (*round).part},
	{scriptFlush, 2, (*round).flushScripts},
	{bombs, 1, (*round).dropBomb},
}

func faultOf(name string) fault {
	for _, f := range slices.Concat(faults, clusterFaults) {
		if f.name == name {
			return f
		}
	}
	panic("no fault is named " + name)
}

// allowed are the faults of the long run.
func (r *round) allowed() []fault {
	all := faults
	if r.setting.cluster {
		all = slices.Concat(faults, clusterFaults)
	}
	var some []fault
	for _, f := range all {
		if *only == "" || slices.Contains(strings.Split(*only, ","), f.name) {
			some = append(some, f)
		}
	}
	return some
}

// anyFault chooses one by weight.
func (r *round) anyFault() fault {
	total, some := 0, r.allowed()
	for _, f := range some {
		total += f.weight
	}
	n := r.dice.IntN(total)
	for _, f := range some {
		if n -= f.weight; n < 0 {
			return f
		}
	}
	panic("the weights have changed")
}

// between is a random time.
func (r *round) between(least, most time.Duration) time.Duration {
	return least + time.Duration(r.dice.Int64N(int64(most-least)))
}

// victim is a node that runs, mostly one that owns shards; nil: there is none.
func (r *round) victim() *member {
	owner := r.watch.owner()
	var up []*member
	for _, m := range slices.Concat(r.nodes, r.guests) {
		if r.down[m] || m.stopped {
			continue
		}
		if m.orders.Name == owner && r.dice.IntN(4) > 0 {
			return m
		}
		up = append(up, m)
	}
	if len(up) == 0 {
		return nil
	}
	return up[r.dice.IntN(len(up))]
}

func (r *round) killNode() (func(), time.Duration) {
	m := r.victim()
	if m == nil {
		return nil, 0
	}
	return r.fell(m), r.between(0, 400*time.Millisecond)
}

// fell kills a process, and returns what brings it back.
func (r *round) fell(m *member) func() {
	r.watch.fell(m.owner(), false)
	m.kill()
	r.down[m] = true
	return func() {
		delete(r.down, m)
		r.must(m.start())
	}
}

func (r *round) stopNode() (func(), time.Duration) {
	m := r.victim()
	if m == nil {
		return nil, 0
	}
	m.pause()
	return m.resume, r.between(r.setting.lease*3/2, r.setting.lease*4)
}

func (r *round) killPublisher() (func(), time.Duration) {
	m := r.publishers[r.dice.IntN(len(r.publishers))]
	if r.down[m] {
		return nil, 0
	}
	return r.fell(m), r.between(0, 300*time.Millisecond)
}

func (r *round) killServer() (func(), time.Duration) {
	if r.serverBusy {
		return nil, 0
	}
	r.serverBusy = true
	r.server.Kill()
	return func() {
		r.restarted(r.setting.fsync != "always")
		r.server.Restart()
		r.serverBusy = false
	}, r.between(0, 500*time.Millisecond)
}

func (r *round) rewriteAndKill() (func(), time.Duration) {
	if r.serverBusy {
		return nil, 0
	}
	// Refused where one is under way already.
	_ = r.server.Client().BgRewriteAOF(context.Background()).Err()
	time.Sleep(r.between(0, 60*time.Millisecond))
	return r.killServer()
}

func (r *round) stopServer() (func(), time.Duration) {
	if r.serverBusy {
		return nil, 0
	}
	r.serverBusy = true
	r.server.Pause()
	return func() {
		r.server.Resume()
		r.serverBusy = false
	}, 2 * r.setting.lease
}

// anyProxy is that of a node, or of a publisher.
func (r *round) anyProxy() *redistest.Proxy { return r.proxies[r.dice.IntN(len(r.proxies))] }

func (r *round) slowDown() (func(), time.Duration) {
	p := r.anyProxy()
	p.SetLatency(0, r.between(10*time.Millisecond, 200*time.Millisecond))
	return func() { p.SetLatency(0, 0) }, r.between(500*time.Millisecond, 2*time.Second)
}

// spell makes a share of a proxy's requests meet one of the actions for a while.
func spell(chance float64, actions ...redistest.Action) func(*round) (func(), time.Duration) {
	return func(r *round) (func(), time.Duration) {
		p := r.anyProxy()
		p.SetRule(redistest.Random(r.dice.Uint64(), chance, actions))
		return func() { p.SetRule(nil) }, r.between(500*time.Millisecond, 2*time.Second)
	}
}

func (r *round) part() (func(), time.Duration) {
	p := r.anyProxy()
	p.Partition()
	return p.Heal, 3 * r.setting.lease
}

func (r *round) flushScripts() (func(), time.Duration) {
	if r.serverBusy {
		return nil, 0
	}
	// The client may still remember that nobody answered.
	if r.server.Client().ScriptFlush(context.Background()).Err() != nil {
		return nil, 0
	}
	return func() {}, 0
}

func (r *round) dropBomb() (func(), time.Duration) {
	if !r.setting.bombs || r.serverBusy {
		return nil, 0
	}
	n := uint64(len(r.bombs) + 1)
	published, err := r.publishBomb(n)
	if r.must(err); !published {
		return nil, 0
	}
	r.bombs = append(r.bombs, n)
	return func() {}, 0
}
