package chaos_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
)

// ownerOf is whose token it is.
func ownerOf(token string) string {
	i := strings.LastIndexByte(token, '/')
	return token[:max(i, 0)]
}

// unserved tells which shards are not served by exactly one node: of which the store names somebody who does not know of it, or
// nobody, or that somebody else takes for his own.
func unserved(owns []map[string]string, held []holding) []finding {
	var found []finding
	for shard, own := range owns {
		var by []string
		for _, h := range held {
			if slices.Contains(h.Shards, uint32(shard)) {
				by = append(by, h.Owner)
			}
		}
		if owner := ownerOf(own["tok"]); owner == "" || !slices.Equal(by, []string{owner}) {
			found = append(found, finding{"I14", fmt.Sprintf("shard %d is owned by %q, and held by %q", shard, owner, by)})
		}
	}
	return found
}

// owns reads the leases, nil where the server does not answer.
func (r *round) owns() []map[string]string {
	ctx, cancel := context.WithTimeout(context.Background(), finishIn)
	defer cancel()
	var owns []map[string]string
	for shard := range r.setting.shards {
		own, err := r.reader.client.HGetAll(ctx, r.reader.own(shard)).Result()
		if err != nil {
			return nil
		}
		owns = append(owns, own)
	}
	return owns
}

// unserved looks at all nodes that there are.
func (r *round) unserved() []finding {
	var held []holding
	for _, m := range slices.Concat(r.nodes, r.guests) {
		if r.down[m] {
			continue
		}
		h := m.holding()
		if h.Owner == "" {
			return []finding{{"I14", m.orders.Label + " has not begun"}}
		}
		held = append(held, h)
	}
	owns := r.owns()
	if owns == nil {
		return []finding{{"I14", "the server does not answer"}}
	}
	return unserved(owns, held)
}

func (r *round) served() bool { return len(r.unserved()) == 0 }

// awaitServed waits until every shard is served by exactly one node.
func (r *round) awaitServed(limit time.Duration, when string) bool {
	if r.await(limit, when+": each shard is served by one node", r.served) {
		return true
	}
	r.findings = append(r.findings, r.unserved()...)
	return false
}

// hold is for how long a quiet cluster is looked at.
const hold = 500 * time.Millisecond

// settle ends all faults, and waits until every shard is served by exactly one node, and stays so. Then each shard's events are
// worked on.
func (r *round) settle() bool {
	for len(r.ends) > 0 {
		r.linger(glance)
	}
	if !r.awaitServed(stallIn, "all faults are over") {
		return false
	}
	for over := time.Now().Add(hold); time.Now().Before(over); r.linger(glance) {
		// A machine that stands still for a lease moves shards, too.
		if !r.served() && !r.awaitServed(r.setting.lease+time.Second, "nothing is amiss") {
			return false
		}
	}
	r.counts[quiets]++
	return r.advances()
}

// advances waits until the service has come, in each shard, to what the stream has now.
func (r *round) advances() bool {
	for shard := range r.setting.shards {
		goal := ""
		came := func() bool {
			ctx, cancel := context.WithTimeout(context.Background(), finishIn)
			defer cancel()
			p, err := r.reader.place(ctx, shard)
			if err == nil && goal == "" {
				goal = p.generated
			}
			return err == nil && !before(p.delivered, goal)
		}
		if !r.await(stallIn, fmt.Sprintf("what is in shard %d is worked on", shard), came) {
			return false
		}
	}
	return true
}
