package redisstream

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Health is how the store is, as a server that was asked just now tells. What is counted is read where it is
// counted: nothing is scanned.
type Health struct {
	At        time.Time // when the server was asked
	Reachable bool
	Err       error         // why not, or what could not be read
	Latency   time.Duration // of the question
	Version   string
	Role      string // master, or the store cannot be written
	// Whether the server keeps an append-only file, whether the last write to it went well, and how often a write had to
	// wait because the disk was slow: when that grows under appendfsync everysec, a crash can lose seconds.
	AppendOnly    bool
	AppendFailing bool
	DelayedFsyncs int64
	Memory        int64 // bytes
	MaxMemory     int64 // bytes; 0: no limit
	Evicting      bool  // the server may throw events away

	Accepted int64 // events, ever
	Capacity int   // events that may be unacknowledged
	Services []ServiceHealth
	Shards   []ShardHealth
}

// ServiceHealth is how far a service is.
type ServiceHealth struct {
	Name          string
	Finished      int64         // events, ever; those that were there before it are included
	Backlog       int64         // events that it has not finished, delayed ones included
	Pending       int64         // of them, those that were handed out once
	Deferred      int64         // of these, those that wait for a retry, or for their organ
	OldestPending time.Duration // since the creation of the oldest of them, in stream order; 0: there is none
	DeadLetters   int64
	LetterLimit   int
	Shards        []ServiceShard
}

// ServiceShard is how far a service is in one shard.
type ServiceShard struct {
	Shard    int
	Node     string // who holds the lease; "" when nobody does
	Epoch    int64  // how often the shard was taken over
	Pending  int64  // entries that were handed out and are not finished
	Deferred int64  // of these, those that wait for a retry, or for their organ
	Unread   int64  // entries that were not handed out yet; -1: the server has lost count
	Finished int64  // entries of the stream, ever; -1: the server has lost count
	Cells    int64  // of keyed organs that have state here and have not expired
	// Oldest is the age of the oldest entry that is not finished, in stream order: of those that were handed out, or not; 0: there is none.
	Oldest time.Duration
}

// Backlog is how many entries are not finished, without delayed ones.
func (s ServiceShard) Backlog() int64 { return s.Pending + max(s.Unread, 0) }

// ShardHealth is what all services share of a shard.
type ShardHealth struct {
	Shard   int
	Length  int64 // entries in the stream, settled ones that are not trimmed included
	Delayed int64 // events that are not due
}

// Health asks the server how it is. It needs no service; ctx bounds how long it waits.
func (b *Backend) Health(ctx context.Context) Health {
	h := Health{Capacity: b.settings.capacity}
	if h.Err = b.found(ctx); h.Err != nil {
		return h
	}
	began := time.Now()
	h.At = began
	calls := []*call{plain("INFO"), plain("HGETALL", b.keys.load())}
	for _, s := range b.shards {
		calls = append(calls, plain("XLEN", s.in), plain("ZCARD", s.shardKeys.delayed))
	}
	if h.Err = b.askAll(ctx, calls); h.Err != nil {
		return h
	}
	h.Reachable, h.Latency = true, time.Since(began)
	h.read(text(calls[0].reply))
	finished := map[string]int64{}
	for load := stringsOf(list(calls[1].reply)); len(load) > 1; load = load[2:] {
		n, _ := strconv.ParseInt(load[1], 10, 64) // the scripts write nothing else
		if name, ok := strings.CutPrefix(load[0], "a:"); ok {
			finished[name] = n
		} else {
			h.Accepted = n
		}
	}
	for i := range b.shards {
		h.Shards = append(h.Shards, ShardHealth{i, number(calls[2+2*i].reply), number(calls[3+2*i].reply)})
	}
	for name, n := range finished {
		s, err := b.serviceHealth(ctx, name)
		s.Finished, s.Backlog = n, max(0, h.Accepted-n) // what the original has appended was not counted
		h.Services, h.Err = append(h.Services, s), errors.Join(h.Err, err)
	}
	slices.SortFunc(h.Services, func(a, b ServiceHealth) int { return strings.Compare(a.Name, b.Name) })
	return h
}

// askAll sends plain commands once.
func (b *Backend) askAll(ctx context.Context, calls []*call) error {
	b.server.do(ctx, calls, nil)
	for _, c := range calls {
		if c.err != nil {
			return c.err
		}
	}
	return nil
}

// read takes what INFO tells.
func (h *Health) read(info string) {
	facts := map[string]string{}
	for line := range strings.Lines(info) {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), ":"); ok {
			facts[name] = value
		}
	}
	count := func(name string) int64 {
		n, _ := strconv.ParseInt(facts[name], 10, 64) // 0 where the server does not tell
		return n
	}
	h.Version, h.Role = facts["redis_version"], facts["role"]
	h.AppendOnly = facts["aof_enabled"] == "1"
	h.AppendFailing = h.AppendOnly && facts["aof_last_write_status"] != "ok"
	h.DelayedFsyncs = count("aof_delayed_fsync")
	h.Memory, h.MaxMemory = count("used_memory"), count("maxmemory")
	h.Evicting = facts["maxmemory_policy"] != "noeviction"
}

func (b *Backend) serviceHealth(ctx context.Context, name string) (ServiceHealth, error) {
	h := ServiceHealth{Name: name, LetterLimit: b.settings.letters}
	calls := []*call{plain("XLEN", b.keys.letters(name))}
	for _, s := range b.shards {
		own := s.shardKeys.of(name, nil).own
		calls = append(calls, plain("HMGET", own, "tok", "node", "epoch"), plain("XPENDING", s.in, name))
	}
	if err := b.askAll(ctx, calls); err != nil {
		return h, err
	}
	h.DeadLetters = number(calls[0].reply)
	var oldest []*call
	for i, s := range b.shards {
		own, pending := list(calls[1+2*i].reply), list(calls[2+2*i].reply)
		x := ServiceShard{Shard: i}
		if len(own) == 3 && text(own[0]) != "" {
			x.Node = text(own[1])
		}
		if len(own) == 3 {
			x.Epoch = int64(parseNumber(text(own[2])))
		}
		if len(pending) == 4 && number(pending[0]) > 0 {
			x.Pending, x.Deferred = number(pending[0]), pendingOf(list(pending[3]), deferredTo)
			oldest = append(oldest, plain("XRANGE", s.in, pending[1], pending[1]))
		}
		h.Pending, h.Deferred = h.Pending+x.Pending, h.Deferred+x.Deferred
		h.Shards = append(h.Shards, x)
	}
	if err := b.askAll(ctx, oldest); err != nil {
		return h, err
	}
	for _, c := range oldest {
		i, age := slices.IndexFunc(b.shards, func(s *shard) bool { return s.in == c.args[1] }), b.ageOf(c)
		h.OldestPending, h.Shards[i].Oldest = max(h.OldestPending, age), age
	}
	return h, b.lookCloser(ctx, &h)
}

// pendingOf is how many entries a consumer has, of those that XPENDING lists.
func pendingOf(consumers []any, name string) int64 {
	for _, x := range consumers {
		if c := list(x); len(c) == 2 && text(c[0]) == name {
			return int64(parseNumber(text(c[1])))
		}
	}
	return 0
}

// Ready reports what keeps the store from taking and settling events, nil when nothing does.
func (h Health) Ready() error {
	var errs []error
	add := func(bad bool, why string) {
		if bad {
			errs = append(errs, errors.New("redisstream: "+why))
		}
	}
	if h.Err != nil {
		errs = append(errs, h.Err)
	}
	add(h.Reachable && h.Role != "master", "the server's role is "+strconv.Quote(h.Role)+", not master")
	add(h.AppendFailing, "the server cannot write its append-only file")
	add(h.Reachable && h.Evicting, "the server may evict events: maxmemory-policy is not noeviction")
	add(h.MaxMemory > 0 && h.Memory >= h.MaxMemory, "the server is out of memory")
	for _, s := range h.Services {
		add(s.DeadLetters >= int64(s.LetterLimit), "service "+s.Name+" has no room for another dead letter")
		add(s.Backlog >= int64(h.Capacity), "the backlog of service "+s.Name+" is full")
	}
	return errors.Join(errs...)
}
