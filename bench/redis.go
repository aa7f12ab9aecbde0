package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/necrostack/necrostack/bench/redis"
	"github.com/necrostack/necrostack/bench/redis/server"
	"github.com/necrostack/necrostack/bench/report"
)

// runRedis is the subcommand redis.
func runRedis(ctx context.Context, args []string, out, usage io.Writer, progress func(string)) error {
	c, to, err := parseRedis(args[1:], usage)
	if err != nil {
		return err
	}
	began := time.Now()
	r, err := redis.Run(ctx, c, redis.Contenders(), progress)
	if err != nil {
		return err
	}
	return to.write(report.Redis(r, facts(args, began)), out)
}

func parseRedis(args []string, usage io.Writer) (redis.Config, outputs, error) {
	c := redis.Defaults
	var to outputs
	f := flag.NewFlagSet("bench redis", flag.ContinueOnError)
	f.SetOutput(usage)
	rounds := f.Int("rounds", c.Rounds, "rounds that count, for each fsync policy")
	duration := f.Duration("duration", c.Duration, "about what a round of throughput takes")
	paced := f.Duration("paced", c.Paced, "what a round of latency takes")
	f.Float64Var(&c.Rate, "rate", c.Rate, "starts per second of the latency")
	events := f.Int("events", c.Events, "hops of each steady run")
	fsyncs := f.String("fsync", joined(c.Fsyncs), "fsync `policies` of the server; the page is written for all of them only, unless -out is given")
	only := f.String("only", strings.Join(c.Parts, ","), "`parts` to measure")
	quick := f.Bool("quick", false, "everything once and briefly, with the first policy: shows that it runs, not how fast")
	to.define(f, "REDIS.md")
	if err := f.Parse(args); err != nil {
		return c, to, err
	}
	if f.NArg() > 0 {
		return c, to, fmt.Errorf("unknown argument %q", f.Arg(0))
	}
	to.settle(f, "fsync")
	if *quick {
		c = c.Quick()
	}
	given := givenIn(f)
	c.Rounds = pick(given["rounds"], *rounds, c.Rounds)
	c.Duration = pick(given["duration"], *duration, c.Duration)
	c.Paced = pick(given["paced"], *paced, c.Paced)
	c.Events = pick(given["events"], *events, c.Events)
	c.Parts = strings.Split(*only, ",")
	if given["fsync"] {
		c.Fsyncs = nil
		for word := range strings.SplitSeq(*fsyncs, ",") {
			c.Fsyncs = append(c.Fsyncs, server.Fsync(word))
		}
	}
	return c, to, checkRedis(c)
}

// maxHops is what a steady run can do while each of its parts takes less than its patience.
const maxHops = 100_000_000

func joined(fsyncs []server.Fsync) string {
	words := make([]string, len(fsyncs))
	for i, f := range fsyncs {
		words[i] = string(f)
	}
	return strings.Join(words, ",")
}

func checkRedis(c redis.Config) error {
	if c.Rounds < 1 || c.Duration <= 0 || c.Paced <= 0 {
		return fmt.Errorf("-rounds is %d, -duration is %s and -paced is %s, want at least 1, and more than 0", c.Rounds, c.Duration, c.Paced)
	}
	if !(c.Rate >= 1 && c.Rate <= maxRate) {
		return fmt.Errorf("-rate is %v, want 1 to %.0f", c.Rate, maxRate)
	}
	if c.Events < 1 || c.Events > maxHops {
		return fmt.Errorf("-events is %d, want 1 to %d", c.Events, maxHops)
	}
	for _, f := range c.Fsyncs {
		if !slices.Contains(server.Fsyncs, f) {
			return fmt.Errorf("-fsync names %q, want some of %s", f, joined(server.Fsyncs))
		}
	}
	for _, part := range c.Parts {
		if !slices.Contains(redis.Parts, part) {
			return fmt.Errorf("-only names %q, want some of %s", part, strings.Join(redis.Parts, ","))
		}
	}
	return nil
}
