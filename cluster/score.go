package cluster

import (
	"encoding/binary"
	"math"

	"github.com/cespare/xxhash/v2"
)

// score is how much a member wants a shard: the member with the highest score is the shard's
// first choice (rendezvous hashing: Thaler and Ravishankar, Using Name-Based Mappings to Increase Hit
// Rates, IEEE/ACM Transactions on Networking 6(1), 1998). With -weight/ln(u), u uniform in (0, 1), a
// member is first choice in proportion to its weight, and a changed weight changes only choices
// from or to this member: -ln(u)/weight is an exponential waiting time, and the shortest wait wins.
func score(seed uint64, weight float64, shard uint32) float64 {
	var b [12]byte
	binary.LittleEndian.PutUint64(b[:8], seed)
	binary.LittleEndian.PutUint32(b[8:], shard)
	return weight / minusLog(xxhash.Sum64(b[:]))
}

// seedOf is the part of a score that is the same for all shards of a member.
func seedOf(id string) uint64 { return xxhash.Sum64String(id) }

// inverseOdd holds 1/(2i+1), the coefficients of artanh. Nine terms are exact to the last bits
// for the arguments that minusLog has, at most 0.172.
var inverseOdd = [...]float64{1, 1. / 3, 1. / 5, 1. / 7, 1. / 9, 1. / 11, 1. / 13, 1. / 15, 1. / 17}

// minusLog returns -ln(u) for the u in (0, 1) that the upper 52 bits of a hash stand for. Each
// product is converted before it is added to, which forbids a fused multiply-add: the result is the same
// on all architectures, of which not all fuse.
func minusLog(hash uint64) float64 {
	const bits = 52 // with the half that keeps u from 0, as many as a float64 holds
	f, e := math.Frexp(float64(hash>>(64-bits)) + 0.5)
	if f < math.Sqrt2/2 {
		f, e = 2*f, e-1
	}
	x := (1 - f) / (1 + f)
	square := x * x
	sum := 0.0
	for i := len(inverseOdd) - 1; i >= 0; i-- {
		sum = float64(sum*square) + inverseOdd[i]
	}
	return float64(2*x*sum) + float64(float64(bits-e)*math.Ln2)
}
