package redisstream

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

// simMember is what a node knows of those who share its service's shards. They share by a plan that they agree on in the store;
// what it says is drawn, not assigned: it changes at random, and at times it gives a shard to two nodes, or to none.
type simMember struct {
	lives     int
	id        string // of the present life; a node that is struck off begins another one
	entered   bool
	record    int
	others    map[string]string // as they were read last
	read      string            // the plan as it was read last
	follows   string            // the plan that the claims are of
	claims    []uint32
	withdrawn map[uint32]time.Time // shards that are to be given back, since when
	beating   *simTask
	next      time.Time // of the next beat, when all is calm
	news      bool      // it has read since it proposed something
}

// claimant begins the life of a node that serves what a plan says, at first nothing.
func (n *simNode) claimant() {
	n.member = simMember{withdrawn: map[uint32]time.Time{}}
	if !n.s.claims {
		return
	}
	n.member.begin(n)
	n.b.Claim(nil)
}

func (m *simMember) begin(n *simNode) {
	m.lives++
	m.id, m.entered, m.follows = fmt.Sprintf("%s.%d.%d", n.name, n.life, m.lives), false, ""
}

// offerMembership adds what the node could do now as a member.
func (n *simNode) offerMembership(add func(weight int, possible bool, f func())) {
	m := &n.member
	idle := n.s.claims && m.beating == nil
	add(3, idle, n.beat)
	add(1, idle && m.entered && n.s.chance(3), func() { n.propose(n.s.drawPlan(n.home)) })
	i := n.settledSoon()
	add(8, i >= 0, func() { n.yield(i) })
	add(1, idle && len(m.others) > 1 && n.s.chance(6), n.strike)
}

// beat tells the others that the node is there, and reads what is agreed.
func (n *simNode) beat() {
	m, b := &n.member, n.b
	say := b.Beat
	if !m.entered {
		say = b.Enter
	}
	m.record++
	id, record, service := m.id, strconv.Itoa(m.record), n.service.spec.Name
	n.begun(func(ctx context.Context) func() {
		members, agreed, err := say(ctx, service, id, record)
		return func() {
			switch {
			case err != nil:
			case members == nil:
				n.s.cover["struck off"]++
				n.claim("", nil)
				m.begin(n)
			case members[id] != record:
				n.s.fail("%s has said %s as %s, and reads %v", n.name, record, id, members)
			default:
				m.entered, m.others, m.read, m.news = true, members, agreed[simPlan], true
				n.follow(m.read)
			}
		}
	})
}

// begun makes a call of the roster beside the simulation.
func (n *simNode) begun(call func(context.Context) (take func())) {
	ctx, stop := contextFor(n, time.Second)
	n.member.beating = n.begin(func() func() {
		defer stop()
		return call(ctx)
	})
}

// simPlan is the name of what is agreed on: a number, and for each shard the names of nodes.
const simPlan = "plan"

// drawPlan draws a plan for a service, which no other plan is equal to.
func (s *redisSim) drawPlan(v *simService) string {
	s.plans++
	shares := []string{strconv.Itoa(s.plans)}
	for range s.shards {
		var names []string
		for range s.drawOwners() {
			names = append(names, v.nodes[s.rnd.IntN(len(v.nodes))])
		}
		shares = append(shares, strings.Join(names, "+"))
	}
	return strings.Join(shares, "|")
}

// drawOwners is to how many nodes a shard is given: one as a rule.
func (s *redisSim) drawOwners() int {
	if s.chance(5) {
		return 2 * s.rnd.IntN(2)
	}
	return 1
}

// lastPlan gives every shard to one node.
func (s *redisSim) lastPlan(v *simService) string {
	shares := []string{"last"}
	for i := range s.shards {
		shares = append(shares, v.nodes[(i+int(s.seed))%len(v.nodes)])
	}
	return strings.Join(shares, "|")
}

// propose has the members agree on a plan instead of the one that the node has read.
func (n *simNode) propose(plan string) {
	m, b, service := &n.member, n.b, n.service.spec.Name
	seen := m.read
	n.begun(func(ctx context.Context) func() {
		done, err := b.Agree(ctx, service, simPlan, seen, plan)
		return func() {
			if err != nil {
				return
			}
			if done != n.s.watch.agreed[service+plan] {
				n.s.fail("%s: that plan %s follows %s was answered %v", n.name, plan, seen, done)
			}
			if done {
				n.s.cover["agreed"]++
				m.read = plan
				n.follow(plan)
			}
		}
	})
}

// strike strikes another member off, dead or not.
func (n *simNode) strike() {
	m, b, service := &n.member, n.b, n.service.spec.Name
	ids := slices.Sorted(maps.Keys(m.others))
	id := ids[n.s.rnd.IntN(len(ids))]
	seen := m.others[id]
	delete(m.others, id)
	n.begun(func(ctx context.Context) func() {
		_ = b.Strike(ctx, service, id, seen)
		return func() {}
	})
}

// follow claims what a plan says.
func (n *simNode) follow(plan string) {
	shares := strings.Split(plan, "|")
	var claims []uint32
	for i, names := range shares[1:] {
		if slices.Contains(strings.Split(names, "+"), n.name) {
			claims = append(claims, uint32(i))
		}
	}
	n.claim(plan, claims)
}

// claim changes the node's claims, where they are others than before.
func (n *simNode) claim(plan string, claims []uint32) {
	m := &n.member
	m.follows = plan
	if slices.Equal(m.claims, claims) {
		return
	}
	n.s.cover["claim"]++
	n.s.trace("%s claims %v instead of %v by plan %q", n.name, claims, m.claims, plan)
	m.claims = claims
	for i := range uint32(n.s.shards) {
		if slices.Contains(claims, i) {
			delete(m.withdrawn, i)
		} else if m.withdrawn[i].IsZero() {
			m.withdrawn[i] = time.Now()
		}
	}
	n.b.Claim(claims)
}

// yield gives up a claim before a plan says so. With the next plan that is read it may come back.
func (n *simNode) yield(i int) { n.claim("", slices.Delete(slices.Clone(n.member.claims), i, i+1)) }

// settledSoon is a claimed shard of which all work in hand is on its way to the store, -1 where there is none: the worst moment to
// give it up.
func (n *simNode) settledSoon() int {
	if !n.s.claims || n.settling == nil {
		return -1
	}
	return slices.IndexFunc(n.member.claims, func(shard uint32) bool {
		works := 0
		for _, w := range n.works {
			if w.shard == shard && w.state != simOnItsWay {
				return false
			}
			if w.shard == shard {
				works++
			}
		}
		return works > 0
	})
}

// calmMember brings the last plan about.
func (n *simNode) calmMember() {
	m, last := &n.member, n.s.lastPlan(n.home)
	now := time.Now()
	switch {
	case !n.s.claims || m.beating != nil:
	case m.news && m.read != last && n.name == n.home.nodes[0]:
		m.news = false
		n.propose(last)
	case !m.next.After(now):
		m.next = now.Add(simBeat)
		n.beat()
	}
}

// unclaimed says which shards are not served by whom the last plan gives them to.
func (s *redisSim) unclaimed() []string {
	var left []string
	for _, n := range s.nodes {
		if !s.claims || n.b == nil {
			continue
		}
		want := []uint32{}
		for i, name := range strings.Split(s.lastPlan(n.home), "|")[1:] {
			if name == n.name {
				want = append(want, uint32(i))
			}
		}
		if got := n.b.Owned(); !slices.Equal(got, want) {
			left = append(left, fmt.Sprintf("%s serves %v, it is to serve %v, claims %v by %q", n.name, got, want, n.member.claims, n.member.follows))
		}
	}
	return left
}
