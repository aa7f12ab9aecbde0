package redisstream

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"time"

	"github.com/necrostack/necrostack/spine"
)

// Shards is how many shards the store has.
func (b *Backend) Shards() int { return b.settings.shards }

// Claim says which shards this node is to serve from now on, instead of all. Those that it has not it takes as soon as nobody
// else holds them. Of those that it should not have it hands out nothing more, and gives them back when what was handed out
// is settled, or after the time of WithHandover: what is settled later is lost, and handled again by who has
// the shard then. Claim does not wait. It is meant for what decides for several nodes which of them serves what, such as
// cluster; before Open it keeps Open from taking shards that others are to have.
func (b *Backend) Claim(shards []uint32) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.claims = make([]bool, len(b.shards))
	for _, i := range shards {
		if int(i) < len(b.claims) {
			b.claims[i] = true
		}
	}
	for _, s := range b.shards {
		switch claimed := b.claims[s.index]; {
		case claimed && s.owned():
			s.leaving, s.farewell = time.Time{}, nil
		case claimed:
			s.contested = false // until somebody has looked
		case s.owned() && s.leaving.IsZero():
			s.leaving = time.Now()
		case !s.owned():
			s.contested = true
		}
	}
	b.keeper.hurry()
	b.broadcast()
}

// Owned returns the shards that this node serves, or is about to give back, ascending.
func (b *Backend) Owned() []uint32 {
	b.mu.Lock()
	defer b.mu.Unlock()
	owned := []uint32{}
	for _, s := range b.shards {
		if s.owned() {
			owned = append(owned, s.index)
		}
	}
	return owned
}

// Owner is what this process is called in the leases of shards: its node's name, and a nonce that no other process has.
func (b *Backend) Owner() string { return b.owner }

// newOwner makes an owner's name.
func newOwner(node string) string {
	var nonce [8]byte
	_, _ = rand.Read(nonce[:]) // never fails
	return node + "/" + hex.EncodeToString(nonce[:])
}

// claimed reports whether the shard is for this node. The lock must be held.
func (b *Backend) claimed(s *shard) bool { return b.claims == nil || b.claims[s.index] }

// serves reports whether the shard is ours, and to stay so.
func (s *shard) serves() bool { return s.owned() && s.leaving.IsZero() }

// handoverPoll is how often a node looks for shards that it claims and others still hold, and for whether those that it gives
// up are free of work.
const handoverPoll = 100 * time.Millisecond

// handing reports whether shards are on their way to this node, or from it. The lock must be held.
func (b *Backend) handing() bool {
	if b.claims == nil {
		return false
	}
	for _, s := range b.shards {
		if s.owned() != b.claims[s.index] {
			return true
		}
	}
	return false
}

// farewell is the saving of a shard's cells before it is given back.
type farewell struct{ saved bool }

// Leave implements spine.Handover.
func (b *Backend) Leave(save spine.SaveFunc) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.save = save
	for _, s := range b.shards {
		s.farewell = nil // what the last Spine has not saved by now it never will
	}
	b.keeper.hurry()
}

// saved reports whether the cells of a shard without work in hand are saved, and has them saved. The lock must be held.
func (b *Backend) saved(s *shard) bool {
	if b.save == nil {
		return true
	}
	if s.farewell != nil {
		return s.farewell.saved
	}
	f := &farewell{}
	s.farewell = f
	b.save(func(key string) bool { return b.shardOf(key) == s }, func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		f.saved = true
		b.keeper.hurry()
	})
	return false
}

// yield gives back the shards that are for others, have no work in hand, and whose cells are saved.
func (b *Backend) yield() {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, s := range b.shards {
		if !s.owned() || s.leaving.IsZero() || b.staging != nil && b.staging.shards[s] != nil {
			continue
		}
		late := time.Since(s.leaving) >= b.settings.handover
		if !late && (s.inFlight > 0 || !b.saved(s)) {
			continue
		}
		if s.inFlight > 0 {
			b.settings.log.Warn("a shard is given back with work in hand; it is handled again", "shard", s.index,
				"service", b.service.Name, "works", s.inFlight)
		}
		b.giveBack(s)
	}
}

// giveBack ends the ownership of a shard. The lock must be held.
func (b *Backend) giveBack(s *shard) {
	if b.closed {
		return
	}
	c := &call{script: releaseScript, keys: []string{s.own}, args: []any{s.token}}
	b.lose(s, false)
	s.contested = true
	b.giving.Go(func() { // ends with the server's answer; Close waits for it
		ctx, cancel := context.WithTimeout(context.Background(), b.settings.lease)
		defer cancel()
		if err := b.insist(ctx, c); err != nil {
			b.settings.log.Warn("a lease was not released; it runs out by itself", "shard", s.index, "error", err)
		}
	})
}
