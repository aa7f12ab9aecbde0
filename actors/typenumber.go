package actors

import (
	"math"
	"sync"
)

// typeNumbers numbers the event types of payloads made in this process, from 1.
var typeNumbers struct {
	sync.Mutex
	of map[string]uint16
}

// typeNumber is the number of an event type, 0 once there are no more numbers: types may come from outside.
func typeNumber(typ string) uint16 {
	typeNumbers.Lock()
	defer typeNumbers.Unlock()
	n, ok := typeNumbers.of[typ]
	if ok || len(typeNumbers.of) >= math.MaxUint16 {
		return n
	}
	if typeNumbers.of == nil {
		typeNumbers.of = map[string]uint16{}
	}
	n = uint16(len(typeNumbers.of) + 1)
	typeNumbers.of[typ] = n
	return n
}
