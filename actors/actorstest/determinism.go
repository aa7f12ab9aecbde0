package actorstest

import (
	"bytes"
	"strconv"
	"unicode/utf8"

	"github.com/necrostack/necrostack/actors"
)

// CheckDeterministic steps cells of key through inputs and fails the test unless they always
// do the same: without a break, crashing after every input, and going on from a snapshot
// before every input. For n inputs these are about 1.5 n² steps.
func CheckDeterministic(t T, keyed actors.KeyedOrgan, key string, inputs []actors.Payload) {
	t.Helper()
	first := NewCell(t, keyed, key)
	var events []input
	var results []Result
	states := [][]byte{first.State()}
	for _, p := range inputs {
		in := first.input(p, settingOf(t, nil))
		events = append(events, in)
		results = append(results, first.step(in))
		states = append(states, first.State())
	}
	crashing := NewCell(t, keyed, key)
	for i, in := range events {
		crashing.compare(crashing.step(in), results[i], "run from the start again")
		crashing.Crash()
		crashing.compareState(crashing.State(), states[i+1], "run from the start again")
	}
	for i := range events {
		restored := NewCell(t, keyed, key)
		restored.Restore(states[i])
		restored.Snapshot()
		for k, in := range events[i:] {
			restored.compare(restored.step(in), results[i+k], "continued from a snapshot")
			restored.compareState(restored.State(), states[i+k+1], "continued from a snapshot")
		}
	}
}

// rebuilt makes the cell again from base and steps: from bytes, as a recovery does, and to
// compare with the Go values, as a volatile backend hands them out. Both must emit what was
// emitted the first time and end in state.
func (c *Cell) rebuilt(state []byte) actors.Cell {
	c.t.Helper()
	cell := c.replayed(state, "rebuilt from its inputs", func(s step) actors.Event { return s.event })
	c.replayed(state, "rebuilt from its inputs as Go values, not encoded", func(s step) actors.Event { return s.value })
	c.checkInputs()
	return cell
}

func (c *Cell) replayed(state []byte, how string, form func(step) actors.Event) actors.Cell {
	c.t.Helper()
	cell := c.from(c.base)
	for _, done := range c.steps {
		out, err := cell.Step(form(done))
		c.compare(c.result(done.input, out, err), done.result, how)
	}
	c.compareState(c.encoded(cell), state, how)
	return cell
}

const advice = "a Step may depend on the state, the event and nothing else, and the state must be all in what it encodes to"

func (c *Cell) compare(got, want Result, how string) {
	c.t.Helper()
	if got.wire(c.t) != want.wire(c.t) {
		c.t.Fatalf("actorstest: %s, %s, made of %s\n%s\nand at first\n%s\n(%s)", c, how, got.Event.Type(), got, want, advice)
	}
}

func (c *Cell) compareState(got, want []byte, how string) {
	c.t.Helper()
	if !bytes.Equal(got, want) {
		c.t.Fatalf("actorstest: %s, %s, has the state\n%s\nand at first\n%s\n(%s)", c, how, readable(got), readable(want), advice)
	}
}

// readable shows text as it is, and anything else quoted.
func readable(state []byte) string {
	if utf8.Valid(state) {
		return string(state)
	}
	return strconv.Quote(string(state))
}

// checkEmitted fails if what step i emitted has changed since: it shared memory with the
// state, and whoever reads it later would read something else.
func (c *Cell) checkEmitted(i int) {
	c.t.Helper()
	if i < 0 {
		return
	}
	for k, p := range c.steps[i].result.Emitted {
		if was, is := c.steps[i].emitted[k], c.encoding(p); was != is {
			c.t.Fatalf("actorstest: %s: %s was emitted as\n%s\nand a later Step made of it\n%s\n(copy what you emit out of the state)", c, p.EventType(), was, is)
		}
	}
}

// checkInputs fails if a payload has changed: the state shared memory with it.
func (c *Cell) checkInputs() {
	c.t.Helper()
	for _, done := range c.steps {
		if is := c.encoding(done.bare); done.bytes != is {
			c.t.Fatalf("actorstest: %s: %s was sent as\n%s\nand a later Step made of it\n%s\n(copy what you keep out of a payload)", c, done.event.Type(), done.bytes, is)
		}
	}
}
