package cluster

import (
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"strings"

	"github.com/necrostack/necrostack/actors"
)

// DefaultWeight is the weight of a member of which nothing else is said.
const DefaultWeight = 1.0

// MaxWeight is the largest weight of a member.
const MaxWeight = 1_000_000

// ErrMember reports members or pins that make no sense.
var ErrMember = errors.New("cluster: bad member")

// Member is a process that may own shards.
type Member struct {
	// ID is the member's alone, also over restarts; see MemberID.
	ID string
	// Weight is the member's share of the shards in proportion to the weights of the others, from 0
	// to MaxWeight. A member of weight 0 takes no shard that is not pinned to it.
	Weight float64
}

// MemberID makes the ID of a process out of the name it is configured with and a nonce that no
// other process has, drawn when the process starts and when it joins again.
func MemberID(name string, nonce [8]byte) string {
	return name + "/" + hex.EncodeToString(nonce[:])
}

// NameOf returns the configured name in an ID made by MemberID; any other ID is its own name.
func NameOf(id string) string {
	i := strings.LastIndexByte(id, '/')
	if i < 0 {
		return id
	}
	if nonce, err := hex.DecodeString(id[i+1:]); err != nil || len(nonce) != 8 {
		return id
	}
	return id[:i]
}

// Pins say by hand who is to own a shard: the key is the shard, the value a member's ID or its
// configured name. A pin is honoured while such a member is alive, also beyond the member's share; a
// name that several members have means any of them. While there is none, the shard is
// assigned like all others.
type Pins map[uint32]string

// Validate returns all that is wrong with an input of Assign, or nil. IDs must be distinct and made of
// what actors.CheckName allows, weights finite and from 0 to MaxWeight, pins of existing shards. A
// pin to a member that is not there is no mistake. Every error wraps ErrMember.
func Validate(members []Member, pins Pins, shards int) error {
	var errs []error
	seen := make(map[string]struct{}, len(members))
	for i, m := range members {
		if err := actors.CheckName("ID", m.ID); err != nil {
			errs = append(errs, fmt.Errorf("%w: member %d: %w", ErrMember, i, err))
		}
		if _, twice := seen[m.ID]; twice {
			errs = append(errs, fmt.Errorf("%w: ID %q twice", ErrMember, m.ID))
		}
		seen[m.ID] = struct{}{}
		if math.IsNaN(m.Weight) || m.Weight < 0 || m.Weight > MaxWeight {
			errs = append(errs, fmt.Errorf("%w: weight of %q is %v, not from 0 to %d", ErrMember, m.ID, m.Weight, MaxWeight))
		}
	}
	for s, to := range pins {
		if int64(s) >= int64(shards) {
			errs = append(errs, fmt.Errorf("%w: pin to %q of shard %d, there are %d", ErrMember, to, s, shards))
		}
	}
	return errors.Join(errs...)
}
