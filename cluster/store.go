package cluster

import (
	"context"
	"time"

	"github.com/necrostack/necrostack/spine"
)

// Store is what the nodes of a cluster share: it keeps the events of each shard, says who owns which, and holds what the
// nodes say of themselves and what they have agreed on. redisstream.Backend is one.
type Store interface {
	spine.Backend
	Leases
	Roster
}

// Leases are the shards of a store, each of which has one owner at a time.
type Leases interface {
	// Shards is how many there are; it does not change.
	Shards() int

	// Claim says which shards this node is to serve from now on, and does not wait. One that it has not it takes as soon as
	// nobody else holds it; one that it is not to have it gives back when what it has handed out of it is settled.
	Claim(shards []uint32)

	// Owned returns the shards that this node holds, ascending.
	Owned() []uint32

	// Lease is for how long a silent owner keeps its shards, above 0.
	Lease() time.Duration
}

// Roster is what the members of a service tell each other. All of it is read whole, with every beat.
type Roster interface {
	// Enter writes the record of a member, new or not, and does what Beat does.
	Enter(ctx context.Context, service, id, record string) (members, agreed map[string]string, err error)

	// Beat writes the record of a member and returns, as they are at that moment, the records of all by ID and the values
	// that they have agreed on by name. Nil members say that there is no record of that ID: it was struck off, and
	// nothing was written. With an empty ID Beat only reads.
	Beat(ctx context.Context, service, id, record string) (members, agreed map[string]string, err error)

	// Agree sets a value if it still is what was seen, "" for none, and reports whether it did. After an error it may have.
	Agree(ctx context.Context, service, name, seen, next string) (bool, error)

	// Strike removes a record if it still is what was seen. After an error it may have.
	Strike(ctx context.Context, service, id, seen string) error
}

// Names of what is agreed on.
const (
	planName = "plan"
	pinsName = "pins"
)
