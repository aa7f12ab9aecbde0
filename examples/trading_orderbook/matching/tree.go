package matching

// turnTo makes the page of the key a recent one.
//
//go:noinline
func (p *pages) turnTo(l *ladder, key uint32) {
	if l.spare != 0 && p.heads[l.spare].key != key {
		p.dropPage(l, l.spare)
	}
	l.recent[key%recentPages] = recent{key: key, page: p.pageOf(l, key)}
}

// pageOf finds the page of the key in the ladder's tree, making what is missing.
func (p *pages) pageOf(l *ladder, key uint32) uint32 {
	if l.root == 0 {
		l.root = p.newNode()
	}
	n := l.root
	for shift := treeBits; shift > 0; shift -= 6 {
		n = p.childNode(n, key>>shift&63)
	}
	i := key & 63
	if p.nodes[n].bits>>i&1 == 0 {
		c := p.newPage(key, l.symbol)
		l.pages++
		p.nodes[n].bits |= 1 << i
		p.nodes[n].child[i] = c
	}
	return p.nodes[n].child[i]
}

func (p *pages) childNode(n, i uint32) uint32 {
	if p.nodes[n].bits>>i&1 == 0 {
		c := p.newNode() // may move the nodes
		p.nodes[n].bits |= 1 << i
		p.nodes[n].child[i] = c
	}
	return p.nodes[n].child[i]
}

// dropPage gives an empty page back, and every node that it leaves empty.
func (p *pages) dropPage(l *ladder, pg uint32) {
	key := p.heads[pg].key
	if r := &l.recent[key%recentPages]; r.page == pg {
		*r = recent{}
	}
	p.heads[pg].next = p.freePage
	p.freePage = pg
	p.usedPages--
	l.pages--

	var path [4]uint32
	n := l.root
	for d, shift := 0, treeBits; shift >= 0; d, shift = d+1, shift-6 {
		path[d] = n
		n = p.nodes[n].child[key>>shift&63]
	}
	for d, shift := 3, 0; d >= 0; d, shift = d-1, shift+6 {
		up := &p.nodes[path[d]]
		up.bits &^= 1 << (key >> shift & 63)
		if up.bits != 0 {
			return
		}
		up.child[0] = p.freeNode
		p.freeNode = path[d]
		p.usedNodes--
	}
	l.root = 0
}

func (p *pages) newPage(key uint32, symbol SymbolID) uint32 {
	p.usedPages++
	pg := p.freePage
	if pg == 0 {
		pg = uint32(len(p.heads))
		p.heads = append(p.heads, page{})
		p.levels = append(p.levels, make([]level, 64)...)
	} else {
		p.freePage = p.heads[pg].next
	}
	p.heads[pg] = page{key: key, symbol: symbol}
	return pg
}

// newNode returns a node without children. Stale ones stay in its array: the bitmap says which count.
func (p *pages) newNode() uint32 {
	p.usedNodes++
	n := p.freeNode
	if n == 0 {
		p.nodes = append(p.nodes, node{})
		return uint32(len(p.nodes) - 1)
	}
	p.freeNode = p.nodes[n].child[0]
	return n
}
