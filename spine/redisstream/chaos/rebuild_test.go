package chaos_test

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"reflect"
	"strconv"

	"google.golang.org/protobuf/proto"

	"github.com/necrostack/necrostack/actors"
	"github.com/necrostack/necrostack/proto/wirepb"
)

// rebuild makes the state of a cell of what the store has of it: the last snapshot and the records behind it. The
// errors tell what does not fit together.
func rebuild(c cellContent) (state any, errs []error) {
	defer func() {
		for i := range errs {
			errs[i] = fmt.Errorf("cell %s/%q: %w", c.organ, c.key, errs[i])
		}
	}()
	last := c.number("n")
	base, before := c.snapshots()
	// What was changed before a state was written in place has no records any more.
	first := max(c.number("i"), c.number("zs")+1)
	state, err := c.state(base)
	if err != nil {
		return state, append(errs, err)
	}
	// What lies before the snapshot must lead to it.
	if base != "z" && first <= c.seq(base) && first <= c.seq(before)+1 {
		old, err := c.state(before)
		if err == nil {
			old, err = c.forward(old, c.seq(before)+1, c.seq(base))
		}
		if err != nil {
			errs = append(errs, err)
		} else if !reflect.DeepEqual(old, state) {
			errs = append(errs, fmt.Errorf("its records make %v of change %d, its snapshot is %v", old, c.seq(base), state))
		}
	}
	if first > c.seq(base)+1 {
		errs = append(errs, fmt.Errorf("its snapshot is of change %d, its first record is %d", c.seq(base), first))
	}
	state, err = c.forward(state, c.seq(base)+1, last)
	if err != nil {
		errs = append(errs, err)
	}
	for name := range c.fields {
		if n, err := strconv.ParseUint(name[1:], 10, 64); name[0] == 'r' && err == nil && (n < first || n > last) {
			errs = append(errs, fmt.Errorf("it has record %d, of %d to %d", n, first, last))
		}
	}
	return state, errs
}

// number is 0 for a field that is not there.
func (c cellContent) number(name string) uint64 {
	n, _ := strconv.ParseUint(c.fields[name], 10, 64)
	return n
}

// snapshots names the last snapshot and the one before it by the fields they are in: s and p, or z, a state in
// place; "" is the fresh state.
func (c cellContent) snapshots() (last, before string) {
	switch {
	case c.number("s") > 0 && c.number("p") > 0:
		return "s", "p"
	case c.number("s") > 0 && c.number("zs") > 0:
		return "s", "z"
	case c.number("s") > 0:
		return "s", ""
	case c.number("zs") > 0:
		return "z", ""
	default:
		return "", ""
	}
}

// seq is the last change that a snapshot contains.
func (c cellContent) seq(which string) uint64 {
	if which == "z" {
		return c.number("zs")
	}
	return c.number(which)
}

// state is what a snapshot contains.
func (c cellContent) state(which string) (any, error) {
	empty, seq := fresh(c.organ), c.seq(which)
	if seq == 0 {
		return empty, nil
	}
	meta, data, err := c.snapshot(which, seq)
	if err != nil {
		return empty, fmt.Errorf("snapshot %d: %w", seq, err)
	}
	if sum := sha256.Sum256(data); string(meta.Sha256) != string(sum[:]) || meta.Seq != seq {
		return empty, fmt.Errorf("snapshot %d, of %d bytes, is not the one it says", seq, len(data))
	}
	into := reflect.New(reflect.TypeOf(empty))
	err = json.Unmarshal(data, into.Interface())
	return into.Elem().Interface(), err
}

// snapshot reads the fields of one.
func (c cellContent) snapshot(which string, seq uint64) (*wirepb.Snapshot, []byte, error) {
	var w wirepb.Snapshot
	if which == "z" {
		err := proto.Unmarshal([]byte(c.fields["z"]), &w)
		return &w, w.State, err
	}
	data := ""
	for k := uint64(1); k <= c.number(which+"p"); k++ {
		data += c.fields[fmt.Sprintf("s%d.%d", seq, k)]
	}
	err := proto.Unmarshal([]byte(c.fields[which+"m"]), &w)
	return &w, []byte(data), err
}

// forward steps a state through records.
func (c cellContent) forward(state any, first, last uint64) (any, error) {
	for seq := first; seq <= last; seq++ {
		var w wirepb.Record
		data, ok := c.fields[fmt.Sprintf("r%d", seq)]
		if !ok {
			return state, fmt.Errorf("record %d of %d to %d is not there", seq, first, last)
		}
		var ev actors.Event
		if err := proto.Unmarshal([]byte(data), &w); err != nil {
			return state, fmt.Errorf("record %d: %w", seq, err)
		}
		if err := ev.UnmarshalBinary(w.Event); err != nil {
			return state, fmt.Errorf("record %d: %w", seq, err)
		}
		x, err := recordedOf("", ev)
		if err != nil {
			return state, fmt.Errorf("record %d: %w", seq, err)
		}
		next, changes := step(c.organ, state, x)
		if w.Seq != seq || !changes {
			return state, fmt.Errorf("record %d is number %d, of a %s that the organ refuses: %t", seq, w.Seq, x.typ, !changes)
		}
		state = next
	}
	return state, nil
}
