package load

import (
	"fmt"
	"strings"
)

// Keys are so many different keys. They share one piece of memory, so that a million of them
// weighs nothing in the eyes of the collector.
type Keys struct {
	text string
	n    int
}

const keyWidth = 12

// NewKeys returns n keys.
func NewKeys(n int) Keys {
	var b strings.Builder
	b.Grow(n * keyWidth)
	for i := range n {
		fmt.Fprintf(&b, "key-%0*d", keyWidth-len("key-"), i)
	}
	return Keys{b.String(), n}
}

// Len is how many there are.
func (k Keys) Len() int { return k.n }

// At returns key i modulo Len.
func (k Keys) At(i uint64) string {
	at := i % uint64(k.n) * keyWidth
	return k.text[at : at+keyWidth]
}

// Mix spreads i over all 64 bits: the same i gives the same number, neighbours have nothing in
// common. (The finaliser of SplitMix64.)
func Mix(i uint64) uint64 {
	i += 0x9e3779b97f4a7c15
	i = (i ^ i>>30) * 0xbf58476d1ce4e5b9
	i = (i ^ i>>27) * 0x94d049bb133111eb
	return i ^ i>>31
}
