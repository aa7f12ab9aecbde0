// Command bench measures NecroStack beside its peers, and how the cost of an event grows. It
// prints tables, and writes RESULTS.md and charts when everything was measured.
//
//	go run .                 everything, a few minutes
//	go run . --only chain    one part: chain, growth or memory
//	go run . --quick         a little of everything, in seconds, to see that it runs
//	go run . orders          the load test of the trading desk
//	go run . strategies      supervision strategies under faults
//	go run . redis           the chain on Redis, beside what is possible there and beside peers
//	go run . cluster         nodes that share the work on one Redis: cost, takeovers, questions
//
// It ends with status 1 when something does not run, and when memory grows.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/necrostack/necrostack/bench/chain"
	"github.com/necrostack/necrostack/bench/cluster"
	"github.com/necrostack/necrostack/bench/growth"
	"github.com/necrostack/necrostack/bench/report"
)

func main() {
	cluster.ServeIfNode()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout, os.Stderr); err != nil {
		if !errors.Is(err, flag.ErrHelp) {
			fmt.Fprintln(os.Stderr, "bench:", err)
		}
		stop()
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, out, progress io.Writer) error {
	tell := func(line string) { fmt.Fprintln(progress, line) }
	if len(args) > 0 {
		switch args[0] {
		case "orders":
			return runOrders(ctx, args, out, progress, tell)
		case "strategies":
			return runStrategies(ctx, args, out, progress, tell)
		case "redis":
			return runRedis(ctx, args, out, progress, tell)
		case "cluster":
			return runCluster(ctx, args, out, progress, tell)
		}
	}
	o, err := parse(args, progress)
	if err != nil {
		return err
	}
	r, err := o.measure(ctx, tell)
	if err != nil {
		return err
	}
	r.Facts = facts(args, r.Facts.Time)
	if err := o.write(r.Document(), out); err != nil {
		return err
	}
	if r.Memory != nil {
		return r.Memory.Err()
	}
	return nil
}

// facts are those of a run that began at a time.
func facts(args []string, began time.Time) report.Facts {
	return report.Gather(strings.Join(append([]string{"go run ."}, args...), " "), began)
}

// outputs says where results go, beside the terminal; "" is nowhere.
type outputs struct {
	json string // file
	out  string // folder
}

// define adds the flags of o. page is what is written into the folder.
func (o *outputs) define(f *flag.FlagSet, page string) {
	f.StringVar(&o.json, "json", "", "`file` for all samples")
	f.StringVar(&o.out, "out", ".", "`folder` for "+page+" and the charts, empty for none; with -only and -quick none unless it is given")
}

// settle leaves the folder out of a run that is not a whole one, unless it is given. parts are the flags, beside
// -quick and -only, with which it is none.
func (o *outputs) settle(f *flag.FlagSet, parts ...string) {
	given := givenIn(f)
	partly := slices.ContainsFunc(append(parts, "quick", "only"), func(name string) bool { return given[name] })
	if partly && !given["out"] {
		o.out = ""
	}
}

func givenIn(f *flag.FlagSet) map[string]bool {
	given := map[string]bool{}
	f.Visit(func(x *flag.Flag) { given[x.Name] = true })
	return given
}

func (o *outputs) write(d report.Document, out io.Writer) error {
	if err := d.Text(out); err != nil {
		return err
	}
	if o.out != "" {
		if err := d.Save(o.out); err != nil {
			return err
		}
	}
	if o.json != "" {
		return d.JSON(o.json)
	}
	return nil
}

// options are what the flags say.
type options struct {
	chain    chain.Config
	growth   growth.Config
	stations int
	step     int
	only     []string
	outputs
}

var parts = []string{"chain", "growth", "memory"}

func parse(args []string, usage io.Writer) (options, error) {
	f := flag.NewFlagSet("bench", flag.ContinueOnError)
	f.SetOutput(usage)
	rounds := f.Int("rounds", chain.Defaults.Rounds, "rounds of the chain; growth has half as many")
	events := f.Int("events", chain.Defaults.Starts, "starts of the chain per round; growth has as many events per point")
	only := f.String("only", strings.Join(parts, ","), "`parts` to measure")
	quick := f.Bool("quick", false, "a little of everything: shows that it runs, not how fast")
	var to outputs
	to.define(f, "RESULTS.md")
	if err := f.Parse(args); err != nil {
		return options{}, err
	}
	o := options{
		chain: chain.Defaults, growth: growth.Defaults, stations: growth.MemoryStations, step: growth.MemoryStep,
		only: strings.Split(*only, ","),
	}
	to.settle(f)
	o.outputs = to
	if *quick {
		o.hurry()
	}
	given := givenIn(f)
	if given["rounds"] {
		o.chain.Rounds, o.growth.Rounds = *rounds, max(*rounds/2, 1)
	}
	if given["events"] {
		o.chain.Starts, o.growth.Events = *events, *events
	}
	return o, o.check(f.Args())
}

// hurry makes everything small.
func (o *options) hurry() {
	o.chain.Rounds, o.chain.Starts = 1, 5000
	o.growth = growth.Config{Rounds: 1, Events: 5000, Most: 10_000}
	o.stations, o.step = 3, 20_000
}

func (o *options) check(rest []string) error {
	if len(rest) > 0 {
		return fmt.Errorf("unknown argument %q", rest[0])
	}
	if o.chain.Rounds < 1 || o.chain.Starts < 1 {
		return fmt.Errorf("-rounds is %d and -events is %d, want at least 1", o.chain.Rounds, o.chain.Starts)
	}
	for _, part := range o.only {
		if !slices.Contains(parts, part) {
			return fmt.Errorf("-only names %q, want some of %s", part, strings.Join(parts, ","))
		}
	}
	return nil
}

func (o *options) measure(ctx context.Context, progress func(string)) (report.Report, error) {
	r := report.Report{Facts: report.Facts{Time: time.Now()}}
	if slices.Contains(o.only, "chain") {
		x, err := chain.Run(ctx, o.chain, chain.Contestants(), progress)
		if err != nil {
			return r, err
		}
		r.Chain = &x
	}
	if slices.Contains(o.only, "growth") {
		x, err := growth.Run(ctx, o.growth, growth.All(o.growth), progress)
		if err != nil {
			return r, err
		}
		r.Growth = &x
	}
	if slices.Contains(o.only, "memory") {
		x, err := growth.RunMemory(ctx, o.stations, o.step, progress)
		if err != nil {
			return r, err
		}
		r.Memory = &x
	}
	return r, nil
}
