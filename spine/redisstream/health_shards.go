package redisstream

import (
	"context"
	"time"
)

// lookCloser adds what the groups of the streams tell of a service, and how many cells it has.
func (b *Backend) lookCloser(ctx context.Context, h *ServiceHealth) error {
	organs := plain("HGET", b.keys.service(h.Name), "organs")
	var groups []*call
	for _, s := range b.shards {
		groups = append(groups, plain("XINFO", "GROUPS", s.in))
	}
	if err := b.askAll(ctx, append(groups, organs)); err != nil {
		return err
	}
	names := splitOrgans(text(organs.reply))
	var cells, first []*call
	for i, s := range b.shards {
		g := groupOf(list(groups[i].reply), h.Name)
		x := &h.Shards[i]
		x.Unread, x.Finished = countOf(g["lag"]), countOf(g["entries-read"])
		switch {
		case x.Finished >= 0:
			x.Finished -= x.Pending
		case text(g["last-delivered-id"]) == "0-0":
			x.Finished = 0 // nothing was read yet
		}
		first = append(first, plain("XRANGE", s.in, "("+orFirst(text(g["last-delivered-id"])), "+", "COUNT", 1))
		for _, key := range s.shardKeys.of(h.Name, names).idle {
			cells = append(cells, plain("ZCARD", key))
		}
	}
	if err := b.askAll(ctx, append(cells, first...)); err != nil {
		return err
	}
	for i, c := range cells {
		h.Shards[i/len(names)].Cells += number(c.reply)
	}
	for i, c := range first {
		h.Shards[i].Oldest = max(h.Shards[i].Oldest, b.ageOf(c))
	}
	return nil
}

// ageOf is the age of the entry that was read, by its event; 0 where there is none.
func (b *Backend) ageOf(c *call) (age time.Duration) {
	for _, raw := range entriesOf(list(c.reply)) {
		if ev, err := decodeEntry(raw.values); err == nil {
			age = max(age, b.settings.now().Sub(ev.Time()))
		}
	}
	return age
}

// groupOf finds a service among the groups of a stream.
func groupOf(groups []any, service string) map[string]any {
	for _, x := range groups {
		words, g := list(x), map[string]any{}
		for i := 0; i+1 < len(words); i += 2 {
			g[text(words[i])] = words[i+1]
		}
		if text(g["name"]) == service {
			return g
		}
	}
	return nil
}

// countOf is a count of the server's, -1 where it has none.
func countOf(reply any) int64 {
	if n, ok := reply.(int64); ok {
		return n
	}
	return -1
}

func orFirst(id string) string {
	if id == "" {
		return "0-0"
	}
	return id
}

// Share is the part of the service's entries that are not finished which lies in a shard, 0 to 1. Where it is far above 1/shards
// the shard is hot: many events have one key, or its owner is slow.
func (s ServiceHealth) Share(shard int) float64 {
	all := int64(0)
	for _, x := range s.Shards {
		all += x.Backlog()
	}
	if all == 0 || shard >= len(s.Shards) {
		return 0
	}
	return float64(s.Shards[shard].Backlog()) / float64(all)
}

// Rate is how fast a service was between two looks, in events a second.
type Rate struct {
	Total  float64
	Shards []float64 // -1 where the server has lost count
}

// Rate is how fast a service was since an earlier look.
func (h Health) Rate(before Health, service string) Rate {
	seconds := h.At.Sub(before.At).Seconds()
	now, was := h.service(service), before.service(service)
	if seconds <= 0 || len(now.Shards) != len(was.Shards) {
		return Rate{}
	}
	r := Rate{Total: float64(now.Finished-was.Finished) / seconds}
	for i, x := range now.Shards {
		rate := -1.0
		if x.Finished >= 0 && was.Shards[i].Finished >= 0 {
			rate = max(float64(x.Finished-was.Shards[i].Finished), 0) / seconds
		}
		r.Shards = append(r.Shards, rate)
	}
	return r
}

func (h Health) service(name string) ServiceHealth {
	for _, s := range h.Services {
		if s.Name == name {
			return s
		}
	}
	return ServiceHealth{}
}
