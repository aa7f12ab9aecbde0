package actors

import (
	"math"
	"sync"
)

// typeNumbers numbers the event types of payloads made in this process, from 1.
var typeNumbers struct {
	sync.RWMutex
	of map[string]uint16
}

// typeNumber is the number of an event type, 0 once there are no more numbers: types may come from outside.
func typeNumber(typ string) uint16 {
	typeNumbers.RLock()
	n, ok := typeNumbers.of[typ]
	typeNumbers.RUnlock()
	if ok {
		return n
	}
	typeNumbers.Lock()
	defer typeNumbers.Unlock()
	if n, ok := typeNumbers.of[typ]; ok {
		return n
	}
	if len(typeNumbers.of) >= math.MaxUint16 {
		return 0
	}
	if typeNumbers.of == nil {
		typeNumbers.of = map[string]uint16{}
	}
	n = uint16(len(typeNumbers.of) + 1)
	typeNumbers.of[typ] = n
	return n
}
