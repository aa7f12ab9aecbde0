package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/necrostack/necrostack/bench/cluster"
	"github.com/necrostack/necrostack/bench/report"
)

// runCluster is the subcommand cluster.
func runCluster(ctx context.Context, args []string, out, usage io.Writer, progress func(string)) error {
	o, err := parseCluster(args[1:], usage)
	if err != nil {
		return err
	}
	began := time.Now()
	r, err := cluster.Run(ctx, o.config, progress)
	if err != nil {
		return err
	}
	f := facts(args, began)
	if err := o.write(report.Cluster(r, f), out); err != nil {
		return err
	}
	if o.scale != "" {
		return report.Scale(r, f).Replace(o.scale)
	}
	return nil
}

// scalePage is reckoned from the figures of a whole run.
const scalePage = "../cluster/SCALE.md"

// clusterOptions are what the flags say.
type clusterOptions struct {
	config cluster.Config
	scale  string // page whose figures are replaced; "" is none
	outputs
}

func parseCluster(args []string, usage io.Writer) (clusterOptions, error) {
	o := clusterOptions{config: cluster.Defaults}
	c := &o.config
	f := flag.NewFlagSet("bench cluster", flag.ContinueOnError)
	f.SetOutput(usage)
	rounds := f.Int("rounds", c.Rounds, "rounds of everything but takeovers")
	duration := f.Duration("duration", c.Duration, "about what a round of throughput takes, and a stretch of questions")
	rest := f.Duration("rest", c.Rest, "what a round takes in which nothing is to do")
	changes := f.Int("changes", c.Changes, "how many nodes are killed, and how many leave")
	f.Float64Var(&c.Rate, "rate", c.Rate, "starts per second where they have their times")
	only := f.String("only", strings.Join(c.Parts, ","), "`parts` to measure")
	quick := f.Bool("quick", false, "everything once and briefly: shows that it runs, not how fast")
	f.StringVar(&o.scale, "scale", scalePage, "`page` whose figures are replaced by those of this run, empty for none; with -out, -only and -quick none unless it is given")
	o.define(f, "CLUSTER.md")
	if err := f.Parse(args); err != nil {
		return o, err
	}
	if f.NArg() > 0 {
		return o, fmt.Errorf("unknown argument %q", f.Arg(0))
	}
	o.settle(f)
	if *quick {
		*c = c.Quick()
	}
	given := givenIn(f)
	if !given["scale"] && o.out != "." {
		o.scale = ""
	}
	c.Rounds = pick(given["rounds"], *rounds, c.Rounds)
	c.Duration = pick(given["duration"], *duration, c.Duration)
	c.Rest = pick(given["rest"], *rest, c.Rest)
	c.Changes = pick(given["changes"], *changes, c.Changes)
	c.Parts = strings.Split(*only, ",")
	return o, o.check()
}

func (o clusterOptions) check() error {
	c := o.config
	if c.Rounds < 1 || c.Changes < 1 || c.Duration <= 0 || c.Rest <= 0 {
		return fmt.Errorf("-rounds is %d, -changes is %d, -duration is %s and -rest is %s, want at least 1, and more than 0", c.Rounds, c.Changes, c.Duration, c.Rest)
	}
	if !(c.Rate >= 1 && c.Rate <= maxRate) {
		return fmt.Errorf("-rate is %v, want 1 to %.0f", c.Rate, maxRate)
	}
	for _, part := range c.Parts {
		if !slices.Contains(cluster.Parts, part) {
			return fmt.Errorf("-only names %q, want some of %s", part, strings.Join(cluster.Parts, ","))
		}
	}
	if o.scale != "" && len(c.Parts) < len(cluster.Parts) {
		return fmt.Errorf("-scale is %q, and -only leaves out parts whose figures it needs", o.scale)
	}
	return nil
}
