package actors

import "github.com/cespare/xxhash/v2"

// KeyHash is xxhash64 of the event's key, or of its id's 16 bytes when it has none. The
// lower bits choose the shard, the upper half chooses the worker, so that the two
// choices are independent.
func (e Event) KeyHash() uint64 {
	if e.r.hasKey {
		return xxhash.Sum64String(e.r.key)
	}
	return xxhash.Sum64(e.r.id[:])
}

// Shard is the shard of n that e belongs to: KeyHash modulo n. n must be at least 1. An event without a key belongs to any:
// a backend may put it elsewhere.
func (e Event) Shard(n int) int { return int(e.KeyHash() % uint64(n)) }

// HashKey is the KeyHash of an event with this key.
func HashKey(key string) uint64 { return xxhash.Sum64String(key) }
