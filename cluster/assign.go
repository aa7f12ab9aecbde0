package cluster

import (
	"cmp"
	"slices"
)

// Slack is by how many shards a member may be over its share, counted from the one who is most below
// its own, before shards are taken from it although nobody lacks any. Below 1 shards would go to and fro; at 2
// equal members would stay unequal after several have joined at once. Shares that are no integers, of
// unequal weights, are rounded another way by every change, and what lies between is left alone.
const Slack = 1.5

// Assign makes the plan that follows current for these members, by these rules:
//
//   - A pinned shard goes where it is pinned, while that member is there.
//   - Any other shard stays where it is, while that member is there, unless one with less than its share
//     needs it. So nothing moves between two members that stay, unless weights or pins have
//     changed.
//   - With equal weights and without pins every member gets shards/members, rounded down or up. In
//     general a member's share is its weight's part of the shards; it gets at least that rounded
//     down, and at most that rounded up or less than Slack more than it. One with more pins than its
//     share gets these alone, and the others share the rest.
//   - Who gets a shard that must move, and which shards a member gives to another, is decided by
//     weighted rendezvous hashing among those with room: bounded loads, as in Mirrokni,
//     Thorup and Zadimoghaddam, Consistent Hashing with Bounded Loads, SODA 2018, but with the owners
//     known, so that nobody passes on what it has.
//
// With equal weights a join moves at most shards/members, rounded up, all to the one that joins; a
// leave moves the shards of the one that leaves. No shard is in two moves of one change.
//
// The plan is a pure function of members, pins and current: their order does not matter, and all nodes
// that know the same plan alike, whatever machine they run on. To be given the plan it has made, with the
// same members and pins, changes nothing. current says how many shards there are and is not
// changed; NewPlan is where to begin. Shards are nobody's where no member of weight above 0 is there.
//
// The error is that of Validate.
func Assign(members []Member, pins Pins, current Plan) (Plan, error) {
	if err := Validate(members, pins, len(current)); err != nil {
		return nil, err
	}
	d := newDeal(members, len(current))
	d.pin(pins, current)
	d.share()
	d.keep(current)
	d.fill()
	d.level()
	d.even()
	return d.plan(), nil
}

// deal is an assignment in the making.
type deal struct {
	hands  []hand // by ID
	owner  []int  // of each shard, an index of hands, or nobody
	pinned []bool
}

const nobody = -1

func newDeal(members []Member, shards int) *deal {
	d := &deal{hands: make([]hand, len(members)), owner: make([]int, shards), pinned: make([]bool, shards)}
	for i, m := range members {
		d.hands[i] = hand{Member: m, seed: seedOf(m.ID)}
	}
	slices.SortFunc(d.hands, func(a, b hand) int { return cmp.Compare(a.ID, b.ID) })
	for s := range d.owner {
		d.owner[s] = nobody
	}
	return d
}

func (d *deal) plan() Plan {
	p := NewPlan(len(d.owner))
	for s, i := range d.owner {
		if i != nobody {
			p[s] = d.hands[i].ID
		}
	}
	return p
}

// pin deals what is pinned to somebody who is there.
func (d *deal) pin(pins Pins, current Plan) {
	for s, to := range pins {
		i := d.choose(s, func(h *hand) bool { return h.ID == to || NameOf(h.ID) == to && h.ID == current[s] })
		if i == nobody {
			i = d.choose(s, func(h *hand) bool { return NameOf(h.ID) == to })
		}
		if i != nobody {
			d.owner[s], d.pinned[s] = i, true
			d.hands[i].pins++
		}
	}
}

// keep leaves shards where they are.
func (d *deal) keep(current Plan) {
	index := make(map[string]int, len(d.hands))
	for i, h := range d.hands {
		index[h.ID] = i
	}
	for s, id := range current {
		i, there := index[id]
		if there && !d.pinned[s] && !d.hands[i].full {
			d.give(uint32(s), i)
		}
	}
}

// fill deals the shards that nobody has: each to its first choice among those with room, but when only as
// many are left as others lack, only to these.
func (d *deal) fill() {
	free, lacking := 0, 0
	for _, i := range d.owner {
		if i == nobody {
			free++
		}
	}
	for i := range d.hands {
		h := &d.hands[i]
		lacking += max(0, h.least-h.load())
	}
	for s, owner := range d.owner {
		if owner != nobody {
			continue
		}
		short := free <= lacking
		i := d.choose(uint32(s), func(h *hand) bool {
			return h.load() < h.least || !short && h.load() < h.fair
		})
		if i == nobody {
			return // there is no member of any weight
		}
		if h := &d.hands[i]; h.load() < h.least {
			lacking--
		}
		free--
		d.give(uint32(s), i)
	}
}

// level gives to those who have less than their least, from those who are most over their share. While there
// is one of the first, there is one with more than its least, and no least is below the pins: so it has
// a shard to give.
func (d *deal) level() {
	for i := range d.hands {
		for h := &d.hands[i]; h.load() < h.least; {
			d.move(d.richest(func(h *hand) bool { return h.load() > h.least }), i)
		}
	}
}

// even takes from those who have more than rounding explains, as far as Slack says.
func (d *deal) even() {
	for {
		from := d.richest(func(h *hand) bool { return h.load() > h.fair })
		if from == nobody {
			return
		}
		to := d.poorest()
		if d.hands[from].over()-d.hands[to].over() < Slack {
			return
		}
		d.move(from, to)
	}
}

// richest returns who of the eligible is most over its share, or nobody.
func (d *deal) richest(eligible func(*hand) bool) int {
	richest := nobody
	for i := range d.hands {
		h := &d.hands[i]
		if eligible(h) && (richest == nobody || h.over() > d.hands[richest].over()) {
			richest = i
		}
	}
	return richest
}

// poorest returns who is most below its share of those who are not full. There is one whenever somebody has
// more than its share.
func (d *deal) poorest() int {
	poorest := nobody
	for i := range d.hands {
		h := &d.hands[i]
		if !h.full && (poorest == nobody || h.over() < d.hands[poorest].over()) {
			poorest = i
		}
	}
	return poorest
}

// move takes from one member the shard that another one wants most.
func (d *deal) move(from, to int) {
	h := &d.hands[to]
	d.give(d.take(from, func(s uint32) float64 { return score(h.seed, h.Weight, s) }), to)
}

// choose returns the first choice of a shard among the eligible, or nobody.
func (d *deal) choose(shard uint32, eligible func(*hand) bool) int {
	chosen, best := nobody, 0.0
	for i := range d.hands {
		h := &d.hands[i]
		if !eligible(h) {
			continue
		}
		if x := score(h.seed, h.Weight, shard); chosen == nobody || x > best {
			chosen, best = i, x
		}
	}
	return chosen
}

func (d *deal) give(shard uint32, to int) {
	d.owner[shard] = to
	d.hands[to].held = append(d.hands[to].held, shard)
}

// take takes the shard of the highest value from a member; of equals the lowest, so that the order in
// which it got them does not matter.
func (d *deal) take(from int, value func(uint32) float64) uint32 {
	h := &d.hands[from]
	at, best := 0, value(h.held[0])
	for i, s := range h.held[1:] {
		if x := value(s); x > best || x == best && s < h.held[at] {
			at, best = i+1, x
		}
	}
	s := h.held[at]
	h.held[at] = h.held[len(h.held)-1]
	h.held = h.held[:len(h.held)-1]
	return s
}
