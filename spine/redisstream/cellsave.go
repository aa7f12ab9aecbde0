package redisstream

import (
	"context"
	"crypto/sha1"
	"encoding/hex"
	"fmt"
	"time"

	"github.com/necrostack/necrostack/persistence"
)

// snapshotPiece is how much of a state one script writes.
const snapshotPiece = 512 << 10

// Save implements persistence.Store. A snapshot is of the cell that the store has when At and Version are those of the
// store's record of change Seq: a Step that is run again, after the store has gone back or on another node, runs at
// another time. Any other is refused with an error that wraps persistence.ErrConflict, also where the node
// owns the shard again; one that the store has no use for, since it has that state or a later one, changes nothing.
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
	a, err := b.cellAccess(ctx, cell)
	if err != nil {
		return err
	}
	if err := a.save(ctx, s, meta); err != nil {
		return fmt.Errorf("save cell %s: %w", cell, err)
	}
	return nil
}

func (a *cellAccess) save(ctx context.Context, s persistence.Snapshot, meta []byte) error {
	seq := formatNumber(s.Seq)
	values, err := a.read(ctx, []any{"n", "i", "s", "zs", "r" + seq})
	if err != nil {
		return err
	}
	record, err := recordOf(s, values)
	if record == "" || err != nil {
		return err
	}
	sum := sha1.Sum([]byte(record)) // names the record to the script, no secret
	pieces := max((len(s.State)+snapshotPiece-1)/snapshotPiece, 1)
	for k := range pieces {
		piece := s.State[k*snapshotPiece : min((k+1)*snapshotPiece, len(s.State))]
		word, err := a.write(ctx, snapshotScript, seq, k+1, pieces, piece, meta, hex.EncodeToString(sum[:]))
		switch {
		case err != nil:
			return err
		case word != "OK":
			return fmt.Errorf("%w: the cell is another one since", persistence.ErrConflict)
		}
	}
	for {
		word, err := a.write(ctx, trimCellScript, trimRecords)
		if err != nil || word != "MORE" {
			return err
		}
	}
}

// recordOf returns the record of the change that s ends with, "" where the store needs no snapshot of it. values are n, i, s, zs
// and the record.
func recordOf(s persistence.Snapshot, values []any) (string, error) {
	n, first := parseNumber(text(values[0])), max(parseNumber(text(values[1])), 1)
	saved, whole := parseNumber(text(values[2])), parseNumber(text(values[3]))
	record := text(values[4])
	switch {
	case s.Seq > n:
		return "", fmt.Errorf("%w: the snapshot contains %d changes, the cell has %d", persistence.ErrConflict, s.Seq, n)
	case s.Seq <= max(saved, whole) || s.Seq < first:
		return "", nil
	}
	r, err := readRecord(s.Seq, record)
	if err != nil {
		return "", fmt.Errorf("%w: record %d: %w", persistence.ErrCorrupt, s.Seq, err)
	}
	if r.Version != s.Version || r.At.UnixMicro() != s.At.UnixMicro() {
		return "", fmt.Errorf("%w: change %d of the snapshot was made at %s by version %d, that of the cell at %s by version %d",
			persistence.ErrConflict, s.Seq, s.At.UTC().Format(time.RFC3339Nano), s.Version, r.At.UTC().Format(time.RFC3339Nano), r.Version)
	}
	return record, nil
}

// trimRecords is how many records one script drops.
const trimRecords = 1000

// write calls a script that changes the cell.
func (a *cellAccess) write(ctx context.Context, script *script, args ...any) (string, error) {
	c := &call{script: script, keys: a.keys, args: append([]any{a.token}, args...)}
	if err := a.b.insist(ctx, c); err != nil {
		return "", err
	}
	switch {
	case c.err != nil:
		return "", c.err
	case c.word() == "FENCED":
		return "", a.lost()
	}
	return c.word(), nil
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
