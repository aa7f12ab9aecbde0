package spine

import (
	"time"

	"github.com/necrostack/necrostack/actors/host"
	"github.com/necrostack/necrostack/supervision"
)

// organ is an organ as the core sees it. What is looked at for every event comes first, for every batch next, its first lane
// and its counts among it: of a thousand organs none is in the cache when it has something to do.
type organ struct {
	*hand
	lanes    []*lane
	holds    *holds // nil unless ordered
	index    int32
	batching bool // by an OnBatch or SinkBatch: big batches are what they are for

	alone [1]*lane // lanes, where it is one
	first lane
	pace  time.Duration // of a handling, smoothed; 0: not known
	stats organBook

	next    int // lane for the next event without a key
	name    string
	keyed   bool
	ordered bool
	seen    supervision.State // of the breaker, in step seenAt
	seenAt  uint64

	policy      supervision.Policy
	breaker     *supervision.Breaker
	wantsFailed func(typ string) bool
	tending     tending
}

// hand is what an organ has in hand, and whether it may have more. All organs are looked at for every pull: their hands lie
// together.
type hand struct {
	inHand  int    // works
	pull    uint64 // number of the pull that brought it something last
	pulled  int32  // works in that pull
	paused  bool   // by Pause
	calm    bool   // the breaker is closed, and nothing has failed since the last success
	probing bool   // the breaker is half open, and its probe is in hand
}

// newOrgan makes an organ that has yet to be enlisted, and to be given lanes.
func newOrgan(spec OrganSpec, p supervision.Policy) *organ {
	o := &organ{
		hand: &hand{}, name: spec.Name, keyed: spec.Keyed, ordered: spec.Ordered,
		policy: p, breaker: supervision.NewBreaker(p.Breaker),
	}
	o.stats.latency = newHistogram()
	if o.ordered {
		o.holds = newHolds()
	}
	return o
}

// add gives the organ a further lane.
func (o *organ) add(h *host.Lane) {
	l := &o.first
	if len(o.lanes) > 0 {
		l = &lane{}
	} else {
		o.lanes = o.alone[:0]
	}
	l.organ, l.index, l.host = o, int32(len(o.lanes)), h
	o.lanes = append(o.lanes, l)
}
