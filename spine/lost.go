package spine

// shardLost forgets what was handed out of a shard up to a number: the backend hands it out again.
// What of it runs or settles is void.
func (c *core) shardLost(shard uint32, handouts uint64) {
	if handouts <= c.lost[shard] {
		return // told already
	}
	c.lost[shard] = handouts
	c.stats.shardsLost++
	gone := func(i uint32) bool {
		w := &c.ledger.works[i]
		return w.shard == shard && w.handout <= handouts
	}
	for _, o := range c.organs {
		if o.holds != nil {
			o.holds.drop(gone)
		}
		for _, l := range o.lanes {
			l.queue.filter(func(i uint32) bool { return !gone(i) })
			if o.keyed {
				l.forget = true
				c.touch(l)
			}
		}
	}
	void := 0
	for i := range c.ledger.works {
		w := &c.ledger.works[i]
		if !gone(uint32(i)) {
			continue
		}
		switch w.state {
		case workQueued:
			c.release(uint32(i))
			void++
		case workRunning, workSettling:
			w.state = workVoid
			void++
		}
	}
	if void > 0 { // else it has only changed hands
		c.note(Note{Kind: NoteShardLost})
	}
}
