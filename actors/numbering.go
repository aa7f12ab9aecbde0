package actors

import (
	"math"
	"sync"
)

// typeNumbers numbers the event types of payloads made in this process.
var typeNumbers numbering

// numbering numbers texts, from 1.
type numbering struct {
	mu sync.Mutex
	of map[string]uint16
}

// number is the number of a text, 0 once there are no more numbers: types may come from outside.
func (n *numbering) number(text string) uint16 {
	n.mu.Lock()
	defer n.mu.Unlock()
	x, ok := n.of[text]
	if ok || len(n.of) >= math.MaxUint16 {
		return x
	}
	if n.of == nil {
		n.of = map[string]uint16{}
	}
	x = uint16(len(n.of) + 1)
	n.of[text] = x
	return x
}
