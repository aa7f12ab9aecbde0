package persistence

import (
	"crypto/sha256"
	"fmt"
	"runtime/debug"

	"github.com/necrostack/necrostack/actors"
)

// NewSnapshot encodes the state of c after its seq-th change. It makes no checksum: a store whose states leave the
// process does, and returns them as not Trusted.
func NewSnapshot(c actors.Cell, seq uint64, version int) (Snapshot, error) {
	state, err := c.MarshalState()
	if err != nil {
		return Snapshot{}, err
	}
	return Snapshot{Seq: seq, Version: version, State: state, Trusted: true}, nil
}

// Rebuild makes the cell that h tells of. stamper is the organ's own: emissions of the
// replay get the ids they had. An error wraps ErrCorrupt, says what is wrong, and means that the
// cell must be put in quarantine; only that of an organ which cannot make a fresh cell does not
// wrap it.
func Rebuild(organ actors.KeyedOrgan, cell Cell, h History, stamper *actors.Stamper) (actors.Cell, error) {
	c, from, err := restore(organ, cell, h)
	if err != nil {
		return nil, fmt.Errorf("cell %s: %w", cell, err)
	}
	for _, r := range h.Records {
		if r.Seq <= from {
			continue
		}
		if r.Reset {
			if c, err = fresh(organ, cell); err != nil {
				return nil, fmt.Errorf("cell %s: %w", cell, err)
			}
			from = r.Seq - 1
		}
		from++
		if r.Seq != from {
			return nil, fmt.Errorf("cell %s: %w: record %d is missing, the next one is %d", cell, ErrCorrupt, from, r.Seq)
		}
		if err := replay(organ, c, r, stamper); err != nil {
			return nil, fmt.Errorf("cell %s: %w: record %d (event %s): %w", cell, ErrCorrupt, r.Seq, r.Event.ID(), err)
		}
	}
	if from != h.Last {
		return nil, fmt.Errorf("cell %s: %w: records end at %d, the cell has %d changes", cell, ErrCorrupt, from, h.Last)
	}
	return c, nil
}

// restore decodes the newest snapshot that is whole, and says which change it ends with. Behind
// a damaged one stands the one before; behind the first of all, the fresh state and all records.
func restore(organ actors.KeyedOrgan, cell Cell, h History) (actors.Cell, uint64, error) {
	c, err := decode(organ, cell, h.Snapshot)
	if err == nil {
		return c, h.Snapshot.Seq, nil
	}
	if !h.reachesBack() {
		return nil, 0, err
	}
	c, prevErr := decode(organ, cell, h.Previous)
	if prevErr != nil {
		return nil, 0, fmt.Errorf("%w; and the snapshot before: %w", err, prevErr)
	}
	return c, h.Previous.Seq, nil
}

// reachesBack reports whether h has more than its newest snapshot to start from.
func (h History) reachesBack() bool {
	if h.Previous.Seq > 0 {
		return true
	}
	return len(h.Records) > 0 && (h.Records[0].Seq == 1 || h.Records[0].Reset)
}

func decode(organ actors.KeyedOrgan, cell Cell, s Snapshot) (actors.Cell, error) {
	c, err := fresh(organ, cell)
	if err != nil || s.Seq == 0 {
		return c, err
	}
	if !s.Trusted && sha256.Sum256(s.State) != s.Sum {
		return nil, fmt.Errorf("%w: snapshot %d does not match its checksum", ErrCorrupt, s.Seq)
	}
	if err := guard(func() error { return c.UnmarshalState(s.State) }); err != nil {
		return nil, fmt.Errorf("%w: snapshot %d: %w", ErrCorrupt, s.Seq, err)
	}
	return c, nil
}

func fresh(organ actors.KeyedOrgan, cell Cell) (c actors.Cell, err error) {
	err = guard(func() (err error) { c, err = organ.NewCell(cell.Key); return err })
	return c, err
}

// replay steps c through one committed input and compares what it emits.
func replay(organ actors.KeyedOrgan, c actors.Cell, r Record, stamper *actors.Stamper) error {
	if r.Version != organ.StepVersion() {
		return fmt.Errorf("made by version %d of the steps, this is version %d", r.Version, organ.StepVersion())
	}
	var out []actors.Payload
	err := guard(func() (err error) { out, err = c.Step(r.Event); return err })
	if err != nil {
		return err
	}
	emitted := make([]actors.Event, len(out))
	for i, p := range out {
		if emitted[i], err = stamper.Emission(r.Event, i, p, r.At); err != nil {
			return err
		}
	}
	digest, err := Digest(emitted, Exact(r.Digest))
	if err != nil {
		return err
	}
	if digest != r.Digest {
		return fmt.Errorf("the step emits something else than it did (digest %016x, was %016x)", digest, r.Digest)
	}
	return nil
}

// guard turns a panic of user code into an error.
func guard(f func() error) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("panic: %v\n%s", v, debug.Stack())
		}
	}()
	return f()
}
