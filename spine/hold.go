package spine

import "slices"

// holds keeps the order of keys for one ordered organ while events go back to the backend.
//
// When an event of a key is handed back, later ones of that key may be in hand, or on their way here,
// handed out before the backend knew. They must go back too, and the backend puts all of
// them in their place. Whether an arrival is one of those shows when the hand-backs
// are answered (Answer.Handouts); until then it is parked.
//
// Parking, and letting pass what comes before everything that is going back, keeps the rounds few. With
// neither, an event and its successor send each other back again and again: the simulation saw more than
// forty hand-outs of one event.
type holds struct {
	keys  map[string]*hold
	ready []heldKey // answered, in the order in which they may be lifted
}

type hold struct {
	unanswered int
	low        Position // of the first event handed back and not answered; stays when all are
	after      uint64   // arrivals with a higher hand-out know of all hand-backs
	liftAt     uint64   // number of the first pull begun after the last answer
	parked     []uint32 // works, in order of arrival
}

type heldKey struct {
	key    string
	liftAt uint64
}

func newHolds() *holds { return &holds{keys: map[string]*hold{}} }

// begin notes that the event at this position goes back.
func (h *holds) begin(key string, at Position) {
	x := h.keys[key]
	if x == nil {
		x = &hold{low: at}
		h.keys[key] = x
	}
	// What was handed back and answered before, the backend has handed out since, or will, in order:
	// only those of the present round count.
	if x.unanswered == 0 || at.Before(x.low) {
		x.low = at
	}
	x.unanswered++
}

// answered notes that a hand-back is in the store. nextPull is the number of the next pull that
// will begin. It returns the parked works that can be decided about now.
func (h *holds) answered(key string, handouts, nextPull uint64) []uint32 {
	x := h.keys[key]
	if x == nil {
		return nil
	}
	x.after = max(x.after, handouts)
	if x.unanswered--; x.unanswered > 0 {
		return nil
	}
	x.liftAt = nextPull
	h.ready = append(h.ready, heldKey{key, nextPull})
	parked := x.parked
	x.parked = nil
	return parked
}

// arrived lifts what pull number n allows; its deliveries come after this call.
func (h *holds) arrived(n uint64) {
	i := 0
	for ; i < len(h.ready) && h.ready[i].liftAt <= n; i++ {
		k := h.ready[i]
		if x := h.keys[k.key]; x != nil && x.unanswered == 0 && x.liftAt <= n {
			delete(h.keys, k.key)
		}
	}
	h.ready = h.ready[i:]
	if len(h.ready) == 0 {
		h.ready = nil
	}
}

// passage is what becomes of an arrival.
type passage uint8

const (
	passes   passage = iota
	goesBack         // it was handed out before the backend knew of an earlier hand-back
	waits            // that does not show yet: park it
)

// passage decides about an arrival of key.
func (h *holds) passage(key string, at Position, handout uint64) passage {
	x := h.keys[key]
	switch {
	case x == nil:
		return passes
	case handout <= x.after:
		return goesBack
	case x.unanswered == 0 || at.Before(x.low):
		return passes
	default:
		return waits
	}
}

// park keeps work i until the hand-backs of its key are answered.
func (h *holds) park(key string, i uint32) { h.keys[key].parked = append(h.keys[key].parked, i) }

// held reports whether what is in hand of key, at this position, must go back: an earlier event is
// going back now.
func (h *holds) held(key string, at Position) bool {
	x := h.keys[key]
	return x != nil && x.unanswered > 0 && x.low.Before(at)
}

// unpark returns all parked works, for the end.
func (h *holds) unpark() []uint32 {
	var all []uint32
	for _, x := range h.keys {
		all = append(all, x.parked...)
		x.parked = nil
	}
	slices.Sort(all) // the map has no order, and the core must not depend on one
	return all
}

// drop forgets parked works that are void.
func (h *holds) drop(gone func(uint32) bool) {
	for _, x := range h.keys {
		x.parked = slices.DeleteFunc(x.parked, gone)
	}
}
