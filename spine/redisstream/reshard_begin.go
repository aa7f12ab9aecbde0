package redisstream

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"time"

	"github.com/cespare/xxhash/v2"

	"github.com/necrostack/necrostack/actors"
)

// mover is one Reshard. Its Backend stands for the store as it is: with the shards of the generation in force.
type mover struct {
	*Backend
	generation string // in force; "" for that in which the store was created
	wasMoving  bool   // it was broken off before
	attempt    string // the generation that is being made
	switched   bool   // it is in force
	report     Resharded

	operations []*operation // one for each service
	services   []*movedService
	seen       []oldShard // as they were when they were closed
	target     []shardKeys

	page   page
	last   []streamID // by new shard: of its stream
	late   []uint64   // by new shard: delayed events
	runs   int        // events without a key so far
	number uint64     // of the last page
}

// oldShard is what the server tells of a shard when it is closed.
type oldShard struct {
	last      string // id
	length    int64
	delayed   int64
	delivered map[string]streamID // by service
}

// newMover looks at the store.
func (b *Backend) newMover(ctx context.Context, shards int) (*mover, error) {
	c := plain("HMGET", b.keys.meta(), "layout", "shards", "store", "generation")
	if err := b.askAll(ctx, []*call{c}); err != nil {
		return nil, err
	}
	meta := list(c.reply)
	layoutNow, from := text(meta[0]), int(parseNumber(text(meta[1])))
	switch layoutNow {
	case layout, layoutMoved, layoutMoving:
	case "":
		return nil, fmt.Errorf("%w: %q", ErrNoStore, b.settings.namespace)
	default:
		return nil, fmt.Errorf("%w: its layout is %q, this program's is %q", ErrStore, layoutNow, layout)
	}
	m := &mover{
		Backend: &Backend{
			settings: b.settings, keys: b.keys, server: b.server, owner: b.owner, store: text(meta[2]),
			closing: make(chan struct{}), changed: make(chan struct{}),
		},
		generation: text(meta[3]), wasMoving: layoutNow == layoutMoving,
		report: Resharded{From: from, To: shards},
		last:   make([]streamID, shards), late: make([]uint64, shards),
	}
	m.settings.shards = from
	for i := range from {
		m.shards = append(m.shards, newShard(m.keys, i))
	}
	m.nameShards(m.generation)
	return m, nil
}

// takeAll takes all shards of all services.
func (m *mover) takeAll(ctx context.Context) error {
	names, err := m.Services(ctx)
	if err != nil {
		return err
	}
	m.report.Services = names
	for _, name := range names {
		o, err := m.operate(ctx, name)
		if err != nil {
			return fmt.Errorf("service %q: %w", name, err)
		}
		m.operations = append(m.operations, o)
	}
	return nil
}

// stopKeepers ends the renewal of leases that are no more.
func (m *mover) stopKeepers() {
	for _, o := range m.operations {
		o.keeper.stop()
	}
}

// end gives back what is still to be given back. Where the store has moved there is nothing left that could be.
func (m *mover) end() {
	for _, o := range m.operations {
		o.end()
	}
}

// begin closes the store.
func (m *mover) begin(ctx context.Context) error {
	var nonce [16]byte
	_, _ = rand.Read(nonce[:]) // never fails
	keys := []string{m.keys.meta(), m.keys.load()}
	args := []any{m.store, hex.EncodeToString(nonce[:]), len(m.shards), len(m.operations)}
	keys = m.oldKeys(keys)
	for _, name := range m.report.Services {
		args = append(args, name)
	}
	c := operatorCall("reshard_begin", keys, append(args, m.tokens()...))
	if err := m.decide(ctx, c); err != nil {
		return fmt.Errorf("it is not known whether the store is closed: %w", err)
	}
	if err := refused(c); err != nil {
		return err
	}
	m.attempt = text(c.part(1))
	for i := range m.shards {
		told := list(c.part(2 + i))
		x := oldShard{last: text(told[0]), length: number(told[1]), delayed: number(told[2]), delivered: map[string]streamID{}}
		for name, id := range pairsOf(told[3]) {
			x.delivered[name], _ = parseID(id) // the server writes nothing else
		}
		m.seen = append(m.seen, x)
	}
	for i := range m.report.To {
		m.target = append(m.target, m.keys.shardIn(m.attempt, i))
	}
	m.page = newPage(m.keys.meta())
	return nil
}

// oldKeys adds in and dl of all shards, and what every service owns them by.
func (m *mover) oldKeys(keys []string) []string {
	for _, s := range m.shards {
		keys = append(keys, s.in)
	}
	for _, s := range m.shards {
		keys = append(keys, s.delayed)
	}
	for _, o := range m.operations {
		for _, s := range o.shards {
			keys = append(keys, s.own)
		}
	}
	return keys
}

// tokens are what this process owns the shards by, in the order of oldKeys.
func (m *mover) tokens() []any {
	var tokens []any
	for _, o := range m.operations {
		o.mu.Lock()
		for _, s := range o.shards {
			tokens = append(tokens, s.token)
		}
		o.mu.Unlock()
	}
	return tokens
}

// tombstoneLife is for how long a request that comes late finds something else where a stream was.
const tombstoneLife = time.Hour

// finish makes what was built the store.
func (m *mover) finish(ctx context.Context) error {
	keys := m.oldKeys([]string{m.keys.meta()})
	args := []any{
		m.attempt, formatNumber(m.number), m.report.To, len(m.shards), len(m.operations), tombstoneLife.Milliseconds(),
	}
	for _, x := range m.seen {
		args = append(args, x.last, x.length, x.delayed)
	}
	for _, name := range m.report.Services {
		keys = append(keys, m.keys.nodes(name), m.keys.agreed(name))
	}
	c := operatorCall("reshard_switch", keys, append(args, m.tokens()...))
	if err := m.decide(ctx, c); err != nil {
		return fmt.Errorf("it is not known whether the store has moved: %w", err)
	}
	err := refused(c)
	m.switched = err == nil
	return err
}

// abort opens the store as it was, and removes what was built, as far as it comes in the time of a lease: the next Reshard
// removes the rest.
func (m *mover) abort() error {
	ctx, cancel := context.WithTimeout(context.Background(), m.settings.lease)
	defer cancel()
	c := operatorCall("reshard_abort", []string{m.keys.meta()}, []any{m.attempt})
	if err := m.until(ctx, c); err != nil {
		return fmt.Errorf("the store stays closed until it is resharded again: %w", err)
	}
	if c.err != nil || c.word() != "OK" {
		return c.err // another Reshard has taken over, or it was switched after all
	}
	return m.sweep(ctx, m.generation, "")
}

// shardFor is the new shard of an event: that of its key; without one, neighbours stay together.
func (m *mover) shardFor(values []string) int {
	ev, err := decodeEntry(values)
	if err == nil && ev.HasKey() {
		return ev.Shard(m.report.To)
	}
	m.runs++
	return (m.runs - 1) / runLength % m.report.To
}

// shardOfID is the new shard in which a published id is looked for.
func (m *mover) shardOfID(id string) int { return int(xxhash.Sum64String(id) % uint64(m.report.To)) }

// shardOfKey is the new shard of a cell's key.
func (m *mover) shardOfKey(key string) int { return int(actors.HashKey(key) % uint64(m.report.To)) }
