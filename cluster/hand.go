package cluster

import "math"

// hand is what a member holds.
type hand struct {
	Member
	seed  uint64
	pins  int      // how many shards are pinned to it
	held  []uint32 // not pinned
	full  bool     // gets what is pinned to it and nothing else
	share float64

	least, fair int // the share, rounded down and up
}

func (h *hand) load() int { return h.pins + len(h.held) }

func (h *hand) over() float64 { return float64(h.load()) - h.share }

// share divides the shards by weight. Who has more pins than its part is full, and the others divide
// the rest, which makes their parts smaller: hence the rounds.
func (d *deal) share() {
	for i := range d.hands {
		d.hands[i].full = d.hands[i].Weight == 0
	}
	for again := true; again; {
		again = false
		shards, weight := d.rest()
		for i := range d.hands {
			h := &d.hands[i]
			if h.full {
				h.share, h.least, h.fair = float64(h.pins), h.pins, h.pins
				continue
			}
			h.divide(float64(h.Weight / weight * shards)) // converted as in minusLog
			h.full = float64(h.pins) > h.share
			again = again || h.full
		}
	}
}

// rest returns the shards that are left for those who are not full, and the sum of their weights.
func (d *deal) rest() (shards, weight float64) {
	shards = float64(len(d.owner))
	for i := range d.hands {
		if h := &d.hands[i]; h.full {
			shards -= float64(h.pins)
		} else {
			weight += h.Weight
		}
	}
	return shards, weight
}

// divide sets a share. What rounding has left of an integer is taken for it, or members of equal weight
// could get unequal parts.
func (h *hand) divide(share float64) {
	const tiny = 1e-6
	h.share, h.least, h.fair = share, int(math.Floor(share+tiny)), int(math.Ceil(share-tiny))
}
