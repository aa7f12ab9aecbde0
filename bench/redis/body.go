package redis

import (
	"encoding/binary"

	"github.com/necrostack/necrostack/bench/load"
)

// Every event is 250 opaque bytes: which hop it is, which start it belongs to, and filling.
const (
	bodyBytes = load.RelayBytes
	hopAt     = 0
	numberAt  = 1
	numberEnd = numberAt + 8
	filling   = 'x'
)

// newBody is the event of the first hop of a start.
func newBody(number uint64) []byte {
	b := make([]byte, bodyBytes)
	for i := numberEnd; i < bodyBytes; i++ {
		b[i] = filling
	}
	binary.BigEndian.PutUint64(b[numberAt:numberEnd], number)
	return b
}

// hopOf is which hop an event is, from 0 on.
func hopOf[B ~string | ~[]byte](b B) int { return int(b[hopAt]) }

// numberOf is the start that an event belongs to.
func numberOf[B ~string | ~[]byte](b B) (n uint64) {
	for i := numberAt; i < numberEnd; i++ {
		n = n<<8 | uint64(b[i])
	}
	return n
}

// next is the work of a handler: a copy that is the event of the next hop. There is none after the last.
func next[B ~string | ~[]byte](b B) (out []byte, ok bool) {
	if hopOf(b) == Hops-1 {
		return nil, false
	}
	out = []byte(b)
	out[hopAt]++
	return out, true
}
