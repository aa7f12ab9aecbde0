package redisstream

import (
	"context"
	"errors"
	"fmt"

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
var cellFields = []any{"n", "t", "i", "s", "sp", "sm", "p", "pp", "pm", "zs", "z"}

// errCellChanged reports a cell that is never twice the same while it is read.
var errCellChanged = errors.New("redisstream: the cell changes while it is read")

// cellReadings is how often a cell is read from its beginning. What changes one that is not in memory are a
// snapshot that is on its way, and expiry: each once.
const cellReadings = 8

// Load implements persistence.Store. Every page of a cell is read under the token of its first one, and is of the
// same content: a cell that changes meanwhile is read anew. It waits while the cell's shard is being taken over, or until ctx
// ends; that another node holds the shard, that it is lost on the way, or that the cell never stands still, is an error. That a
// cell is damaged is none, which would be one of all cells: its history cannot be rebuilt.
func (b *Backend) Load(ctx context.Context, cells []persistence.Cell, into []persistence.History) ([]persistence.History, error) {
	b.mu.Lock()
	err := b.ready()
	b.mu.Unlock()
	if err != nil {
		return nil, err
	}
	hs := append(into[:0], make([]persistence.History, len(cells))...)
	access := make([]*cellAccess, len(cells))
	heads := make([]*call, len(cells))
	for i, cell := range cells {
		if access[i], err = b.cellAccess(ctx, cell); err != nil {
			return nil, err
		}
		heads[i] = access[i].reading(cellFields)
	}
	if err := b.insist(ctx, heads...); err != nil {
		return nil, err
	}
	for i, cell := range cells {
		if hs[i], err = access[i].load(ctx, heads[i]); err != nil {
			return nil, fmt.Errorf("cell %s: %w", cell, err)
		}
	}
	return hs, nil
}

// cellAccess is the owner's way to a cell, for as long as its token is that of the shard.
type cellAccess struct {
	b             *Backend
	cell          persistence.Cell
	shard         *shard
	token, commit string
	keys          []string // own, cell
	content       string   // what the pages of one reading have in common; "" before the first
}

// cellAccess waits until the shard of the cell is owned, and not for what another node holds: whoever loads several cells would
// have the others wait too, perhaps for ever.
func (b *Backend) cellAccess(ctx context.Context, cell persistence.Cell) (*cellAccess, error) {
	s := b.shardOf(cell.Key)
	for {
		b.mu.Lock()
		if err := b.ready(); err != nil {
			b.mu.Unlock()
			return nil, err
		}
		changed := b.changed
		if s.owned() {
			a := &cellAccess{
				b: b, cell: cell, shard: s, token: s.token, commit: formatNumber(s.commit), keys: []string{s.own, s.cell(cell.Organ, cell.Key)},
			}
			b.mu.Unlock()
			return a, nil
		}
		held := s.contested
		b.mu.Unlock()
		if held {
			return nil, fmt.Errorf("cell %s: %w", cell, errLost)
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// reading makes a fenced read of fields.
func (a *cellAccess) reading(fields []any) *call {
	return &call{script: loadScript, keys: a.keys, args: append([]any{a.token, a.commit, a.content}, fields...)}
}

// values takes the answer of a fenced read.
func (a *cellAccess) values(c *call) ([]any, error) {
	switch {
	case c.err != nil:
		return nil, c.err
	case c.word() == "OK":
		a.content = text(c.part(2))
		return list(c.part(1)), nil
	case c.word() == "CHANGED":
		return nil, errCellChanged
	}
	return nil, a.lost()
}

// lost notes that the shard is not ours any more.
func (a *cellAccess) lost() error {
	a.b.mu.Lock()
	defer a.b.mu.Unlock()
	if a.shard.token == a.token {
		a.b.lose(a.shard, false)
	}
	return errLost
}

func (a *cellAccess) read(ctx context.Context, fields []any) ([]any, error) {
	c := a.reading(fields)
	if err := a.b.insist(ctx, c); err != nil {
		return nil, err
	}
	return a.values(c)
}

// load takes the first page of a cell and reads the others, from the first one again where the cell has changed.
func (a *cellAccess) load(ctx context.Context, first *call) (persistence.History, error) {
	head, err := a.values(first)
	for reading := 1; ; reading++ {
		var h persistence.History
		if err == nil {
			h, err = a.history(ctx, head)
		}
		switch {
		case isWrongType(err):
			a.damaged("something that is no cell", err)
			return persistence.History{Last: 1}, nil // and no change: it cannot be rebuilt
		case !errors.Is(err, errCellChanged) || reading == cellReadings:
			return h, err
		}
		a.content = ""
		head, err = a.read(ctx, cellFields)
	}
}

// damaged tells what of a cell cannot be read. That it cannot be trusted shows when it is rebuilt.
func (a *cellAccess) damaged(what string, err error) {
	a.b.settings.log.Error("a cell is damaged in the store", "organ", a.cell.Organ, "key", a.cell.Key, "damaged", what, "error", err)
}

// history reads what belongs to the head of a cell.
func (a *cellAccess) history(ctx context.Context, head []any) (persistence.History, error) {
	h := persistence.History{Last: parseNumber(text(head[0])), At: fromMicro(parseScore(text(head[1])))}
	if h.Last == 0 {
		return persistence.History{}, nil
	}
	first := max(parseNumber(text(head[2])), 1)
	var err error
	if h.Snapshot, err = a.snapshot(ctx, head[3:6]); err != nil {
		return h, err
	}
	if h.Previous, err = a.snapshot(ctx, head[6:9]); err != nil {
		return h, err
	}
	if z := text(head[10]); z != "" {
		state := a.whole(parseNumber(text(head[9])), z)
		first = max(first, state.Seq+1) // what a state in place contains is dropped
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
	h.Records, err = a.records(ctx, from, h.Last)
	return h, err
}

// whole takes a state in place. One that cannot be read has no checksum.
func (a *cellAccess) whole(seq uint64, z string) persistence.Snapshot {
	s, err := unpackState([]byte(z))
	if err != nil {
		a.damaged("the state in place", err)
		return persistence.Snapshot{Seq: seq, State: []byte(z)}
	}
	return s
}

// snapshot reads a snapshot, whose head is its number, pieces, and what else is to be known. Where that cannot be read it has no
// checksum.
func (a *cellAccess) snapshot(ctx context.Context, head []any) (persistence.Snapshot, error) {
	seq := text(head[0])
	if seq == "" || seq == "0" {
		return persistence.Snapshot{}, nil
	}
	s, err := unpackMeta([]byte(text(head[2])))
	if err != nil {
		a.damaged("what is to be known of snapshot "+seq, err)
	}
	s.Seq, s.State = parseNumber(seq), []byte{}
	pieces := parseNumber(text(head[1]))
	for k := uint64(1); k <= pieces; k++ {
		values, err := a.read(ctx, []any{"s" + seq + "." + formatNumber(k)})
		if err != nil {
			return s, err
		}
		s.State = append(s.State, text(values[0])...)
	}
	return s, nil
}

// recordPage is how many records one read brings.
const recordPage = 256

// records reads those there are. That one is missing, or cannot be read, shows when the cell is rebuilt.
func (a *cellAccess) records(ctx context.Context, from, last uint64) ([]persistence.Record, error) {
	var records []persistence.Record
	for ; from <= last; from += recordPage {
		var fields []any
		for seq := from; seq <= min(last, from+recordPage-1); seq++ {
			fields = append(fields, "r"+formatNumber(seq))
		}
		values, err := a.read(ctx, fields)
		if err != nil {
			return nil, err
		}
		for i, value := range values {
			r, err := readRecord(from+uint64(i), text(value))
			if err != nil {
				a.damaged(fmt.Sprint("record ", from+uint64(i)), err)
				continue
			}
			records = append(records, r)
		}
	}
	return records, nil
}

func readRecord(seq uint64, data string) (persistence.Record, error) {
	if data == "" {
		return persistence.Record{}, errors.New("it is missing")
	}
	var w wirepb.Record
	if err := proto.Unmarshal([]byte(data), &w); err != nil {
		return persistence.Record{}, err
	}
	r := persistence.Record{Seq: w.Seq, Version: int(w.Version), Digest: w.Digest, At: fromMicro(w.AtUs), Reset: w.Reset_}
	if r.Seq != seq {
		return r, fmt.Errorf("it says that it is record %d", r.Seq)
	}
	return r, r.Event.UnmarshalBinary(w.Event)
}
