// Package replay speaks the line protocol of the matching engine: commands come
// in as JSON objects, one a line, and what happened goes out the same way.
//
//	{"op":"new","id":"o1","trader":"t1","symbol":"AAPL","side":"BUY","qty":100,"price":"150.25"}
//	{"op":"amend","id":"o1","qty":50}
//	{"op":"cancel","id":"o1"}
//
// [Run] replays a stream: the lines of each command as it is carried out, then
// the book, level by level, and an end line with totals and the state hash. The
// output is a function of the input, byte for byte. [Replay] does the same a
// line at a time; [Decoder] and [Printer] are its two halves, for an engine that
// lives elsewhere.
//
// A command passes through three hands. The scanner says whether the line is
// one JSON object (else it is MALFORMED). The decoder turns its fields into
// numbers; what it cannot read becomes a number that no check lets pass. The
// engine checks, in the order of the protocol, and matches. Nothing is written
// to the book by a command that is rejected, and no line ends the run.
//
// # What the protocol leaves open
//
//   - A blank line has only spaces, tabs and returns. It is not counted.
//   - A line of more than [MaxLine] bytes is MALFORMED, and is not kept in memory.
//   - A key of a command that stands twice in it is MALFORMED: of two quantities
//     none is the right one. Other keys are passed over. Keys and words are
//     case-sensitive.
//   - Invalid UTF-8, lone surrogates and nesting deeper than 32 are MALFORMED.
//   - null is the same as an absent key. A value of a wrong kind gets the INVALID
//     reason of its key; an op of a wrong kind is UNKNOWN_OP.
//   - A number with a point or an exponent is no quantity and no price, even if
//     it is whole: 100.0 and 1e2 are floats.
//   - An id is any string but the empty one, and so are a trader and a symbol; a
//     symbol has at most 255 bytes. A trader in a cancel or an amend that is no
//     such string owns nothing: UNKNOWN_ORDER.
//   - A rejection of a line without a usable id has the id "".
//   - Traders and symbols are never forgotten, not even those of rejected commands;
//     a run needs memory for their names and for the live orders.
//   - Prices are written with both decimals, strings in UTF-8 with the escapes
//     that JSON demands and no others.
//
// # Decisions
//
// Own scanner. Alternative: encoding/json. It matches keys without regard to
// case, takes the last of two values, mends broken UTF-8, and allocates for each
// line; each of the first three could trade what nobody ordered.
package replay

import (
	"bufio"
	"errors"
	"io"

	"github.com/necrostack/necrostack/examples/trading_orderbook/matching"
)

// Options are the rules that a run may choose. The zero value is the default.
type Options struct {
	AmendTotal bool // an amend's qty is the new total, with what was filled (R8)
	IDsEver    bool // an id once accepted is never free again (R10)
}

// Replay carries out one command after the other. It is not safe for use by
// several goroutines at once.
type Replay struct {
	engine  *matching.Engine
	decoder Decoder
	printer *Printer
	command matching.Command
	totals  Totals
}

// New returns a replay with empty books.
func New(options Options) (*Replay, error) {
	engine, err := matching.New(matching.Config{
		Named: true, AmendTotal: options.AmendTotal, IDsEver: options.IDsEver,
	})
	if err != nil {
		return nil, err
	}
	return &Replay{engine: engine, printer: NewPrinter(engine)}, nil
}

// Append carries out the command in line, which must not be blank, and appends
// to to what happened. A line that is nil stands for one too long to be read.
// The line is not kept.
func (r *Replay) Append(to, line []byte) []byte {
	r.totals.Commands++
	id, why := r.decoder.Decode(r.engine, line, &r.command)
	by := Asked{Command: r.totals.Commands, ID: id}
	if why != matching.NoReason {
		return r.printer.AppendRejected(to, by, why)
	}
	r.engine.Apply(&r.command)
	events := r.engine.Events()
	for i := range events {
		if events[i].Kind == matching.Trade {
			r.totals.Traded += events[i].Qty
		}
	}
	return r.printer.AppendEvents(to, by, events)
}

// Finish writes the book lines and the end line. Errors are those of out.
func (r *Replay) Finish(out io.Writer) error { return r.printer.WriteEnd(out, r.totals) }

// Run replays the commands of in and writes to out, book and end included. What
// is in the commands is never an error; only reading and writing are. Output is
// flushed before Run waits for input, so that out may answer a dialogue.
func Run(in io.Reader, out io.Writer, options Options) error {
	r, err := New(options)
	if err != nil {
		return err
	}
	err = Serve(in, out, func(to, line []byte) ([]byte, error) { return r.Append(to, line), nil })
	if err != nil {
		return err
	}
	return r.Finish(out)
}

// Serve gives the commands of in to carry, one after the other, and writes what it
// appends to out: [Run] for an engine that lives elsewhere, without book and end.
// A line is as [Replay.Append] takes it. An error of carry ends it, after what was
// appended before.
func Serve(in io.Reader, out io.Writer, carry func(to, line []byte) ([]byte, error)) error {
	buffered := bufio.NewWriterSize(out, 1<<16)
	commands := newLines(dialogue{in: in, out: buffered})
	var answer []byte
	for {
		line, err := commands.next()
		if errors.Is(err, io.EOF) {
			return buffered.Flush()
		}
		if err == nil {
			answer, err = carry(answer[:0], line)
		}
		if err != nil {
			return errors.Join(err, buffered.Flush())
		}
		if _, err := buffered.Write(answer); err != nil {
			return err
		}
	}
}

// dialogue answers all it was asked before it reads on.
type dialogue struct {
	in  io.Reader
	out *bufio.Writer
}

func (d dialogue) Read(p []byte) (int, error) {
	if err := d.out.Flush(); err != nil {
		return 0, err
	}
	return d.in.Read(p)
}
