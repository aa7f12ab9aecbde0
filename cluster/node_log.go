package cluster

import (
	"context"
	"slices"
)

// tell logs what a reading has brought. The lock must be held.
func (n *Node) tell(o orders) {
	log, m := n.settings.log, n.member
	for _, id := range o.change.Died {
		log.Warn("a member is silent and given up", "member", id, "id", m.id)
	}
	if o.aged {
		log.Warn("a member has organs that this program has not; this node gets no shards", "id", m.id)
	}
	a := o.adopted
	if a == nil {
		return
	}
	if a.bad != nil {
		log.Error("the plan in force is damaged, and taken for absent", "error", a.bad, "id", m.id)
		return
	}
	if a.joined {
		log.Info("joined", "id", m.id, "members", len(m.accord.members))
	}
	log.Info("plan in force", "version", m.accord.version, "members", len(m.accord.members), "moves", a.moves, "id", m.id)
}

// tellOwned logs which shards have come and gone. The lock must be held.
func (n *Node) tellOwned(owned []uint32) {
	without := func(shards, others []uint32) []uint32 {
		return slices.DeleteFunc(slices.Clone(shards), func(s uint32) bool {
			_, among := slices.BinarySearch(others, s)
			return among
		})
	}
	if gained := without(owned, n.owned); len(gained) > 0 {
		n.settings.log.Info("shards gained", "count", len(gained), "shards", clip(gained), "own", len(owned), "id", n.member.id)
	}
	if lost := without(n.owned, owned); len(lost) > 0 {
		n.settings.log.Info("shards lost", "count", len(lost), "shards", clip(lost), "own", len(owned), "id", n.member.id)
	}
	n.owned = owned
}

// clip shortens a list for the log.
func clip(shards []uint32) []uint32 {
	const most = 32
	return shards[:min(len(shards), most)]
}

// unreachable notes that the store does not answer: nothing is decided until it does.
func (n *Node) unreachable(ctx context.Context, err error) {
	if ctx.Err() != nil {
		return // it was not waited for
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if !n.outage {
		n.outage = true
		n.settings.log.Warn("the store does not answer; members and plan stay as they are", "error", err, "id", n.member.id)
	}
}
