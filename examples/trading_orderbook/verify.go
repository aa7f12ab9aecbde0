package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"

	"github.com/necrostack/necrostack/actors"
	"github.com/necrostack/necrostack/examples/console"
	"github.com/necrostack/necrostack/examples/trading_orderbook/desk"
)

// errAudit reports an audit file that does not verify.
var errAudit = errors.New("the audit file does not verify")

// verify computes the chains of an audit file again.
func verify(args []string, c console.Console) error {
	var path string
	f := console.NewFlags("verify")
	err := console.ParseFlags(f, args, usage, c.Out, func(_ map[string]bool, rest []string) error {
		if len(rest) != 1 {
			return fmt.Errorf("verify has %s, want one audit file", console.Plural(len(rest), "argument"))
		}
		path = rest[0]
		return nil
	})
	if err != nil {
		return err
	}
	file, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("audit file: %w", err)
	}
	defer file.Close()
	v := verification{chains: map[string]*checked{}}
	if err := v.read(file); err != nil {
		return fmt.Errorf("audit file %q: %w", path, err)
	}
	return v.report(c.Out)
}

// verification is what is known of an audit file so far.
type verification struct {
	chains map[string]*checked
}

// checked is one chain.
type checked struct {
	chain  desk.Chain
	begun  uint64 // events before the file
	closed bool
	wrong  string // the first thing that is
}

// longestAuditLine is how long a line may be, in bytes: the largest payload and what is around it.
const longestAuditLine = 4 << 20

func (v *verification) read(in io.Reader) error {
	s := bufio.NewScanner(in)
	s.Buffer(nil, longestAuditLine)
	number := 0
	for s.Scan() {
		number++
		var line auditLine
		if err := json.Unmarshal(s.Bytes(), &line); err != nil {
			return fmt.Errorf("line %d: %w: this is no line of an audit file, such as --audit writes: %w", number, errAudit, err)
		}
		one := v.chains[line.Symbol]
		if one == nil {
			one = &checked{}
			v.chains[line.Symbol] = one
		}
		if wrong := one.add(&line); wrong != "" && one.wrong == "" {
			one.wrong = fmt.Sprintf("line %d: %s", number, wrong)
		}
	}
	if err := s.Err(); err != nil {
		return fmt.Errorf("line %d: %w", number+1, err)
	}
	if number == 0 {
		return fmt.Errorf("%w: it is empty", errAudit)
	}
	return nil
}

// add takes one line and returns what is wrong with it.
func (x *checked) add(line *auditLine) string {
	if line.Closed != nil {
		x.closed = true
		switch {
		case line.Link != x.chain.All:
			return fmt.Sprintf("AuditTrail had %s with the head %s, here are %d", console.Plural(int(line.Link.Events), "event"), line.Link.Head, x.chain.All.Events)
		case *line.Closed != x.chain.Matching:
			return "the chain of the matching engine has another head"
		}
		return ""
	}
	if line.Opened != nil {
		if x.chain.All.Events > 0 {
			return "the chain begins a second time"
		}
		x.chain.All, x.chain.Matching, x.begun = line.Link, *line.Opened, line.Link.Events
		return ""
	}
	if x.closed {
		return "there is an event after the chain was closed"
	}
	var ev actors.Event
	if err := ev.UnmarshalJSON(line.Event); err != nil {
		return err.Error()
	}
	switch known, err := x.chain.Add(ev); {
	case err != nil:
		return err.Error()
	case !known:
		return fmt.Sprintf("events of type %q are not audited", ev.Type())
	case x.chain.All != line.Link:
		return fmt.Sprintf("the chain breaks at event %d: this event was changed, or one before it is missing or was added", x.chain.All.Events)
	}
	return ""
}

func (v *verification) report(out io.Writer) error {
	bad := 0
	for _, symbol := range slices.Sorted(maps.Keys(v.chains)) {
		one := v.chains[symbol]
		if one.wrong == "" && !one.closed {
			one.wrong = "the file was not closed: what came last may be missing"
		}
		m := "✓"
		if one.wrong != "" {
			m = "✗"
			bad++
		}
		_, _ = fmt.Fprintf(out, "  %s %-10s %8s  %s\n", m, console.Clip(symbol, 10), console.Plural(int(one.chain.All.Events), "event"), one.chain.All.Head)
		if one.begun > 0 {
			_, _ = fmt.Fprintf(out, "      goes on after %s of earlier runs\n", console.Plural(int(one.begun), "event"))
		}
		if one.wrong != "" {
			_, _ = fmt.Fprintf(out, "      %s\n", console.Clip(one.wrong, 300))
		}
	}
	if bad > 0 {
		return fmt.Errorf("%w: %s of %d", errAudit, console.Plural(bad, "chain"), len(v.chains))
	}
	return nil
}
