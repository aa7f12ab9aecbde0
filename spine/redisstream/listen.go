package redisstream

import (
	"context"
	"slices"
	"sync"
	"time"
)

// listener waits on the server for entries that are new, on a connection of its own, whenever a Pull has nothing to do. It
// changes nothing there.
type listener struct {
	once  sync.Once
	asked chan struct{}
	bell  string // last id read of it
}

func (l *listener) start(b *Backend) {
	l.once.Do(func() {
		l.asked = make(chan struct{}, 1)
		l.bell = "0-0"                  // what rings between two rounds counts
		b.group.Go(func() { l.run(b) }) // ends with Close
	})
}

// listen asks for one round.
func (l *listener) listen(b *Backend) {
	select {
	case l.asked <- struct{}{}:
	default:
	}
}

func (l *listener) run(b *Backend) {
	for {
		var err error
		select {
		case <-b.closing:
			return
		case <-l.asked:
			err = l.round(b)
		case <-b.asks.nudge:
			b.asks.soon(lookOften)
		case <-b.asks.alarm():
			err = b.readBox(nil)
		}
		if err != nil {
			if b.rest(context.Background(), 1) != nil {
				return
			}
		}
	}
}

func (l *listener) round(b *Backend) error {
	b.mu.Lock()
	var shards []*shard
	for _, s := range b.shards {
		if s.serves() && s.drained && !s.hot {
			shards = append(shards, s)
		}
	}
	args := blockArgs(b.keys.bell(), l.bell, shards, b.beatTime())
	b.mu.Unlock()
	box := b.keys.box(b.owner)
	if b.asks.open() {
		args = withStream(args, box, "0-0")
	}
	c := plain(args...)
	b.server.wait(context.Background(), c)
	if c.err != nil || c.reply == nil {
		return c.err
	}
	l.heard(b, shards, c)
	if mail := entriesIn(c.reply, box); len(mail) > 0 {
		return b.readBox(mail)
	}
	return nil
}

// heard takes what a round has brought, but for messages.
func (l *listener) heard(b *Backend, shards []*shard, c *call) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, x := range list(c.reply) {
		stream := list(x)
		if len(stream) < 2 || text(stream[0]) != b.keys.bell() {
			continue
		}
		if entries := list(stream[1]); len(entries) > 0 {
			l.bell = text(list(entries[len(entries)-1])[0])
		}
		for _, s := range b.shards {
			s.nextLate = -1
		}
	}
	b.peeked(shards, c)
	b.broadcast()
}

// withStream adds a stream to a blocking read.
func withStream(args []any, key, last string) []any {
	ids := len(args) - (len(args)-firstStream)/2
	return append(slices.Insert(args, ids, any(key)), last)
}

// firstStream is where the streams begin in a blocking read.
const firstStream = 6

// entriesIn reads what a reply has of one stream.
func entriesIn(reply any, key string) []rawEntry {
	for _, x := range list(reply) {
		if stream := list(x); len(stream) > 1 && text(stream[0]) == key {
			return entriesOf(list(stream[1]))
		}
	}
	return nil
}

func blockArgs(bell, last string, shards []*shard, block time.Duration) []any {
	args := []any{"XREAD", "COUNT", 1, "BLOCK", max(min(block, longestBlock).Milliseconds(), 1), "STREAMS", bell}
	for _, s := range shards {
		args = append(args, s.in)
	}
	args = append(args, last)
	for _, s := range shards {
		args = append(args, s.lastSeen.String())
	}
	return args
}

// peekEvery is how often a node that is busy looks for what others have added.
const peekEvery = time.Millisecond

// peekArgs asks without waiting which streams have something. The lock must be held.
func peekArgs(shards []*shard) []any {
	args := []any{"XREAD", "COUNT", 1, "STREAMS"}
	for _, s := range shards {
		args = append(args, s.in)
	}
	for _, s := range shards {
		args = append(args, s.lastSeen.String())
	}
	return args
}

// peeked notes which shards have something. The lock must be held.
func (b *Backend) peeked(shards []*shard, c *call) {
	if c.err != nil {
		return
	}
	news := map[string]bool{}
	for _, x := range list(c.reply) {
		if stream := list(x); len(stream) > 0 {
			news[text(stream[0])] = true
		}
	}
	for _, s := range shards {
		if news[s.in] {
			s.stir()
		}
	}
}
