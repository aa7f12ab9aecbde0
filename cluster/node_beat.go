package cluster

import (
	"context"
	"maps"
	"math/rand/v2"
	"slices"
	"time"
)

// attend beats and acts on what it reads, from when the Spine runs until it has ended. What ends it is stop, which is called
// when ctx has ended and successors are ready for what the node has, or were waited for long enough.
func (n *Node) attend(ctx, serving context.Context, stop func()) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for leaves := false; ; {
		select {
		case <-serving.Done():
			return
		case <-timer.C:
		case <-ctx.Done():
			if leaves {
				break
			}
			leaves = true
			var cancel context.CancelFunc
			ctx, cancel = context.WithTimeout(serving, n.leave())
			defer cancel()
		}
		wait, over := n.beat(ctx)
		if leaves && (over || ctx.Err() != nil) {
			n.giveAll()
			stop()
			ctx = serving
		}
		timer.Reset(wait)
	}
}

// leave begins the end, and returns for how long successors are waited for.
func (n *Node) leave() time.Duration {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.member.leave()
	n.settings.log.Info("leaving", "id", n.member.id, "shards", len(n.store.Owned()))
	return n.member.handover()
}

// giveAll releases what the node has, as soon as it is free of work.
func (n *Node) giveAll() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.giving, n.claimed = true, nil
	n.store.Claim(nil)
}

// beat makes one beat and acts on what it reads. It returns when to beat again, and whether the node keeps no shard for
// others.
func (n *Node) beat(ctx context.Context) (wait time.Duration, over bool) {
	n.mu.Lock()
	m := n.member
	if !m.life.Phase().Beats() {
		n.mu.Unlock()
		return m.beat, true
	}
	text := m.say()
	n.mu.Unlock()
	r, struck, err := n.exchange(ctx, m, text)
	switch {
	case err != nil:
		n.unreachable(ctx, err)
		return m.pause(), false
	case struck:
		return 0, n.struckOff()
	}
	n.mu.Lock()
	if n.outage {
		n.outage = false
		n.settings.log.Info("the store answers again", "id", m.id)
	}
	o := m.read(r)
	n.tell(o)
	keeps := n.claim()
	n.mu.Unlock()
	if a := n.carry(ctx, m, o); a != nil {
		n.mu.Lock()
		keeps = n.claim()
		n.mu.Unlock()
		o.soon = o.soon || a.gains
	}
	return m.next(o.soon, keeps), !keeps
}

// exchange writes what the node says of itself, and reads what all do.
func (n *Node) exchange(ctx context.Context, m *membership, text string) (r reading, struck bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, n.store.Lease())
	defer cancel()
	say := n.store.Beat
	if !m.entered {
		say = n.store.Enter
	}
	members, agreed, err := say(ctx, n.service.Name, m.id, text)
	if err != nil || members == nil {
		return reading{}, true, err
	}
	m.entered = true
	r = reading{at: time.Now(), texts: members, records: make(map[string]record, len(members)), plan: agreed[planName]}
	for id, text := range members {
		x, err := decodeRecord(id, text)
		if n.sound(id, err) {
			r.records[id] = x
		}
	}
	r.pins, err = decodePins(agreed[pinsName], m.shards)
	n.sound(pinsName, err)
	return r, false, nil
}

// sound complains of what is damaged, once.
func (n *Node) sound(what string, err error) bool {
	if err == nil {
		return true
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if !n.damaged[what] {
		n.damaged[what] = true
		n.settings.log.Error("what the store holds of the cluster is damaged, and taken for absent", "error", err)
	}
	return false
}

// pause is a time to the next beat: random, so that nodes that have started together do not beat together.
func (m *membership) pause() time.Duration {
	return m.beat - time.Duration(rand.Int64N(int64(m.beat)/10+1))
}

// next is the time to the next beat after a reading.
func (m *membership) next(soon, keeps bool) time.Duration {
	switch {
	case soon:
		return 0
	case keeps:
		return m.beat / 4
	}
	return m.doubt(m.pause())
}

// carry sends what was decided. It returns what has come of the proposal: nil where there is none, or another was faster.
func (n *Node) carry(ctx context.Context, m *membership, o orders) (a *adoption) {
	within, cancel := context.WithTimeout(ctx, n.store.Lease())
	defer cancel()
	if next := o.propose; next != nil {
		done, err := n.store.Agree(within, n.service.Name, planName, m.accord.text, next.text)
		switch {
		case err != nil:
			n.unreachable(ctx, err)
		case done:
			n.mu.Lock()
			a = m.adopt(next, nil)
			n.tell(orders{adopted: a})
			n.mu.Unlock()
		}
	}
	for _, id := range slices.Sorted(maps.Keys(o.strike)) {
		if err := n.store.Strike(within, n.service.Name, id, o.strike[id]); err != nil {
			n.unreachable(ctx, err)
		}
	}
	return a
}

// claim brings the node's claims in line with the plan, and reports whether it keeps shards for others. The lock must be
// held.
func (n *Node) claim() (keeps bool) {
	owned := n.store.Owned()
	n.tellOwned(owned)
	claims, keeps := n.member.claims(owned)
	if n.giving {
		return false
	}
	if !slices.Equal(claims, n.claimed) {
		n.claimed = claims
		n.store.Claim(claims)
	}
	return keeps
}

// struckOff ends the present life, and begins another one unless the node leaves. It reports whether it does.
func (n *Node) struckOff() (leaves bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	m := n.member
	leaves = m.life.Phase() == Draining
	m.enter(Gone)
	n.claimed = nil
	n.store.Claim(nil)
	if leaves {
		return true
	}
	n.member = n.born()
	n.settings.log.Warn("the others have given this node up; it begins anew", "id", m.id, "as", n.member.id)
	return false
}

// farewell waits until what is free of work is released, and removes the record.
func (n *Node) farewell(ctx context.Context) {
	n.giveAll()
	n.emptied()
	n.mu.Lock()
	m := n.member
	if m.life.Phase() != Gone {
		m.enter(Gone)
	}
	n.mu.Unlock()
	if m.entered {
		n.remove(ctx, m)
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.tellOwned(n.store.Owned())
	n.settings.log.Info("left", "id", m.id)
}

// remove removes the node's record, as it stands: of the last beat it may not be known whether it was written.
func (n *Node) remove(ctx context.Context, m *membership) {
	within, cancel := context.WithTimeout(ctx, m.handover())
	defer cancel()
	members, _, err := n.store.Beat(within, n.service.Name, "", "")
	if text, there := members[m.id]; err == nil && there {
		err = n.store.Strike(within, n.service.Name, m.id, text)
	}
	if err != nil {
		n.unreachable(ctx, err)
	}
}

// emptied waits until the node owns nothing, for no longer than a beat: what is held up now is held up by handlers that
// nobody can end.
func (n *Node) emptied() {
	look := time.NewTicker(releasePoll)
	defer look.Stop()
	end := time.NewTimer(n.member.beat)
	defer end.Stop()
	for len(n.store.Owned()) > 0 {
		select {
		case <-look.C:
		case <-end.C:
			return
		}
	}
}

// releasePoll is how often a node that leaves looks whether its shards are released.
const releasePoll = 5 * time.Millisecond
