package redisstream

import (
	"math/rand/v2"
	"sync"

	"github.com/necrostack/necrostack/actors"
)

// runLength is how many published events without a key go to one shard before the next shard has its turn. What such an event
// causes stays in its shard, so neighbours go through all hops in the same few commits: at low rates a commit costs nearly the
// same for one event as for ten. All shards get as many.
const runLength = 32

// runs chooses shards for published events.
type runs struct {
	mu   sync.Mutex
	turn int // + 1; 0: none yet
	left int
}

// shardFor is the shard of an event: that of its key, or the one whose turn it is.
func (r *runs) shardFor(shards []*shard, ev actors.Event) *shard {
	if ev.HasKey() {
		return shards[ev.Shard(len(shards))]
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.turn == 0 { // several processes need not begin with the same
		r.turn, r.left = 1+rand.IntN(len(shards)), runLength
	}
	if r.left == 0 {
		r.turn, r.left = r.turn%len(shards)+1, runLength
	}
	r.left--
	return shards[r.turn-1]
}
