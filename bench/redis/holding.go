package redis

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	goredis "github.com/redis/go-redis/v9"
)

// Holding is what a store has of one kind of keys.
type Holding struct {
	Kind    string `json:"kind"` // the word after the namespace, or after the shard
	Keys    int    `json:"keys"`
	Entries int64  `json:"entries"` // of streams, fields of hashes, members of sets
	Pending int64  `json:"pending"` // entries handed out and not acknowledged
	Bytes   int64  `json:"bytes"`   // as MEMORY USAGE estimates it
}

// scanned is how many keys are asked for at a time: more would be a slow call themselves.
const scanned = 100

// holdings looks at every key, kind by kind in the order of their names.
func holdings(ctx context.Context, client *goredis.Client) ([]Holding, error) {
	kinds := map[string]*Holding{}
	err := eachKey(ctx, client, "", func(key string) error {
		kind := kindOfKey(key)
		if kinds[kind] == nil {
			kinds[kind] = &Holding{Kind: kind}
		}
		return kinds[kind].add(ctx, client, key)
	})
	var all []Holding
	for _, h := range kinds {
		all = append(all, *h)
	}
	slices.SortFunc(all, func(a, b Holding) int { return cmp.Compare(a.Kind, b.Kind) })
	return all, err
}

// entries is the length of all streams together.
func entries(ctx context.Context, client *goredis.Client) (sum int64, err error) {
	err = eachKey(ctx, client, streamType, func(key string) error {
		n, err := client.XLen(ctx, key).Result()
		sum += n
		return err
	})
	return sum, err
}

const streamType = "stream"

// eachKey calls f for every key of a type, of any type for "".
func eachKey(ctx context.Context, client *goredis.Client, keyType string, f func(key string) error) error {
	seen := map[string]bool{} // a scan may name a key twice
	keys := client.Scan(ctx, 0, "", scanned).Iterator()
	if keyType != "" {
		keys = client.ScanType(ctx, 0, "", scanned, keyType).Iterator()
	}
	for keys.Next(ctx) {
		key := keys.Val()
		if seen[key] {
			continue
		}
		seen[key] = true
		if err := f(key); err != nil {
			return fmt.Errorf("look at key %q: %w", key, err)
		}
	}
	return keys.Err()
}

// kindOfKey is the word that says what a key of our store is for: ns:WORD:… or {ns:shard}:WORD:….
func kindOfKey(key string) string {
	before := ":"
	if strings.HasPrefix(key, "{") {
		before = "}:"
	}
	_, rest, ok := strings.Cut(key, before)
	if !ok {
		return key
	}
	kind, _, _ := strings.Cut(rest, ":")
	return kind
}

func (h *Holding) add(ctx context.Context, client *goredis.Client, key string) error {
	is, err := client.Type(ctx, key).Result()
	if err != nil {
		return err
	}
	bytes, err := client.MemoryUsage(ctx, key).Result()
	if err != nil {
		return err
	}
	h.Keys++
	h.Bytes += bytes
	n := int64(1)
	switch is {
	case streamType:
		n, err = client.XLen(ctx, key).Result()
		if err == nil {
			err = h.addPending(ctx, client, key)
		}
	case "hash":
		n, err = client.HLen(ctx, key).Result()
	case "zset":
		n, err = client.ZCard(ctx, key).Result()
	case "set":
		n, err = client.SCard(ctx, key).Result()
	}
	h.Entries += n
	return err
}

func (h *Holding) addPending(ctx context.Context, client *goredis.Client, key string) error {
	groups, err := client.XInfoGroups(ctx, key).Result()
	for _, g := range groups {
		h.Pending += g.Pending
	}
	return err
}
