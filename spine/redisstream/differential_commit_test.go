package redisstream

import "fmt"

// commitDraft collects a commit as piece does, from random parts.
type commitDraft struct {
	d     *differ
	p     place
	keys  []string
	types []string
	args  []string
}

// key is the number of a key among those that vary.
func (c *commitDraft) key(key, typ string) string {
	for i, k := range c.keys {
		if k == key {
			return fmt.Sprint(i + 1)
		}
	}
	c.keys, c.types = append(c.keys, key), append(c.types, typ)
	return fmt.Sprint(len(c.keys))
}

func (c *commitDraft) section(width int, words ...string) {
	c.args = append(append(c.args, fmt.Sprint(len(words)/width)), words...)
}

func (d *differ) commit(p place) []fakeCall {
	c := &commitDraft{d: d, p: p}
	c.section(1, d.ids(p, 4)...)
	c.events()
	plain := c.args
	c.args = nil
	away := c.more()
	trim := ""
	switch d.rnd.IntN(8) {
	case 0, 1:
		trim = "+"
	case 2:
		trim = d.id(p)
	}
	args := []string{d.token(p), d.next(d.peek(p.own, "c")), d.near(d.peek(p.own, "p")), p.service, trim, "", ""}
	if d.chance(3) {
		args[5], args[6] = d.next(d.peek(p.own, "p")), d.peek(p.own, "h")
	}
	args = append(args, plain...)
	keys := append([]string{p.own, p.shard.in, differRing.load()}, c.keys...)
	if !d.chance(5) || len(away) > 0 {
		args = append(append(append(args, fmt.Sprint(len(c.types))), c.types...), c.args...)
		keys = append(keys, p.progress, p.suspects, differRing.letters(p.service), differRing.bell())
	}
	return call1(commitScript, keys, args...)
}

// more is what most commits do not have.
func (c *commitDraft) more() (away []string) {
	d, p := c.d, c.p
	c.cells()
	c.section(1, d.ids(p, 2)...)
	var progress []string
	for _, id := range d.ids(p, 3) {
		progress = append(progress, id, d.word("progress"))
	}
	c.section(2, progress...)
	c.late()
	away = d.ids(p, 3)
	c.section(1, away...)
	var survived []string
	for _, id := range d.ids(p, 2) {
		survived = append(survived, id, id+"|x")
	}
	c.section(1, survived...)
	var scores []string
	for _, id := range away {
		scores = append(scores, c.key(pick(d, p.due), "zset"), fmt.Sprint(d.rnd.IntN(1000)-d.rnd.IntN(2)*waitScore), id)
	}
	if d.chance(2) {
		scores = append(scores, c.key(pick(d, p.idle), "zset"), fmt.Sprint(d.rnd.IntN(1000)), pick(d, differCells))
	}
	c.section(3, scores...)
	return away
}

func (c *commitDraft) cells() {
	d := c.d
	n := d.rnd.IntN(3)
	c.args = append(c.args, fmt.Sprint(n))
	for i := range n {
		cell := c.p.cell(differOrgans[i], pick(d, differCells))
		base := orZero(d.peek(cell, "n"))
		if d.chance(20) {
			base = d.near(base)
		}
		first, last := fakeInt(base)+1, fakeInt(base)+1+int64(d.rnd.IntN(3))
		drop, words := "", []string{"n", fmt.Sprint(last), "t", fmt.Sprint(d.rnd.IntN(1000))}
		if d.chance(4) {
			drop = "1"
		}
		if d.chance(3) {
			words = append(words, "zs", fmt.Sprint(last), "z", d.word("state"))
		} else {
			for seq := first; seq <= last; seq++ {
				words = append(words, fmt.Sprint("r", seq), d.word("record"))
			}
		}
		c.args = append(c.args, c.key(cell, "hash"), base, drop, fmt.Sprint(len(words)))
		c.args = append(c.args, words...)
	}
}

// stream is the number of a shard's stream, as piece numbers it.
func (c *commitDraft) stream(key string) string {
	if key == c.p.shard.in && c.d.chance(2) {
		return fmt.Sprint(2 - fixedKeys)
	}
	return c.key(key, "")
}

func (c *commitDraft) events() {
	d := c.d
	var events []string
	for range d.rnd.IntN(4) {
		field, entry := d.entry()
		events = append(events, c.stream(differRing.shard(d.rnd.IntN(differShards)).in), field, entry)
	}
	c.section(3, events...)
}

// late are delayed events and dead letters.
func (c *commitDraft) late() {
	d := c.d
	var delayed []string
	for range d.rnd.IntN(2) {
		shard := differRing.shard(d.rnd.IntN(differShards))
		field, entry := d.entry()
		delayed = append(delayed, c.key(shard.delayed, "zset"), c.key(shard.delayedEntries, "hash"), fmt.Sprint(d.rnd.IntN(1000)), field+" "+entry)
	}
	c.section(4, delayed...)
	n := d.rnd.IntN(2)
	c.args = append(c.args, fmt.Sprint(n))
	for range n {
		c.args = append(c.args, "4", "organ", d.word("o"), "error", d.word("why"))
	}
}
