package spine

import (
	"fmt"
	"hash"
	"hash/fnv"
	"time"
)

// simTrace is a digest of everything that happened in a run: what was done, what arrived, what was
// begun, settled and noted, and when. A nil one takes none.
type simTrace struct {
	digest hash.Hash64
}

func newSimTrace() *simTrace { return &simTrace{fnv.New64a()} }

func (x *simTrace) say(what string, args ...any) {
	if x != nil {
		fmt.Fprintln(x.digest, what, time.Now().UnixNano(), args)
	}
}

func (x *simTrace) act(n, of int) { x.say("act", n, of) }

func (x *simTrace) delivery(d Delivery) {
	x.say("delivery", d.Event.ID(), d.Receipt, d.Position, d.Todo)
}

func (x *simTrace) run(r laneRun) {
	if x == nil {
		return
	}
	for _, it := range r.batch.Items {
		x.say("run", r.lane.organ.name, r.lane.index, it.Event.ID(), it.Attempt, it.Failed != nil)
	}
}

func (x *simTrace) settle(ch *chunk) {
	if x == nil {
		return
	}
	for _, s := range ch.ss {
		x.say("settle", s.Receipt, s.Organ, s.Kind, len(s.Emitted))
		if s.Later != nil {
			x.say("later", *s.Later)
		}
	}
}

func (x *simTrace) note(n Note) { x.say("note", n.Kind, n.Organ) }

func (x *simTrace) sum() uint64 { return x.digest.Sum64() }

// simHandouts is how many pairs of event and organ were handed out how often.
type simHandouts map[int]int

func (h simHandouts) add(w *simWatch) {
	for _, f := range w.fates {
		if f.handed > 0 {
			h[f.handed]++
		}
	}
}

// many reports whether more than one pair in 10,000 was handed out very often.
func (h simHandouts) many() bool {
	all, many := 0, 0
	for n, pairs := range h {
		all += pairs
		if n > simManyHandouts {
			many += pairs
		}
	}
	return many > all/10_000+1
}
