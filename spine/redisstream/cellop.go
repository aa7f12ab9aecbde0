package redisstream

import (
	"crypto/sha256"
	"errors"
	"fmt"

	"github.com/necrostack/necrostack/actors"
	"github.com/necrostack/necrostack/persistence"
	"github.com/necrostack/necrostack/proto/wirepb"
	"github.com/necrostack/necrostack/spine"
	"google.golang.org/protobuf/proto"
)

// cellOp is what a commit does to one cell.
type cellOp struct {
	key        int
	base, last uint64
	at         int64
	drop       bool   // what is there of it
	state      []byte // in place
	stateSeq   uint64
	records    []any // field, record
}

// change stages a change of a cell. The error of one that does not follow on the last means that memory and store have parted.
func (p *piece) change(x *spine.Settlement, e *entry) error {
	organ, key, c := p.b.service.Organs[x.Organ].Name, e.event.Key(), x.Change
	name := p.shard.cell(organ, key)
	op := p.cellIndex[name]
	if op == nil {
		op = &cellOp{key: p.key(name, ""), base: c.Base, last: c.Base}
		if p.cellIndex == nil {
			p.cellIndex = map[string]*cellOp{}
		}
		p.cellIndex[name] = op
		p.cells = append(p.cells, op)
	}
	if op.last != c.Base {
		return fmt.Errorf("cell %s/%q: %w: %d changes are on their way, the change was computed on %d",
			organ, key, persistence.ErrConflict, op.last, c.Base)
	}
	n, err := op.add(c, e.event)
	if err != nil {
		return err
	}
	p.bytes += n
	if c.Base == 0 {
		p.scores = append(p.scores, p.key(p.shard.idle[x.Organ], "zset"), formatScore(c.At.UnixMicro()), key)
	}
	return nil
}

// add adds a change and returns its bytes.
func (op *cellOp) add(c *persistence.Change, ev actors.Event) (int, error) {
	seq := c.Base + 1
	if c.State != nil {
		state, err := packState(persistence.Snapshot{Seq: seq, Version: c.Version, State: c.State, At: c.At})
		if err != nil {
			return 0, err
		}
		op.drop, op.state, op.stateSeq, op.records = true, state, seq, nil
		op.last, op.at = seq, c.At.UnixMicro()
		return len(state), nil
	}
	event, err := ev.MarshalBinary()
	if err != nil {
		return 0, err
	}
	record, err := proto.Marshal(&wirepb.Record{
		Seq: seq, Event: event, Version: int32(c.Version), Digest: c.Digest, AtUs: c.At.UnixMicro(), Reset_: c.Reset,
	})
	if err != nil {
		return 0, err
	}
	if c.Reset {
		op.drop, op.state, op.stateSeq, op.records = true, nil, 0, nil
	}
	op.records = append(op.records, "r"+formatNumber(seq), record)
	op.last, op.at = seq, c.At.UnixMicro()
	return len(record), nil
}

// append writes the operation as commit.lua reads it.
func (op *cellOp) append(args []any) []any {
	drop, state := "", ""
	if op.drop {
		drop = "1"
	}
	if op.state != nil {
		state = formatNumber(op.stateSeq)
	}
	words := []any{"n", formatNumber(op.last), "t", formatScore(op.at)}
	if op.state != nil {
		words = append(words, "zs", state, "z", op.state)
	}
	words = append(words, op.records...)
	args = append(args, op.key, formatNumber(op.base), drop, len(words))
	return append(args, words...)
}

// errNoSum reports a snapshot without a checksum that could be compared with its state.
var errNoSum = errors.New("it has no checksum")

// packMeta writes what is to be known of a snapshot beside its state.
func packMeta(s persistence.Snapshot) ([]byte, error) {
	if s.Sum == ([32]byte{}) {
		s.Sum = sha256.Sum256(s.State)
	}
	return proto.Marshal(&wirepb.Snapshot{
		Seq: s.Seq, Version: int32(s.Version), Sha256: s.Sum[:], LastUs: s.At.UnixMicro(),
	})
}

func unpackMeta(data []byte) (persistence.Snapshot, error) {
	var w wirepb.Snapshot
	if err := proto.Unmarshal(data, &w); err != nil || len(w.Sha256) != sha256.Size {
		return persistence.Snapshot{}, errNoSum
	}
	return persistence.Snapshot{
		Seq: w.Seq, Version: int(w.Version), Sum: [32]byte(w.Sha256), At: fromMicro(w.LastUs),
	}, nil
}

// packState writes a whole state for one field.
func packState(s persistence.Snapshot) ([]byte, error) {
	sum := sha256.Sum256(s.State)
	return proto.Marshal(&wirepb.Snapshot{
		Seq: s.Seq, Version: int32(s.Version), State: s.State, Sha256: sum[:], LastUs: s.At.UnixMicro(),
	})
}

func unpackState(data []byte) (persistence.Snapshot, error) {
	var w wirepb.Snapshot
	if err := proto.Unmarshal(data, &w); err != nil || len(w.Sha256) != sha256.Size {
		return persistence.Snapshot{}, errNoSum
	}
	return persistence.Snapshot{
		Seq: w.Seq, Version: int(w.Version), State: w.State, Sum: [32]byte(w.Sha256), At: fromMicro(w.LastUs),
	}, nil
}
