package main

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"time"

	"github.com/necrostack/necrostack/examples/console"
)

// options are what the command line says.
type options struct {
	file, market        string // input
	interactive, stress bool   // mode
	orders, symbols     int
	seed                uint64
	store               console.Store
	clearing            string
	house               houseOptions
	events, audit       string // output
	policies            string
	log                 string
	levels              slog.Level
}

// houseOptions say how the local clearing house behaves.
type houseOptions struct {
	latency  time.Duration
	failures float64
	outage   time.Duration
}

// Bounds of the numbers.
const (
	maxOrders  = 10_000_000
	maxSymbols = 1000
)

const usage = `Usage: trading_orderbook [flags]
       trading_orderbook demo --redis URL [--orders N] [--seed N]
       trading_orderbook match [--amend total] [--ids ever] [--through-spine] < commands > results
       trading_orderbook verify FILE

A trading desk. Without flags: built-in sample orders, matched, settled with a clearing house that the
program starts for itself, and told order by order. demo runs three nodes as processes of their own and kills
one; match speaks the replay protocol; verify computes the chains of an audit file again.

Input
  --file FILE         orders from FILE.json, FILE.csv or FILE.jsonl
  --interactive       commands from standard input: BUY 100 AAPL @ 150.50, book, stats, dead, help, quit
  --stress            random orders, and at the end the books of account
  --orders N          how many of them (default 20000)
  --symbols N         in how many symbols (default 4)
  --seed N            which of them (default 1)
  --market FILE       what is traded and who may do what, as JSON (default: the sample's market)

Clearing (default: a local clearing house, for this run)
  --clearing URL      http(s)://host/path
  --latency D         what the local one takes for a request (default 2ms)
  --failures SHARE    the share of requests that it answers 503, 0 to below 1 (default 0)
  --outage D          it is out of service for so long, from the start

` + console.StoreUsage + `  --node NAME         be a node of a cluster until interrupted: nodes of one --redis, --namespace and --service share the
                      work. With --file its orders are entered first, with --interactive there is a prompt; give all
                      nodes the same --clearing

Output
  --events FILE       every settled event as a line of JSON; - is standard output, the report then goes to standard error
  --audit FILE        the audit trail, each event with the head of its chain, for verify
  --policy FILE       policies of organs, as YAML
  --log LEVEL         off, error, warn, info or debug, on standard error (default off: the report tells)
`

// parseFlags reads the command line. What --help prints goes to out.
func parseFlags(args []string, out io.Writer) (options, error) {
	var o options
	f := console.NewFlags("trading_orderbook")
	f.StringVar(&o.file, "file", "", "")
	f.BoolVar(&o.interactive, "interactive", false, "")
	f.BoolVar(&o.stress, "stress", false, "")
	f.IntVar(&o.orders, "orders", 20_000, "")
	f.IntVar(&o.symbols, "symbols", 4, "")
	f.Uint64Var(&o.seed, "seed", 1, "")
	f.StringVar(&o.market, "market", "", "")
	o.store.Flags(f, "", service)
	f.StringVar(&o.store.Node, "node", "", "")
	f.StringVar(&o.clearing, "clearing", "", "")
	f.DurationVar(&o.house.latency, "latency", 2*time.Millisecond, "")
	f.Float64Var(&o.house.failures, "failures", 0, "")
	f.DurationVar(&o.house.outage, "outage", 0, "")
	f.StringVar(&o.events, "events", "", "")
	f.StringVar(&o.audit, "audit", "", "")
	f.StringVar(&o.policies, "policy", "", "")
	f.StringVar(&o.log, "log", "off", "")
	return o, console.ParseFlags(f, args, usage, out, o.check)
}

// check collects every mistake.
func (o *options) check(given map[string]bool, rest []string) error {
	errs := []error{console.NoMore(rest), o.store.Check(given)}
	if !given["namespace"] {
		o.store.Namespace = "trading"
		if o.stress {
			o.store.Namespace = "trading-stress" // other symbols
		}
	}
	errs = append(errs, o.checkNode(given))
	if console.Count(o.file != "", o.interactive, o.stress) > 1 {
		errs = append(errs, errors.New("--file, --interactive and --stress exclude each other"))
	}
	for _, name := range []string{"orders", "symbols", "seed"} {
		if given[name] && !o.stress {
			errs = append(errs, fmt.Errorf("--%s goes with --stress", name))
		}
	}
	if given["market"] && o.stress {
		errs = append(errs, errors.New("--market does not go with --stress, which trades symbols of its own"))
	}
	for _, name := range []string{"latency", "failures", "outage"} {
		if given[name] && o.clearing != "" {
			errs = append(errs, fmt.Errorf("--%s is of the local clearing house, and --clearing names another", name))
		}
	}
	level, err := console.ParseLevel(o.log)
	o.levels = level
	return errors.Join(append(errs, o.checkNumbers(), err)...)
}

// checkNode reports what a node of a cluster cannot do: it sees its own part of what happens.
func (o *options) checkNode(given map[string]bool) error {
	if !given["node"] {
		return nil
	}
	var errs []error
	if o.store.Node == "" {
		errs = append(errs, errors.New("--node is empty, want a name"))
	}
	if o.store.Redis == "" {
		errs = append(errs, errors.New("--node goes with --redis"))
	}
	for _, name := range []string{"stress", "audit"} {
		if given[name] {
			errs = append(errs, fmt.Errorf("--%s does not go with --node, which sees a part of the events", name))
		}
	}
	return errors.Join(errs...)
}

func (o *options) checkNumbers() error {
	var errs []error
	for _, n := range []struct {
		name     string
		is, most int
	}{{"orders", o.orders, maxOrders}, {"symbols", o.symbols, maxSymbols}} {
		if n.is < 1 || n.is > n.most {
			errs = append(errs, fmt.Errorf("--%s is %d, want 1 to %d", n.name, n.is, n.most))
		}
	}
	for _, d := range []struct {
		name string
		is   time.Duration
	}{{"latency", o.house.latency}, {"outage", o.house.outage}} {
		if d.is < 0 {
			errs = append(errs, fmt.Errorf("--%s is %s, want 0 or more", d.name, d.is))
		}
	}
	if !(o.house.failures >= 0 && o.house.failures < 1) { // NaN is in no range
		errs = append(errs, fmt.Errorf("--failures is %v, want at least 0 and less than 1", o.house.failures))
	}
	return errors.Join(errs...)
}
