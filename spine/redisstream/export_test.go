package redisstream

import (
	"context"

	"github.com/necrostack/necrostack/persistence"
)

// Freeze makes b fall silent as a process does that is stopped: it renews nothing, and whatever it
// sends later still goes out. Its shards are free for others at once, as if its leases had run out.
func Freeze(b *Backend) {
	b.keeper.stop()
	b.mu.Lock()
	var keys []string
	for _, s := range b.shards {
		if s.owned() {
			keys = append(keys, s.own)
		}
	}
	b.mu.Unlock()
	for _, key := range keys {
		b.server.do(context.Background(), []*call{plain("HSET", key, "tok", "")}, nil)
	}
}

// CellKey is where the state of a cell is.
func CellKey(b *Backend, cell persistence.Cell) string {
	return b.shardOf(cell.Key).cell(cell.Organ, cell.Key)
}

// Die makes b fall silent and leaves its leases to run out.
func Die(b *Backend) { b.keeper.stop() }

// InMemory is how many events b has in hand with their bytes, and what of them is parked.
func InMemory(b *Backend) (events, parked int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, s := range b.shards {
		for _, e := range s.entries {
			if !e.event.IsZero() {
				events++
			}
		}
		parked += s.parked
	}
	return events, parked
}
