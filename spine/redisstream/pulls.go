package redisstream

import "slices"

// pulls are pulls that go to the server together: the guard of each, and then two reads for all that read as much.
type pulls struct {
	shards   []*shard
	requests []*pullRequest
	calls    []*call
	reads    []*groupRead
	joins    []joined // guards that commits take the place of
	whole    bool     // commits, guards and reads are one transaction
}

// groupRead is one command that reads of several streams.
type groupRead struct {
	call  *call
	old   bool // what is pending, instead of what is new
	count int
}

// prepare makes the calls.
func (b *Backend) prepare(shards []*shard, requests []*pullRequest) *pulls {
	p := &pulls{shards: shards, requests: requests, calls: make([]*call, 0, len(requests)+3)}
	var counts []int
	for _, r := range requests {
		r.guard.reply, r.guard.err = nil, nil
		p.calls = append(p.calls, &r.guard)
		if !slices.Contains(counts, r.count) {
			counts = append(counts, r.count)
		}
	}
	for _, count := range counts {
		p.read(b.service.Name, count, true)
		p.read(b.service.Name, count, false)
	}
	return p
}

func (p *pulls) read(service string, count int, old bool) {
	args := append(make([]any, 0, 7+2*len(p.shards)), "XREADGROUP", "GROUP", service, owner, "COUNT", count, "STREAMS")
	for i, r := range p.requests {
		if r.count == count {
			args = append(args, p.shards[i].in)
		}
	}
	for _, r := range p.requests {
		switch {
		case r.count != count:
		case old:
			args = append(args, r.lastSeen)
		default:
			args = append(args, ">")
		}
	}
	c := &call{args: args}
	p.calls = append(p.calls, c)
	p.reads = append(p.reads, &groupRead{call: c, old: old, count: count})
}

// of returns what was read of a shard.
func (p *pulls) of(s *shard, r *pullRequest, old bool) []rawEntry {
	for _, x := range p.reads {
		if x.count != r.count || x.old != old {
			continue
		}
		for _, stream := range list(x.call.reply) {
			if part := list(stream); len(part) == 2 && text(part[0]) == s.in {
				return entriesOf(list(part[1]))
			}
		}
	}
	return nil
}

// pullsAnswered takes the answers of pulls. The lock must be held.
func (b *Backend) pullsAnswered(p *pulls) error {
	for _, c := range p.calls {
		if c.err != nil {
			return b.pullRefused(c.err)
		}
	}
	for i, r := range p.requests {
		s := p.shards[i]
		if s.request != r || r.guard.err != nil {
			continue // the shard was lost meanwhile, or the commit that was to pull was not applied now
		}
		b.pullAnswered(s, r, p.of(s, r, true), p.of(s, r, false))
	}
	return nil
}
