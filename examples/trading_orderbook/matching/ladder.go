package matching

import "math/bits"

// A ladder is one side of a book, or one side of its stops: levels by price. They are cut into
// pages of 64 neighbours; a page has a bitmap of its levels in use. Pages hang in a tree of nodes
// with 64 children and a bitmap each, four nodes deep, so that any price up to 2^30 is four steps
// away, a swing to far prices costs nothing but a page, and a book that is not used costs nothing.
// Near the market the recent pages are found in one step. A ladder that has become empty keeps its
// last page until it is needed elsewhere: thin books are empty again and again.
//
// A ladder is kept by rank, which is the price, or where the highest price is best the price turned
// round: the lowest rank is the best on both sides, and nothing branches on the side, which the
// processor cannot foresee.
type ladder struct {
	root   uint32 // node; 0: nothing here
	best   uint32 // level; 0: nothing here
	rank   uint32 // of best, noRank if there is none
	flip   uint32 // rank = price ^ flip
	symbol SymbolID
	pages  uint32 // how many hang in the tree
	spare  uint32 // the empty page of an empty ladder; 0: none
	recent [recentPages]recent
}

// falling is the flip of a ladder whose best price is the highest. noRank is behind every limit.
const (
	falling = 1<<30 - 1
	noRank  = 1 << 31
)

// recentPages is the reach of the shortcut: 16 pages are 1,024 ticks of one side.
const recentPages = 16

type recent struct{ key, page uint32 }

// page stands for levels page*64 to page*64+63. Its key is their rank / 64.
type page struct {
	bits   uint64
	key    uint32
	next   uint32 // vacant pages
	symbol SymbolID
}

// node of the tree. Children of the lowest nodes are pages.
type node struct {
	bits  uint64
	child [64]uint32
}

// treeBits is the shift of the root's part of a page key: 24 bits in steps of 6.
const treeBits = 18

// pages holds the levels and trees of all ladders of an engine. Numbers 0 mean none.
type pages struct {
	levels    []level
	heads     []page
	nodes     []node
	freePage  uint32
	freeNode  uint32
	usedPages int
	usedNodes int
}

func newPages() pages {
	return pages{levels: make([]level, 64), heads: make([]page, 1), nodes: make([]node, 1)}
}

// at returns the level of the price, made ready to be joined: it is in the bitmap and, if it is
// better than all others, the best. Mostly others are there already, and then it is ready.
func (p *pages) at(l *ladder, price int32) uint32 {
	ref := l.near(price)
	if p.levels[ref].count == 0 {
		return p.open(l, price)
	}
	return ref
}

// near returns the level of the price if its page is a recent one, and 0, which has no orders, if not.
func (l *ladder) near(price int32) uint32 {
	rank := uint32(price) ^ l.flip
	r := &l.recent[rank>>6%recentPages]
	if r.key != rank>>6 {
		return 0
	}
	return r.page<<6 | rank&63
}

// open makes a level of no orders ready.
//
//go:noinline
func (p *pages) open(l *ladder, price int32) uint32 {
	rank := uint32(price) ^ l.flip
	key := rank >> 6
	r := &l.recent[key%recentPages]
	if r.page == 0 || r.key != key {
		p.turnTo(l, key)
	}
	l.spare = 0
	ref := r.page<<6 | rank&63
	p.heads[r.page].bits |= 1 << (rank & 63)
	p.levels[ref].price = price
	if rank < l.rank {
		l.best, l.rank = ref, rank
	}
	return ref
}

// crosses tells whether the best of this side is within the limit of an order of the other.
func (l *ladder) crosses(limit int32) bool { return l.rank <= uint32(limit)^l.flip }

// within tells whether a price is.
func (l *ladder) within(price, limit int32) bool { return uint32(price)^l.flip <= uint32(limit)^l.flip }

// drop forgets an empty level.
func (p *pages) drop(l *ladder, ref uint32) {
	head := &p.heads[ref>>6]
	head.bits &^= 1 << (ref & 63)
	rest := head.bits
	switch {
	case rest == 0 && l.pages == 1:
		l.spare, l.best, l.rank = ref>>6, 0, noRank
		return
	case rest == 0:
		p.dropPage(l, ref>>6)
	}
	switch {
	case ref != l.best:
		return
	case rest != 0:
		l.best = ref&^63 | edge(rest)
	default:
		l.best = p.first(l)
	}
	l.rank = uint32(p.levels[l.best].price) ^ l.flip
}

// after returns the next level in priority, 0 at the end. The level itself may not be empty.
func (p *pages) after(l *ladder, ref uint32) uint32 {
	head := &p.heads[ref>>6]
	if rest := beyond(head.bits, ref&63); rest != 0 {
		return ref&^63 | edge(rest)
	}
	var path [4]uint32
	n := l.root
	for d, shift := 0, treeBits; shift >= 0; d, shift = d+1, shift-6 {
		path[d] = n
		n = p.nodes[n].child[head.key>>shift&63]
	}
	for d, shift := 3, 0; d >= 0; d, shift = d-1, shift+6 {
		rest := beyond(p.nodes[path[d]].bits, head.key>>shift&63)
		if rest != 0 {
			return p.descend(p.nodes[path[d]].child[edge(rest)], shift-6)
		}
	}
	return 0
}

// first returns the best level of a ladder that is not empty, by the tree alone.
func (p *pages) first(l *ladder) uint32 { return p.descend(l.root, treeBits) }

// descend follows the best children from a node whose part of the key is at shift; a negative
// shift says that n is a page already.
func (p *pages) descend(n uint32, shift int) uint32 {
	for ; shift >= 0; shift -= 6 {
		n = p.nodes[n].child[edge(p.nodes[n].bits)]
	}
	return n<<6 | edge(p.heads[n].bits)
}

// edge is the best of the bits, beyond those of lower priority than i.
func edge(set uint64) uint32             { return uint32(bits.TrailingZeros64(set)) }
func beyond(set uint64, i uint32) uint64 { return set & (^uint64(1) << i) }
