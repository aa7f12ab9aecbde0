package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/necrostack/necrostack/bench/report"
	"github.com/necrostack/necrostack/bench/strategies"
	"github.com/necrostack/necrostack/supervision"
)

// runStrategies is the subcommand strategies.
func runStrategies(ctx context.Context, args []string, out, usage io.Writer, progress func(string)) error {
	c, cells, to, err := parseStrategies(args[1:], usage)
	if err != nil {
		return err
	}
	began := time.Now()
	r, err := strategies.Run(ctx, c, cells, progress)
	if err != nil {
		return err
	}
	return to.write(report.Strategies(r, facts(args, began)), out)
}

func parseStrategies(args []string, usage io.Writer) (strategies.Config, []strategies.Cell, outputs, error) {
	c := strategies.Defaults
	var to outputs
	f := flag.NewFlagSet("bench strategies", flag.ContinueOnError)
	f.SetOutput(usage)
	rounds := f.Int("rounds", c.Rounds, "rounds of all cells")
	duration := f.Duration("duration", c.Duration, "of each of the two measurements of a cell")
	f.Float64Var(&c.Rate, "rate", c.Rate, "events per second of the second one")
	policy := f.String("policy", "", "policy `file`, whose default: takes the place of the built-in policy; its exhausted is each strategy in turn")
	quick := f.Bool("quick", false, "every cell once and briefly: shows that it runs, not how fast")
	to.define(f, "STRATEGIES.md")
	if err := f.Parse(args); err != nil {
		return c, nil, to, err
	}
	if f.NArg() > 0 {
		return c, nil, to, fmt.Errorf("unknown argument %q", f.Arg(0))
	}
	to.settle(f)
	if *quick {
		c.Rounds, c.Duration = 1, 100*time.Millisecond
	}
	given := givenIn(f)
	c.Rounds = pick(given["rounds"], *rounds, c.Rounds)
	c.Duration = pick(given["duration"], *duration, c.Duration)
	if *policy != "" {
		p, err := readDefault(*policy)
		if err != nil {
			return c, nil, to, err
		}
		c.Policy = p
	}
	return c, strategies.Cells(), to, checkStrategies(c)
}

func checkStrategies(c strategies.Config) error {
	if c.Rounds < 1 || c.Duration <= 0 || !(c.Rate >= 1 && c.Rate <= maxRate) {
		return fmt.Errorf("-rounds is %d, -duration is %s and -rate is %v, want at least 1, more than 0, and 1 to %.0f",
			c.Rounds, c.Duration, c.Rate, maxRate)
	}
	return nil
}

// readDefault reads the default policy of a file.
func readDefault(file string) (supervision.Policy, error) {
	f, err := os.Open(file)
	if err != nil {
		return supervision.Policy{}, fmt.Errorf("-policy: %w", err)
	}
	defer f.Close()
	ps, err := supervision.Policies{Default: strategies.Policy()}.Parse(f, nil)
	return ps.Default, err
}
