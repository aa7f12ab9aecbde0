package chaos_test

import (
	"context"
	"fmt"
	"log/slog"
	"syscall"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/necrostack/necrostack/cluster"
	"github.com/necrostack/necrostack/spine"
)

// What happens to clusters alone.
const (
	departure = "nodes told to leave"
	storm     = "storms of joins and leaves"
	twin      = "second nodes of one name"
	pin       = "pins"
	failover  = "failovers to a replica"

	// These wait until nothing is amiss, and see to it that nothing else is.
	calmKill   = "nodes killed while nothing was amiss"
	calmLeave  = "nodes sent away while nothing was amiss"
	calmMove   = "shards moved by hand"
	restarts   = "rolling restarts"
	upgrade    = "rolling upgrades"
	quiets     = "quiet windows"
	unsteady   = "quiet windows that a slow server has spoilt"
	joins      = "joins in storms"
	leaves     = "leaves in storms"
	roughLeave = "departures with an error, in trouble"
)

var clusterFaults = []fault{
	{departure, 5, (*round).sendAway},
	{storm, 1, (*round).beginStorm},
	{twin, 2, (*round).addTwin},
	{pin, 2, (*round).pinAny},
	{failover, 4, (*round).failOver},
	{calmKill, 1, (*round).killInCalm},
	{calmLeave, 1, (*round).leaveInCalm},
	{calmMove, 1, (*round).moveByHand},
	{restarts, 1, (*round).restartAll},
	{upgrade, 1, (*round).upgradeAll},
}

// departIn bounds a departure in trouble: the store may be away for most of it.
const departIn = 30 * time.Second

// dismiss tells a node to leave, and calls then when it has.
func (r *round) dismiss(m *member, then func()) {
	r.down[m] = true
	m.signal(syscall.SIGTERM)
	began := time.Now()
	var look func()
	look = func() {
		switch {
		case !m.alive():
			if m.exitCode() > 0 { // by a signal: it had not quite begun
				r.counts[roughLeave]++
			}
			then()
		case time.Since(began) > departIn:
			r.must(m.finish(0)) // with what it is about in its log
			r.find("I12", "%s did not leave within %s", m.orders.Label, departIn)
			then()
		default:
			r.later(glance, look)
		}
	}
	r.later(0, look)
}

// comeBack starts a node again, with the program of now.
func (r *round) comeBack(m *member) {
	delete(r.down, m)
	m.orders.Program = r.program
	r.must(m.start())
}

func (r *round) sendAway() (func(), time.Duration) {
	m := r.victim()
	if m == nil {
		return nil, 0
	}
	after := r.between(0, 2*time.Second)
	r.dismiss(m, func() { r.later(after, func() { r.comeBack(m) }) })
	return func() {}, 0
}

// invite lets a guest begin: one that has been here before, or a new one. nil: it has not left yet.
func (r *round) invite(name, label string) *member {
	for _, g := range r.guests {
		if g.orders.Label != label {
			continue
		}
		if !r.down[g] || g.alive() {
			return nil
		}
		r.comeBack(g)
		return g
	}
	g := r.hireNode(name, label)
	r.guests = append(r.guests, g)
	return g
}

// beginStorm has one guest join and another one leave each second.
func (r *round) beginStorm() (func(), time.Duration) {
	if r.stormy {
		return nil, 0
	}
	r.stormy = true
	const seconds, kinds = 5, 3
	var last *member
	var tick func()
	left := seconds
	tick = func() {
		if last != nil && !r.down[last] {
			r.counts[leaves]++
			r.dismiss(last, func() {})
		}
		if left == 0 {
			r.stormy = false
			return
		}
		name := fmt.Sprint("guest-", left%kinds)
		if last = r.invite(name, name); last != nil {
			r.counts[joins]++
		}
		left--
		r.later(time.Second, tick)
	}
	return tick, 0
}

// addTwin starts a second node of a name; then it is killed, or leaves.
func (r *round) addTwin() (func(), time.Duration) {
	of := r.nodes[r.dice.IntN(len(r.nodes))].orders.Name
	g := r.invite(of, of+"-twin")
	if g == nil {
		return nil, 0
	}
	dies := r.dice.IntN(2) == 0
	return func() {
		switch {
		case r.down[g]:
		case dies:
			r.fell(g)
		default:
			r.dismiss(g, func() {})
		}
	}, r.between(r.setting.lease, 3*r.setting.lease)
}

// commander is a node that gives commands, and does not run.
func (r *round) commander() *cluster.Node {
	silent := slog.New(slog.DiscardHandler)
	n, err := cluster.Join(r.backend, []spine.Option{spine.WithService(service), spine.WithLogger(silent)}, cluster.WithName("conductor"), cluster.WithLogger(silent))
	require.NoError(r.t, err)
	return n
}

// command gives one.
func (r *round) command(do func(context.Context, *cluster.Node) error) error {
	ctx, cancel := context.WithTimeout(context.Background(), answerIn)
	defer cancel()
	return do(ctx, r.commander())
}

// pinShard pins a shard to a node by its name, and returns what takes that back. Whether it was agreed is not known where the
// store does not answer.
func (r *round) pinShard(shard uint32, name string) (unpin func(), err error) {
	err = r.command(func(ctx context.Context, n *cluster.Node) error { return n.Pin(ctx, shard, name) })
	unpin = func() {
		if r.command(func(ctx context.Context, n *cluster.Node) error { return n.Unpin(ctx, shard) }) != nil {
			r.later(time.Second/10, unpin)
		}
	}
	return unpin, err
}

func (r *round) anyShard() int { return r.dice.IntN(r.setting.shards) }

func (r *round) pinAny() (func(), time.Duration) {
	if r.serverBusy {
		return nil, 0
	}
	unpin, _ := r.pinShard(uint32(r.anyShard()), r.nodes[r.dice.IntN(len(r.nodes))].orders.Name)
	return unpin, r.between(r.setting.lease, 3*r.setting.lease)
}
