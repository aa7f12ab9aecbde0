package bare

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/necrostack/necrostack/bench/measure"
	"github.com/necrostack/necrostack/bench/orders/flow"
)

// Stick is the yardstick: a program with a book and operations of its own, beside which the engine is measured
// where its source is at hand.
type Stick struct {
	program string
	args    []string // that say which operations
	ops     int
}

// ErrNoStick says that the yardstick's source is not where it was looked for.
var ErrNoStick = errors.New("there is no yardstick")

// BuildStick compiles the yardstick in folder into temporary, for ops operations by seed in a book filled
// with fill.
func BuildStick(ctx context.Context, folder, temporary string, seed uint64, fill, ops int) (*Stick, error) {
	if _, err := os.Stat(filepath.Join(folder, "go.mod")); err != nil {
		return nil, fmt.Errorf("%w in %q", ErrNoStick, folder)
	}
	program := filepath.Join(temporary, "yardstick")
	build := exec.CommandContext(ctx, "go", "build", "-o", program, ".")
	build.Dir = folder
	// The module has no part in the workspace of whoever calls.
	build.Env = append(os.Environ(), "GOWORK=off")
	if out, err := build.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("build the yardstick in %q: %w: %s", folder, err, out)
	}
	args := []string{"-n", strconv.Itoa(ops), "-pre", strconv.Itoa(fill), "-seed", strconv.FormatUint(seed, 10)}
	return &Stick{program, args, ops}, nil
}

// Operations asks the yardstick for its operations, and what they come to.
func (s *Stick) Operations(ctx context.Context, fill int) (flow.Recording, error) {
	file := filepath.Join(filepath.Dir(s.program), "operations.csv")
	out, err := s.run(ctx, "-dump", file)
	if err != nil {
		return flow.Recording{}, err
	}
	defer os.Remove(file)
	f, err := os.Open(file)
	if err != nil {
		return flow.Recording{}, err
	}
	defer f.Close()
	ops, err := readOps(f)
	if err != nil {
		return flow.Recording{}, fmt.Errorf("operations of the yardstick: %w", err)
	}
	if len(ops) != fill+s.ops {
		return flow.Recording{}, fmt.Errorf("the yardstick wrote %d operations, want %d", len(ops), fill+s.ops)
	}
	r := flow.Recording{Fill: ops[:fill], Ops: ops[fill:]}
	r.Want, err = expected(out)
	return r, err
}

// Contestant lets the yardstick take part in its own operations.
func (s *Stick) Contestant() Contestant {
	return Contestant{Name: "yardstick", Kind: Yardstick, Run: func(ctx context.Context) (measure.Sample, error) {
		out, err := s.run(ctx, "-runs", "1")
		if err != nil {
			return measure.Sample{}, err
		}
		return s.sample(out)
	}}
}

func (s *Stick) run(ctx context.Context, args ...string) (string, error) {
	var errs strings.Builder
	c := exec.CommandContext(ctx, s.program, append(args, s.args...)...)
	c.Stderr = &errs
	out, err := c.Output()
	if err != nil {
		return "", fmt.Errorf("yardstick: %w: %s", err, errs.String())
	}
	return string(out), nil
}

// sample reads what a run has printed. How much it allocates is not known.
func (s *Stick) sample(out string) (measure.Sample, error) {
	for line := range strings.Lines(out) {
		var cost float64
		if _, err := fmt.Sscanf(line, "baseline: %f ns/op", &cost); err == nil && cost > 0 {
			return measure.Sample{Events: s.ops, Took: time.Duration(cost * float64(s.ops))}, nil
		}
	}
	return measure.Sample{}, fmt.Errorf("the yardstick printed no time: %q", out)
}

// expected reads the totals at the end of what the yardstick prints.
func expected(out string) (flow.Totals, error) {
	t := flow.Totals{Refused: flow.NotKnown}
	for line := range strings.Lines(out) {
		if _, err := fmt.Sscanf(line, "expected: traded %d, notional %d, trades %d, resting %d",
			&t.Traded, &t.Notional, &t.Trades, &t.Resting); err == nil {
			return t, nil
		}
	}
	return t, fmt.Errorf("the yardstick printed no totals: %q", out)
}

// readOps reads rows add,ID,BUY|SELL,PRICE,QTY and cancel,ID.
func readOps(r io.Reader) ([]flow.Op, error) {
	var ops []flow.Op
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		op, err := readOp(strings.Split(lines.Text(), ","))
		if err != nil {
			return nil, fmt.Errorf("line %d is %q: %w", len(ops)+1, lines.Text(), err)
		}
		ops = append(ops, op)
	}
	return ops, lines.Err()
}

var errRow = errors.New("want add,ID,BUY|SELL,PRICE,QTY or cancel,ID")

func readOp(row []string) (op flow.Op, err error) {
	switch {
	case len(row) == 2 && row[0] == "cancel":
		op.Kind = flow.Cancel
	case len(row) == 5 && row[0] == "add" && row[2] == "BUY":
		op.Kind = flow.Buy
	case len(row) == 5 && row[0] == "add" && row[2] == "SELL":
		op.Kind = flow.Sell
	default:
		return op, errRow
	}
	id, err := strconv.ParseUint(row[1], 10, 32)
	if op.ID = uint32(id); err != nil || op.Kind == flow.Cancel {
		return op, err
	}
	price, errPrice := strconv.ParseInt(row[3], 10, 32)
	qty, errQty := strconv.ParseInt(row[4], 10, 32)
	op.Price, op.Qty, op.Trader = int32(price), int32(qty), 1
	return op, errors.Join(errPrice, errQty)
}
