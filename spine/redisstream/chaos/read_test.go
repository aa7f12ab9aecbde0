package chaos_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/redis/go-redis/v9"

	"github.com/necrostack/necrostack/actors"
)

// content is what a store holds of one namespace, read key by key. The names and types of keys are those in
// keys.go; nothing of the backend reads them here.
type content struct {
	shards  []shardContent
	letters []letterContent
	load    map[string]string
	strange []string // keys that nobody knows, and what cannot be read
}

type shardContent struct {
	place
	entries []recorded       // in the stream, oldest first
	left    map[string]int64 // what should be empty: sizes, by key
	own     map[string]string
	cells   []cellContent
}

// place is how far a service has come in a shard.
type place struct {
	length    int64
	generated string // last id of the stream
	delivered string // last id that the service has got
	pending   int64
}

// recorded is an event in the store.
type recorded struct {
	id     string // of the entry
	event  actors.ID
	typ    string
	key    string
	replay bool
	only   string
	body   body
}

// body has the fields of all payloads.
type body struct {
	N      uint64
	From   string
	To     string
	Amount int64
	Part   int
}

type letterContent struct {
	organ, reason, attempts string
	event                   recorded
}

type cellContent struct {
	organ, key string
	fields     map[string]string
}

// reader reads a namespace.
type reader struct {
	client    *redis.Client
	namespace string
	shards    int
}

func sized(name string) string { return strconv.Itoa(len(name)) + ":" + name }

func (r reader) tag(shard int) string { return fmt.Sprintf("{%s:%d}:", r.namespace, shard) }

func (r reader) own(shard int) string { return r.tag(shard) + "own:" + sized(service) }

func (r reader) read(ctx context.Context) (content, error) {
	c := content{shards: make([]shardContent, r.shards)}
	keys, err := r.keys(ctx)
	if err != nil {
		return c, err
	}
	for i := range c.shards {
		c.shards[i].left = map[string]int64{}
		if err := r.stream(ctx, &c, i); err != nil {
			return c, fmt.Errorf("shard %d: %w", i, err)
		}
	}
	for _, key := range keys {
		if err := r.key(ctx, &c, key); err != nil {
			return c, fmt.Errorf("key %q: %w", key, err)
		}
	}
	return c, nil
}

// keys are all of the namespace, sorted.
func (r reader) keys(ctx context.Context) ([]string, error) {
	var keys []string
	for _, pattern := range []string{r.namespace + ":*", "{" + r.namespace + ":*"} {
		scan := r.client.Scan(ctx, 0, pattern, 1000).Iterator()
		for scan.Next(ctx) {
			keys = append(keys, scan.Val())
		}
		if err := scan.Err(); err != nil {
			return nil, err
		}
	}
	slices.Sort(keys)
	return slices.Compact(keys), nil
}

// stream reads the events of a shard, and how far the service has come.
func (r reader) stream(ctx context.Context, c *content, shard int) error {
	s, key := &c.shards[shard], r.tag(shard)+"in"
	messages, err := r.client.XRange(ctx, key, "-", "+").Result()
	if err != nil {
		return err
	}
	for _, m := range messages {
		ev, err := decode(m.ID, m.Values["e"])
		if err != nil {
			c.strange = append(c.strange, fmt.Sprintf("entry %s of %s: %v", m.ID, key, err))
			continue
		}
		s.entries = append(s.entries, ev)
	}
	at, err := r.place(ctx, shard)
	s.place = at
	return err
}

// place reads how far the service has come in a shard.
func (r reader) place(ctx context.Context, shard int) (p place, err error) {
	key := r.tag(shard) + "in"
	info, err := r.client.XInfoStream(ctx, key).Result()
	if err != nil {
		return p, err
	}
	p.length, p.generated = info.Length, info.LastGeneratedID
	groups, err := r.client.XInfoGroups(ctx, key).Result()
	for _, g := range groups {
		if g.Name == service {
			p.delivered, p.pending = g.LastDeliveredID, g.Pending
		}
	}
	return p, err
}

// before compares ids of a stream.
func before(a, b string) bool {
	ms := func(id string) (time, seq uint64) {
		_, _ = fmt.Sscanf(id, "%d-%d", &time, &seq) // The server has made it.
		return time, seq
	}
	aTime, aSeq := ms(a)
	bTime, bSeq := ms(b)
	return aTime < bTime || aTime == bTime && aSeq < bSeq
}

func decode(id string, value any) (recorded, error) {
	text, ok := value.(string)
	if !ok {
		return recorded{}, fmt.Errorf("it has no field e")
	}
	var ev actors.Event
	if err := ev.UnmarshalBinary([]byte(text)); err != nil {
		return recorded{}, err
	}
	return recordedOf(id, ev)
}

func recordedOf(id string, ev actors.Event) (recorded, error) {
	x := recorded{id: id, event: ev.ID(), typ: ev.Type(), key: ev.Key(), only: ev.Only(), replay: ev.Only() != ""}
	data, _, err := ev.Data()
	if err != nil {
		return x, err
	}
	return x, json.Unmarshal(data, &x.body)
}

// key reads what the streams have not told yet.
func (r reader) key(ctx context.Context, c *content, key string) error {
	if rest, ok := strings.CutPrefix(key, "{"+r.namespace+":"); ok {
		number, name, _ := strings.Cut(rest, "}:")
		shard, err := strconv.Atoi(number)
		if err != nil || shard >= len(c.shards) {
			c.strange = append(c.strange, "key "+key)
			return nil
		}
		return r.shardKey(ctx, c, &c.shards[shard], key, name)
	}
	name := strings.TrimPrefix(key, r.namespace+":")
	var err error
	switch {
	case name == "meta", name == "bell", name == "svc:"+sized(service), strings.HasPrefix(name, "pub:"):
	case name == "nodes:"+sized(service), name == "agreed:"+sized(service), strings.HasPrefix(name, "box:"):
	case name == "load":
		c.load, err = r.client.HGetAll(ctx, key).Result()
	case name == "dlq:"+sized(service):
		err = r.letters(ctx, c, key)
	default:
		c.strange = append(c.strange, "key "+key)
	}
	return err
}

func (r reader) shardKey(ctx context.Context, c *content, s *shardContent, key, name string) (err error) {
	mine := sized(service)
	switch {
	case name == "in", strings.HasPrefix(name, "dd:"), strings.HasPrefix(name, "idle:"+mine+":"):
	case name == "dl", strings.HasPrefix(name, "due:"+mine+":"):
		s.left[name], err = r.client.ZCard(ctx, key).Result()
	case name == "dlp":
		// Beside the entries it holds the last number given.
		var keys []string
		keys, err = r.client.HKeys(ctx, key).Result()
		s.left[name] = int64(len(slices.DeleteFunc(keys, func(k string) bool { return k == "#" })))
	case name == "prog:"+mine, name == "sus:"+mine:
		s.left[name], err = r.client.HLen(ctx, key).Result()
	case name == "own:"+mine:
		s.own, err = r.client.HGetAll(ctx, key).Result()
	case strings.HasPrefix(name, "cell:"+mine+":"):
		err = r.cell(ctx, c, s, key, strings.TrimPrefix(name, "cell:"+mine+":"))
	default:
		c.strange = append(c.strange, "key "+key)
	}
	return err
}

func (r reader) cell(ctx context.Context, c *content, s *shardContent, key, name string) error {
	length, rest, _ := strings.Cut(name, ":")
	n, err := strconv.Atoi(length)
	if err != nil || n >= len(rest) {
		c.strange = append(c.strange, "key "+key)
		return nil
	}
	fields, err := r.client.HGetAll(ctx, key).Result()
	s.cells = append(s.cells, cellContent{organ: rest[:n], key: rest[n+1:], fields: fields})
	return err
}

// changes is how often a cell has changed.
func (r reader) changes(ctx context.Context, organ, key string) (int, error) {
	shard := int(actors.HashKey(key) % uint64(r.shards))
	n, err := r.client.HGet(ctx, r.tag(shard)+"cell:"+sized(service)+":"+sized(organ)+":"+key, "n").Int()
	if errors.Is(err, redis.Nil) {
		return 0, nil
	}
	return n, err
}

func (r reader) letters(ctx context.Context, c *content, key string) error {
	messages, err := r.client.XRange(ctx, key, "-", "+").Result()
	for _, m := range messages {
		ev, err := decode(m.ID, m.Values["e"])
		if err != nil {
			c.strange = append(c.strange, fmt.Sprintf("dead letter %s, %v: %v", m.ID, m.Values, err))
			continue
		}
		l := letterContent{event: ev}
		l.organ, _ = m.Values["organ"].(string)
		l.reason, _ = m.Values["reason"].(string)
		l.attempts, _ = m.Values["attempts"].(string)
		c.letters = append(c.letters, l)
	}
	return err
}

// counts is how much is pending or delayed in all shards.
func (r reader) counts(ctx context.Context) (int64, error) {
	var n int64
	for shard := range r.shards {
		p, err := r.client.XPending(ctx, r.tag(shard)+"in", service).Result()
		if err != nil {
			return 0, err
		}
		delayed, err := r.client.ZCard(ctx, r.tag(shard)+"dl").Result()
		if err != nil {
			return 0, err
		}
		n += p.Count + delayed
	}
	return n, nil
}

// describe tells what is not at rest, for whoever looks for the reason.
func (r reader) describe(ctx context.Context) string {
	var b strings.Builder
	for shard := range r.shards {
		tag := r.tag(shard)
		fmt.Fprintf(&b, "shard %d: own %v\n", shard, r.client.HGetAll(ctx, r.own(shard)).Val())
		pending := r.client.XPendingExt(ctx, &redis.XPendingExtArgs{Stream: tag + "in", Group: service, Start: "-", End: "+", Count: 20}).Val()
		for _, p := range pending {
			for _, m := range r.client.XRange(ctx, tag+"in", p.ID, p.ID).Val() {
				ev, err := decode(m.ID, m.Values["e"])
				fmt.Fprintf(&b, "  pending %+v: %+v %v\n", p, ev, err)
			}
		}
		for _, name := range []string{"prog:", "sus:"} {
			fmt.Fprintf(&b, "  %s %v\n", name, r.client.HGetAll(ctx, tag+name+sized(service)).Val())
		}
		for _, organ := range organNames {
			due := r.client.ZRangeWithScores(ctx, tag+"due:"+sized(service)+":"+sized(organ), 0, 20).Val()
			fmt.Fprintf(&b, "  due of %s: %v\n", organ, due)
		}
	}
	return b.String()
}
