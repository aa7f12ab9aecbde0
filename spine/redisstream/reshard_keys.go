package redisstream

import (
	"context"
	"fmt"
	"strconv"
	"strings"
)

// keysAtOnce is how many members of a key one command reads.
const keysAtOnce = 200

// moveDelayed moves events that are not due. Those of one key lie in one shard, and keep their order.
func (m *mover) moveDelayed(ctx context.Context) error {
	for _, s := range m.shards {
		for at := 0; ; at += keysAtOnce {
			page := plain("ZRANGE", s.shardKeys.delayed, at, at+keysAtOnce-1, "WITHSCORES")
			if err := m.read(ctx, page); err != nil {
				return err
			}
			words := stringsOf(list(page.reply))
			if len(words) == 0 {
				break
			}
			if err := m.moveDelayedPage(ctx, s, words); err != nil {
				return err
			}
		}
	}
	return nil
}

func (m *mover) moveDelayedPage(ctx context.Context, s *shard, words []string) error {
	ask := []any{"HMGET", s.delayedEntries}
	for i := 0; i < len(words); i += 2 {
		ask = append(ask, words[i])
	}
	entries := plain(ask...)
	if err := m.read(ctx, entries); err != nil {
		return err
	}
	for i := 0; i < len(words); i += 2 {
		kept := text(entries.part(i / 2))
		if kept == "" {
			continue
		}
		to := m.shardFor(entryWords(kept))
		t := m.target[to]
		m.late[to]++
		number := fmt.Sprintf("%016d", m.late[to])
		if err := m.write(ctx, []string{t.delayed}, "ZADD", t.delayed, words[i+1], number); err != nil {
			return err
		}
		if err := m.write(ctx, []string{t.delayedEntries}, "HSET", t.delayedEntries, number, kept); err != nil {
			return err
		}
		m.report.Delayed++
	}
	return nil
}

// moveKeys moves cells, what is known of their age, and published ids: whatever has a key of its own.
func (m *mover) moveKeys(ctx context.Context) error {
	return m.scan(ctx, func(keys []string) error {
		for _, key := range keys {
			if err := m.moveKey(ctx, key); err != nil {
				return fmt.Errorf("key %q: %w", key, err)
			}
		}
		return nil
	})
}

func (m *mover) moveKey(ctx context.Context, key string) error {
	generation, shard, rest, ok := m.parseKey(key)
	if !ok || generation != m.generation || shard >= len(m.shards) {
		return nil
	}
	switch kind, name, _ := strings.Cut(rest, ":"); kind {
	case "cell":
		return m.moveCell(ctx, key, rest, name)
	case "idle":
		return m.moveIdle(ctx, key, rest)
	case "dd":
		return m.moveIDs(ctx, key, name)
	}
	return nil
}

// moveCell copies a cell, in pieces if it is large. Of a cell's name there is the service, the organ, and its key.
func (m *mover) moveCell(ctx context.Context, key, rest, name string) error {
	_, name, ok := cutSized(name)
	_, cell, okOrgan := cutSized(name)
	if !ok || !okOrgan {
		return nil
	}
	target := m.target[m.shardOfKey(cell)].tag + rest
	size := plain("HLEN", key)
	if err := m.read(ctx, size); err != nil && !isWrongType(err) {
		return err
	}
	m.report.Cells++
	if number(size.reply) > largeCell {
		return m.moveFields(ctx, key, func(words []string) error {
			return m.write(ctx, []string{target}, append([]any{"HSET", target}, anys(words)...)...)
		})
	}
	if err := m.write(ctx, []string{key, target}, "COPY", key, target); err != nil {
		return err
	}
	return m.weigh(ctx, number(size.reply))
}

// largeCell is how many fields of a cell are copied at once.
const largeCell = 2000

// cutSized takes a name with its length before it off, and the colon behind it.
func cutSized(s string) (name, rest string, ok bool) {
	digits, s, ok := strings.Cut(s, ":")
	n, err := strconv.Atoi(digits)
	if !ok || err != nil || n < 0 || n >= len(s) || s[n] != ':' {
		return "", "", false
	}
	return s[:n], s[n+1:], true
}

func anys(words []string) []any {
	all := make([]any, len(words))
	for i, word := range words {
		all[i] = word
	}
	return all
}

// moveFields reads the fields of a hash.
func (m *mover) moveFields(ctx context.Context, key string, do func(words []string) error) error {
	for cursor := "0"; ; {
		c := plain("HSCAN", key, cursor, "COUNT", keysAtOnce)
		if err := m.read(ctx, c); err != nil {
			return err
		}
		words := stringsOf(list(c.part(1)))
		for len(words) > 0 {
			n := min(len(words), 2*keysAtOnce) // a small hash comes whole
			if err := do(words[:n]); err != nil {
				return err
			}
			words = words[n:]
		}
		if cursor = text(c.part(0)); cursor == "0" {
			return nil
		}
	}
}

// moveIdle moves since when cells have not changed.
func (m *mover) moveIdle(ctx context.Context, key, rest string) error {
	for at := 0; ; at += keysAtOnce {
		c := plain("ZRANGE", key, at, at+keysAtOnce-1, "WITHSCORES")
		if err := m.read(ctx, c); err != nil {
			return err
		}
		words := stringsOf(list(c.reply))
		if len(words) == 0 {
			return nil
		}
		for i := 0; i+1 < len(words); i += 2 {
			target := m.target[m.shardOfKey(words[i])].tag + rest
			if err := m.write(ctx, []string{target}, "ZADD", target, words[i+1], words[i]); err != nil {
				return err
			}
		}
	}
}

// moveIDs moves published ids of a time. All of them are forgotten when the first would have been: that is long after the window.
func (m *mover) moveIDs(ctx context.Context, key, bucket string) error {
	n, err := strconv.ParseInt(bucket, 10, 64)
	if err != nil {
		return nil // it is nothing of ours
	}
	left := plain("PTTL", key)
	if err := m.read(ctx, left); err != nil {
		return err
	}
	expiry := map[string]bool{}
	return m.moveFields(ctx, key, func(words []string) error {
		for i := 0; i < len(words); i += 2 {
			target := m.target[m.shardOfID(words[i])].ids(n)
			if err := m.write(ctx, []string{target}, "HSET", target, words[i], words[i+1]); err != nil {
				return err
			}
			m.report.IDs++
			if expiry[target] || number(left.reply) < 0 {
				continue
			}
			expiry[target] = true
			if err := m.write(ctx, []string{target}, "PEXPIRE", target, number(left.reply)); err != nil {
				return err
			}
		}
		return nil
	})
}
