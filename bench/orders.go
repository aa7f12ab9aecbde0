package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/necrostack/necrostack/bench/orders"
	"github.com/necrostack/necrostack/bench/report"
	"github.com/necrostack/necrostack/examples/trading_orderbook/desk"
)

// runOrders is the subcommand orders.
func runOrders(ctx context.Context, args []string, out, usage io.Writer, progress func(string)) error {
	c, to, err := parseOrders(args[1:], usage)
	if err != nil {
		return err
	}
	began := time.Now()
	r, err := orders.Run(ctx, c, progress)
	if err != nil {
		return err
	}
	if err := to.write(report.Orders(r, facts(args, began)), out); err != nil {
		return err
	}
	return r.Err()
}

// orderFlags are the flags of orders as they were given.
type orderFlags struct {
	outputs
	orders, rounds, symbols        int
	seed                           uint64
	rates, policy, yardstick, only string
	duration                       time.Duration
	quick                          bool
}

func parseOrders(args []string, usage io.Writer) (orders.Config, outputs, error) {
	var o orderFlags
	f := o.define(orders.Defaults())
	f.SetOutput(usage)
	if err := f.Parse(args); err != nil {
		return orders.Config{}, o.outputs, err
	}
	if f.NArg() > 0 {
		return orders.Config{}, o.outputs, fmt.Errorf("unknown argument %q", f.Arg(0))
	}
	o.settle(f)
	c, err := o.config(givenIn(f))
	if err != nil {
		return c, o.outputs, err
	}
	return c, o.outputs, c.Err()
}

func (o *orderFlags) define(c orders.Config) *flag.FlagSet {
	f := flag.NewFlagSet("bench orders", flag.ContinueOnError)
	f.IntVar(&o.orders, "orders", c.Orders, "operations of a round of the books; organ and desk have fewer")
	f.IntVar(&o.rounds, "rounds", c.Rounds, "rounds that count, of everything but the open loop")
	f.Uint64Var(&o.seed, "seed", c.Seed, "seed of all orders")
	f.IntVar(&o.symbols, "symbols", c.Through.Symbols, "symbols, for organ and desk; the books have one")
	f.StringVar(&o.rates, "rate", "", "orders per second of the open loop, `one or more` with commas; without it a sweep up to what the closed loop came to")
	f.DurationVar(&o.duration, "duration", c.Through.Duration, "of each rate of the open loop")
	f.StringVar(&o.policy, "policy", "", "policy `file` for the organs of the desk")
	f.StringVar(&o.yardstick, "yardstick", c.Yardstick, "`folder` of the yardstick, left out where there is none")
	f.StringVar(&o.only, "only", strings.Join(orders.Parts, ","), "`parts` to measure")
	f.BoolVar(&o.quick, "quick", false, "a little of everything: shows that it runs, not how fast")
	o.outputs.define(f, "ORDERS.md")
	return f
}

// config is what the flags say; those that were not given leave to a quick run what it has of its own.
func (o *orderFlags) config(given map[string]bool) (c orders.Config, err error) {
	c = orders.Defaults()
	if o.quick {
		c = c.Quick()
	}
	c = c.With(pick(given["rounds"], o.rounds, c.Rounds), o.seed, pick(given["orders"], o.orders, c.Orders))
	c.Through.Symbols = pick(given["symbols"], o.symbols, c.Through.Symbols)
	c.Through.Duration = pick(given["duration"], o.duration, c.Through.Duration)
	c.Yardstick, c.Parts = o.yardstick, strings.Split(o.only, ",")
	if c.Through.Rates, err = parseRates(o.rates); err != nil {
		return c, err
	}
	err = readPolicies(&c, o.policy)
	return c, err
}

// pick returns the value of a flag that was given, or what holds without it.
func pick[T any](given bool, value, other T) T {
	if given {
		return value
	}
	return other
}

// parseRates reads rates as they are given, and returns them ascending.
func parseRates(text string) ([]float64, error) {
	if text == "" {
		return nil, nil
	}
	var rates []float64
	for word := range strings.SplitSeq(text, ",") {
		rate, err := strconv.ParseFloat(word, 64)
		if err != nil || !(rate >= 1 && rate <= maxRate) {
			return nil, fmt.Errorf("-rate has %q, want 1 to %.0f orders per second", word, maxRate)
		}
		rates = append(rates, rate)
	}
	slices.Sort(rates)
	return rates, nil
}

// maxRate is far beyond what any machine does, and below what a plan has nanoseconds for.
const maxRate = 1e8

func readPolicies(c *orders.Config, file string) error {
	if file == "" {
		return nil
	}
	f, err := os.Open(file)
	if err != nil {
		return fmt.Errorf("-policy: %w", err)
	}
	defer f.Close()
	c.Through.Policies, err = desk.Policies().Parse(f, desk.Organs())
	return err
}
