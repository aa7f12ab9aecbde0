package persistence

import (
	"crypto/sha256"
	"encoding/binary"
	"math/bits"

	"github.com/cespare/xxhash/v2"

	"github.com/necrostack/necrostack/actors"
)

// exactBit marks a digest that covers the emitted bytes.
const exactBit = 1

// Digest is 63 bits over what a Step emitted, in order, and one bit that tells its
// strength. The exact digest covers type, key, delay and encoded payload of every event; the light one
// leaves the payload out. Ids and timestamps are not covered: they belong to the handling, not to
// the Step.
func Digest(emitted []actors.Event, exact bool) (uint64, error) {
	if exact {
		return exactDigest(emitted)
	}
	d := uint64(lightSeed)
	last, lastSum := "", emptySum
	for _, ev := range emitted {
		// What one Step emits mostly has the Step's own key.
		if key := ev.Key(); key != last {
			last, lastSum = key, xxhash.Sum64String(key)
		}
		d = mix(d, xxhash.Sum64String(ev.Type()))
		d = mix(d, lastSum)
		d = mix(d, uint64(delayOf(ev)))
	}
	return d &^ exactBit, nil
}

// emptySum is the sum of no key.
var emptySum = xxhash.Sum64(nil)

// lightSeed is the light digest of no emissions.
const lightSeed = 0x4e4f4e4550574e00

// mix adds x to the digest d. Both steps can be undone, so that two digests which differ stay
// different under the same x, and the multiplication makes the order count.
func mix(d, x uint64) uint64 {
	const odd = 0x9e3779b97f4a7c15 // 2^64 divided by the golden ratio
	return bits.RotateLeft64((d^x)*odd, 29)
}

// Exact reports whether d covers the emitted bytes.
func Exact(d uint64) bool { return d&exactBit != 0 }

func exactDigest(emitted []actors.Event) (uint64, error) {
	h := sha256.New()
	var n [8]byte
	write := func(b []byte) {
		binary.BigEndian.PutUint64(n[:], uint64(len(b)))
		h.Write(n[:])
		h.Write(b)
	}
	for _, ev := range emitted {
		data, encoding, err := ev.Data()
		if err != nil {
			return 0, err
		}
		write([]byte(ev.Type()))
		write([]byte(ev.Key()))
		write(data)
		binary.BigEndian.PutUint64(n[:], uint64(delayOf(ev))<<1|uint64(encoding))
		h.Write(n[:])
	}
	return binary.BigEndian.Uint64(h.Sum(nil)) | exactBit, nil
}

// delayOf is the delay of an emission in microseconds. A replay stamps its emissions with
// the recorded time, so that After and At both give the same delay again.
func delayOf(ev actors.Event) int64 {
	if ev.Due().IsZero() {
		return 0
	}
	return ev.Due().Sub(ev.Time()).Microseconds()
}
