package redisstream

import (
	"context"
	"fmt"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/necrostack/necrostack/persistence"
	"github.com/necrostack/necrostack/proto/wirepb"
)

// A cell is one hash:
//
//	n   changes so far           t   time of the last one, µs
//	i   first record there may be (none: 1), r<seq>  records
//	z   the whole state, where it is small enough to be written with every change, zs the change it is of
//	s   last change in the snapshot, sp its pieces, sm what else is to be known of it, s<seq>.<k> the pieces
//	p, pp, pm  the same of the snapshot before
//
// A hash and not a stream for the records: the smallest stream takes a kilobyte, and one read brings everything of
// a small cell.
var cellFields = []any{"n", "t", "i", "s", "sp", "sm", "p", "pp", "pm", "z"}

// Load implements persistence.Store. Every page of it is read as the owner of the cell's shard; it waits until this node
// is that, or ctx ends.
func (b *Backend) Load(ctx context.Context, cells []persistence.Cell) ([]persistence.History, error) {
	b.mu.Lock()
	err := b.ready()
	b.mu.Unlock()
	if err != nil {
		return nil, err
	}
	hs := make([]persistence.History, len(cells))
	heads := make([]*call, len(cells))
	for i, cell := range cells {
		if heads[i], err = b.cellCall(ctx, cell, cellFields); err != nil {
			return nil, err
		}
	}
	if err := b.insist(ctx, heads...); err != nil {
		return nil, err
	}
	for i, cell := range cells {
		head, err := b.cellValues(cell, heads[i])
		if err != nil {
			return nil, err
		}
		if hs[i], err = b.history(ctx, cell, head); err != nil {
			return nil, fmt.Errorf("cell %s: %w", cell, err)
		}
	}
	return hs, nil
}

// cellCall makes a fenced read of fields of a cell.
func (b *Backend) cellCall(ctx context.Context, cell persistence.Cell, fields []any) (*call, error) {
	s := b.shardOf(cell.Key)
	for {
		b.mu.Lock()
		if err := b.ready(); err != nil {
			b.mu.Unlock()
			return nil, err
		}
		changed := b.changed
		if s.owned() {
			c := &call{
				script: loadScript, keys: []string{s.own, s.cell(cell.Organ, cell.Key)},
				args: append([]any{s.token, formatNumber(s.commit)}, fields...),
			}
			b.mu.Unlock()
			return c, nil
		}
		b.mu.Unlock()
		select {
		case <-changed:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// cellValues takes the answer of a fenced read.
func (b *Backend) cellValues(cell persistence.Cell, c *call) ([]any, error) {
	switch {
	case c.err != nil:
		return nil, fmt.Errorf("cell %s: %w: %w", cell, persistence.ErrCorrupt, c.err)
	case c.word() == "OK":
		return list(c.part(1)), nil
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if s := b.shardOf(cell.Key); s.token == c.args[0].(string) {
		b.lose(s, false)
	}
	return nil, fmt.Errorf("cell %s: %w", cell, errLost)
}

// history reads what belongs to the head of a cell.
func (b *Backend) history(ctx context.Context, cell persistence.Cell, head []any) (persistence.History, error) {
	h := persistence.History{Last: parseNumber(text(head[0])), At: fromMicro(parseScore(text(head[1])))}
	if h.Last == 0 {
		return persistence.History{}, nil
	}
	first := max(parseNumber(text(head[2])), 1)
	var err error
	if h.Snapshot, err = b.snapshot(ctx, cell, head[3:6]); err != nil {
		return h, err
	}
	if h.Previous, err = b.snapshot(ctx, cell, head[6:9]); err != nil {
		return h, err
	}
	if z := text(head[9]); z != "" {
		state, err := unpackState([]byte(z))
		if err != nil {
			return h, err
		}
		if h.Snapshot.Seq == 0 {
			h.Snapshot = state
		} else {
			h.Previous = state
		}
	}
	// Behind a damaged snapshot stands the one before, or the fresh state and all records: these are read too.
	from := max(first, h.Previous.Seq+1)
	if h.Previous.Seq == 0 && first > 1 {
		from = max(first, h.Snapshot.Seq+1)
	}
	h.Records, err = b.records(ctx, cell, from, h.Last)
	return h, err
}

// snapshot reads a snapshot, whose head is its number, pieces, and what else is to be known.
func (b *Backend) snapshot(ctx context.Context, cell persistence.Cell, head []any) (persistence.Snapshot, error) {
	seq := text(head[0])
	if seq == "" || seq == "0" {
		return persistence.Snapshot{}, nil
	}
	s, err := unpackMeta([]byte(text(head[2])))
	if err != nil {
		return s, fmt.Errorf("snapshot %s: %w", seq, err)
	}
	s.Seq, s.State = parseNumber(seq), []byte{}
	pieces := parseNumber(text(head[1]))
	for k := uint64(1); k <= pieces; k++ {
		values, err := b.read(ctx, cell, []any{"s" + seq + "." + formatNumber(k)})
		if err != nil {
			return s, err
		}
		s.State = append(s.State, text(values[0])...)
	}
	return s, nil
}

// recordPage is how many records one read brings.
const recordPage = 256

func (b *Backend) records(ctx context.Context, cell persistence.Cell, from, last uint64) ([]persistence.Record, error) {
	var records []persistence.Record
	for from <= last {
		var fields []any
		for seq := from; seq <= min(last, from+recordPage-1); seq++ {
			fields = append(fields, "r"+formatNumber(seq))
		}
		values, err := b.read(ctx, cell, fields)
		if err != nil {
			return nil, err
		}
		for i, value := range values {
			if text(value) == "" {
				continue // that it is missing shows when the cell is rebuilt
			}
			r, err := readRecord([]byte(text(value)))
			if err != nil {
				return nil, fmt.Errorf("record %d: %w", from+uint64(i), err)
			}
			records = append(records, r)
		}
		from += recordPage
	}
	return records, nil
}

func (b *Backend) read(ctx context.Context, cell persistence.Cell, fields []any) ([]any, error) {
	c, err := b.cellCall(ctx, cell, fields)
	if err != nil {
		return nil, err
	}
	if err := b.insist(ctx, c); err != nil {
		return nil, err
	}
	return b.cellValues(cell, c)
}

func readRecord(data []byte) (persistence.Record, error) {
	var w wirepb.Record
	if err := proto.Unmarshal(data, &w); err != nil {
		return persistence.Record{}, fmt.Errorf("%w: %w", persistence.ErrCorrupt, err)
	}
	r := persistence.Record{Seq: w.Seq, Version: int(w.Version), Digest: w.Digest, At: fromMicro(w.AtUs), Reset: w.Reset_}
	if err := r.Event.UnmarshalBinary(w.Event); err != nil {
		return r, fmt.Errorf("%w: %w", persistence.ErrCorrupt, err)
	}
	return r, nil
}

// snapshotPiece is how much of a state one script writes.
const snapshotPiece = 512 << 10

// Save implements persistence.Store.
func (b *Backend) Save(ctx context.Context, cell persistence.Cell, s persistence.Snapshot) error {
	if s.Seq == 0 {
		b.mu.Lock()
		defer b.mu.Unlock()
		return b.ready()
	}
	meta, err := packMeta(s)
	if err != nil {
		return err
	}
	pieces := max((len(s.State)+snapshotPiece-1)/snapshotPiece, 1)
	for k := range pieces {
		piece := s.State[k*snapshotPiece : min((k+1)*snapshotPiece, len(s.State))]
		word, err := b.write(ctx, cell, snapshotScript, formatNumber(s.Seq), k+1, pieces, piece, meta)
		switch {
		case err != nil:
			return err
		case word == "AHEAD":
			return fmt.Errorf("save cell %s: %w: the snapshot contains %d changes", cell, persistence.ErrConflict, s.Seq)
		}
	}
	for {
		word, err := b.write(ctx, cell, trimCellScript, trimRecords)
		if err != nil || word != "MORE" {
			return err
		}
	}
}

// trimRecords is how many records one script drops.
const trimRecords = 1000

// write calls a script of a cell that is fenced.
func (b *Backend) write(ctx context.Context, cell persistence.Cell, script *script, args ...any) (string, error) {
	c, err := b.cellCall(ctx, cell, nil)
	if err != nil {
		return "", err
	}
	c.script, c.args = script, append(c.args[:1:1], args...)
	if err := b.insist(ctx, c); err != nil {
		return "", err
	}
	if c.err != nil {
		return "", fmt.Errorf("cell %s: %w", cell, c.err)
	}
	if c.word() != "FENCED" {
		return c.word(), nil
	}
	_, err = b.cellValues(cell, c)
	return "", err
}

// expireAtOnce is how many cells one script looks at.
const expireAtOnce = 100

// Expire implements persistence.Store, for the shards that this node owns. The oldest cells of a shard go first.
func (b *Backend) Expire(ctx context.Context, organ string, before time.Time, limit int) (int, error) {
	b.mu.Lock()
	err := b.ready()
	shards := b.shards
	b.mu.Unlock()
	forgotten := 0
	for _, s := range shards {
		for err == nil && forgotten < limit {
			n, more, failed := b.expireSome(ctx, s, organ, before, min(limit-forgotten, expireAtOnce))
			forgotten, err = forgotten+n, failed
			if !more {
				break
			}
		}
	}
	return forgotten, err
}

func (b *Backend) expireSome(ctx context.Context, s *shard, organ string, before time.Time, limit int) (n int, more bool, err error) {
	b.mu.Lock()
	token, idle := s.token, s.tag+"idle:"+sized(b.service.Name)+":"+sized(organ)
	b.mu.Unlock()
	if token == "" {
		return 0, false, nil
	}
	reply, err := b.ask(ctx, "ZRANGEBYSCORE", idle, "-inf", "("+formatScore(before.UnixMicro()), "LIMIT", 0, limit)
	keys := stringsOf(list(reply))
	if err != nil || len(keys) == 0 {
		return 0, false, err
	}
	c := &call{script: expireScript, keys: []string{s.own, idle}, args: []any{token, formatScore(before.UnixMicro())}}
	for _, key := range keys {
		c.keys = append(c.keys, s.cell(organ, key))
		c.args = append(c.args, key)
	}
	if err := b.insist(ctx, c); err != nil {
		return 0, false, err
	}
	if c.err != nil || c.word() != "OK" {
		return 0, false, c.err
	}
	return int(number(c.part(1))), true, nil
}
