package redisstream

import (
	"context"
	"strconv"
	"strings"
)

// scan goes through all keys of shards, of whatever generation. It may come to one twice.
func (m *mover) scan(ctx context.Context, do func(keys []string) error) error {
	for cursor := "0"; ; {
		c := plain("SCAN", cursor, "MATCH", "{"+globSafe(m.settings.namespace)+":*", "COUNT", scanAtOnce)
		if err := m.read(ctx, c); err != nil {
			return err
		}
		if err := do(stringsOf(list(c.part(1)))); err != nil {
			return err
		}
		if cursor = text(c.part(0)); cursor == "0" {
			return nil
		}
	}
}

// parseKey takes the key of a shard apart.
func (m *mover) parseKey(key string) (generation string, shard int, rest string, ok bool) {
	tag, rest, ok := strings.Cut(strings.TrimPrefix(key, "{"+m.settings.namespace+":"), "}:")
	number, generation, _ := strings.Cut(tag, ".")
	shard, err := strconv.Atoi(number)
	return generation, shard, rest, ok && err == nil
}

// sweep removes what is neither of the generation in force nor of the one that is being made. What stands in place of an old stream expires by
// itself.
func (m *mover) sweep(ctx context.Context, inForce, attempt string) error {
	return m.scan(ctx, func(keys []string) error {
		var old, streams []string
		var types []*call
		for _, key := range keys {
			generation, _, rest, ok := m.parseKey(key)
			switch {
			case !ok || generation == inForce || attempt != "" && generation == attempt:
			case rest == "in":
				streams, types = append(streams, key), append(types, plain("TYPE", key))
			default:
				old = append(old, key)
			}
		}
		if err := m.read(ctx, types...); err != nil {
			return err
		}
		for i, key := range streams {
			if text(types[i].reply) == "stream" {
				old = append(old, key)
			}
		}
		return m.remove(ctx, old, inForce, attempt)
	})
}

func (m *mover) remove(ctx context.Context, keys []string, inForce, attempt string) error {
	for len(keys) > 0 {
		n := min(len(keys), keysAtOnce)
		c := operatorCall("reshard_sweep", append([]string{m.keys.meta()}, keys[:n]...), []any{inForce, attempt})
		if err := m.until(ctx, c); err != nil {
			return err
		}
		if err := refused(c); err != nil {
			return err
		}
		keys = keys[n:]
	}
	return nil
}
