package actorstest

import (
	"bytes"
	"encoding/json"
	"fmt"

	"github.com/necrostack/necrostack/actors"
)

// Cell is one cell of a keyed organ under test. It is for one goroutine.
type Cell struct {
	stage
	keyed  actors.KeyedOrgan
	key    string
	live   actors.Cell
	base   []byte // the snapshot that the cell is rebuilt from; nil is the fresh state
	steps  []step // since base
	inputs []actors.Event
}

// step is one input that was stepped through, and what came of it.
type step struct {
	input
	result  Result
	emitted []string // the encodings of what was emitted, when it was
}

// NewCell makes the cell of key, with its fresh state.
func NewCell(t T, keyed actors.KeyedOrgan, key string) *Cell {
	t.Helper()
	if err := keyed.Err(); err != nil {
		t.Fatalf("actorstest: %v", err)
	}
	if err := actors.CheckName("key", key); err != nil {
		t.Fatalf("actorstest: organ %s: %v", keyed.Name(), err)
	}
	c := &Cell{stage: stage{t: t, organ: keyed.Name()}, keyed: keyed, key: key}
	c.live = c.from(nil)
	return c
}

// Send steps the cell through p, whose key must be the cell's. After an error the cell is
// what it was before, rebuilt as a runtime would rebuild it.
func (c *Cell) Send(p actors.Payload, opts ...Option) Result {
	c.t.Helper()
	return c.step(c.input(p, settingOf(c.t, opts)))
}

func (c *Cell) step(in input) Result {
	c.t.Helper()
	if in.event.Key() != c.key {
		c.t.Fatalf("actorstest: %s: event %s has the key %q", c, in.event.Type(), in.event.Key())
	}
	before := c.State()
	out, err := c.live.Step(in.event)
	r := c.result(in, out, err)
	c.checkEmitted(len(c.steps) - 1)
	if err != nil {
		c.live = c.rebuilt(before)
		return r
	}
	done := step{input: in, result: r}
	for _, p := range r.Emitted {
		done.emitted = append(done.emitted, c.encoding(p))
	}
	c.steps = append(c.steps, done)
	c.inputs = append(c.inputs, in.event)
	return r
}

// State is the encoded state.
func (c *Cell) State() []byte {
	c.t.Helper()
	return c.encoded(c.live)
}

func (c *Cell) encoded(cell actors.Cell) []byte {
	c.t.Helper()
	state, err := cell.MarshalState()
	if err != nil {
		c.t.Fatalf("actorstest: %s: the state does not encode: %v", c, err)
	}
	return state
}

// Inputs are the events that the cell has stepped through without an error, since NewCell
// or the last Restore.
func (c *Cell) Inputs() []actors.Event { return append([]actors.Event(nil), c.inputs...) }

// Crash throws the state away and rebuilds it from the last snapshot, or the fresh state,
// and the inputs since. It fails the test when a Step emits something else than the first
// time or the state becomes another one.
func (c *Cell) Crash() {
	c.t.Helper()
	c.live = c.rebuilt(c.State())
	for i := range c.steps {
		c.checkEmitted(i)
	}
}

// Snapshot returns the encoded state, from which Crash rebuilds the cell from now on. It fails
// the test when the state, read back, encodes differently.
func (c *Cell) Snapshot() []byte {
	c.t.Helper()
	state := c.State()
	c.compareState(c.encoded(c.from(state)), state, "restored from a snapshot")
	c.base, c.steps = state, nil
	return bytes.Clone(state)
}

// Restore replaces the state by an encoded one: that of Snapshot, as after a stop and a
// start, or one that an older version of the organ has left behind.
func (c *Cell) Restore(state []byte) {
	c.t.Helper()
	c.base, c.steps, c.inputs = bytes.Clone(state), nil, nil
	c.live = c.from(c.base)
}

// String names the cell.
func (c *Cell) String() string { return fmt.Sprintf("cell %s/%q", c.organ, c.key) }

// Ask asks the cell, in the form the query has here and in the form in which it comes from
// another process. It fails the test when the two are answered differently or the state
// has changed; the error is the Answer's own.
func Ask[R any](c *Cell, query any) (R, error) {
	c.t.Helper()
	var reply R
	before := c.State()
	here, err := c.live.Answer(query)
	q, encodeErr := actors.NewQuery(query)
	if encodeErr != nil {
		c.t.Fatalf("actorstest: %s: %v", c, encodeErr)
	}
	there, thereErr := c.live.Answer(q)
	if after := c.State(); !bytes.Equal(before, after) {
		c.t.Fatalf("actorstest: %s: the answer to %s changed the state from\n%s\nto\n%s", c, q.Name, readable(before), readable(after))
	}
	if !bytes.Equal(here, there) || fmt.Sprint(err) != fmt.Sprint(thereErr) {
		c.t.Fatalf("actorstest: %s: query %s is answered with %s (error %v), and as JSON %s with %s (error %v)",
			c, q.Name, here, err, q.Data, there, thereErr)
	}
	if err != nil {
		return reply, err
	}
	if err := json.Unmarshal(here, &reply); err != nil {
		c.t.Fatalf("actorstest: %s: the reply %s to %s is no %T: %v", c, here, q.Name, reply, err)
	}
	return reply, nil
}

// from makes a cell with a state: the fresh one for nil.
func (c *Cell) from(state []byte) actors.Cell {
	c.t.Helper()
	cell, err := c.keyed.NewCell(c.key)
	if err == nil && state != nil {
		err = cell.UnmarshalState(state)
	}
	if err != nil {
		c.t.Fatalf("actorstest: %s: state %s: %v", c, readable(state), err)
	}
	return cell
}
