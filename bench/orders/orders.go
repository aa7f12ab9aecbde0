// Package orders is the load test of the trading desk: its books by themselves (package bare), and orders on
// their way through the organ that matches them and through the whole desk (package through).
package orders

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"time"

	"github.com/necrostack/necrostack/bench/growth"
	"github.com/necrostack/necrostack/bench/orders/bare"
	"github.com/necrostack/necrostack/bench/orders/flow"
	"github.com/necrostack/necrostack/bench/orders/through"
	"github.com/necrostack/necrostack/examples/trading_orderbook/desk"
)

// The parts of the load test.
const (
	Books  = "books"  // the engine, the floor and the yardstick
	Memory = "memory" // the engine's memory over a long run
	Closed = "closed" // orders per second through organ and desk
	Open   = "open"   // latency at given rates
)

// Parts are all of them, in order.
var Parts = []string{Books, Memory, Closed, Open}

// Config says what to measure.
type Config struct {
	Parts     []string       `json:"parts"`
	Orders    int            `json:"orders"` // operations of a round of the books
	Fill      int            `json:"fill"`   // orders in them before
	Rounds    int            `json:"rounds"`
	Seed      uint64         `json:"seed"`
	Yardstick string         `json:"yardstick"` // folder
	Stations  int            `json:"memory_stations"`
	Step      int            `json:"memory_step"`
	Through   through.Config `json:"through"`
}

// Defaults is the load test as it counts.
func Defaults() Config {
	c := Config{
		Parts: Parts, Orders: 1_000_000, Fill: 10_000, Yardstick: "../../shared/yardstick",
		Stations: bare.MemoryStations, Step: bare.MemoryStep,
		Through: through.Config{
			Symbols: 8, Shares: through.Shares, Duration: 3 * time.Second, Policies: desk.Policies(),
		},
	}
	return c.With(5, 42, c.Orders)
}

// With returns c with values that concern every part.
func (c Config) With(rounds int, seed uint64, orders int) Config {
	c.Rounds, c.Seed, c.Orders = rounds, seed, orders
	c.Through.Rounds, c.Through.Seed = rounds, seed
	// Slower things have fewer, so that all rounds take about as long.
	c.Through.Orders, c.Through.DeskOrders, c.Through.Hops = max(orders/2, 1), max(orders/10, 1), max(4*orders, 4)
	return c
}

// Quick returns c with a little of everything.
func (c Config) Quick() Config {
	c = c.With(1, c.Seed, 20_000)
	c.Fill, c.Stations, c.Step = 1000, 3, 10_000
	c.Through.Symbols, c.Through.Duration, c.Through.Shares = 2, 200*time.Millisecond, []float64{0.1, 0.5, 1.1}
	return c
}

// Err reports all mistakes of c.
func (c Config) Err() error {
	var errs []error
	for _, x := range []struct {
		what  string
		value int
	}{
		{"orders", c.Orders}, {"rounds", c.Rounds}, {"symbols", c.Through.Symbols}, {"duration", int(c.Through.Duration)},
	} {
		if x.value < 1 {
			errs = append(errs, fmt.Errorf("-%s is %d, want at least 1", x.what, x.value))
		}
	}
	if c.Through.Symbols > maxSymbols {
		errs = append(errs, fmt.Errorf("-symbols is %d, want at most %d", c.Through.Symbols, maxSymbols))
	}
	for _, part := range c.Parts {
		if !slices.Contains(Parts, part) {
			errs = append(errs, fmt.Errorf("-only names %q, want some of %v", part, Parts))
		}
	}
	if slices.Contains(c.Parts, Open) && !slices.Contains(c.Parts, Closed) && len(c.Through.Rates) == 0 {
		errs = append(errs, fmt.Errorf("-only names %s without %s: give the rates by -rate", Open, Closed))
	}
	return errors.Join(errs...)
}

// maxSymbols is what their names have digits for.
const maxSymbols = 1000

// Result is what was measured; what was not is nil.
type Result struct {
	Config  Config          `json:"config"`
	Books   *bare.Result    `json:"books,omitempty"`
	Stick   *bare.Result    `json:"yardstick,omitempty"`
	NoStick string          `json:"no_yardstick,omitempty"` // why not
	Memory  *growth.Memory  `json:"memory,omitempty"`
	Closed  []through.Row   `json:"closed,omitempty"`
	Open    []through.Sweep `json:"open,omitempty"`
}

// Run measures the parts. progress is told what is about to happen.
func Run(ctx context.Context, c Config, progress func(string)) (Result, error) {
	r := Result{Config: c}
	for _, part := range Parts {
		if !slices.Contains(c.Parts, part) {
			continue
		}
		var err error
		switch part {
		case Books:
			err = r.books(ctx, progress)
		case Memory:
			var m growth.Memory
			m, err = bare.Memory(ctx, c.Seed, c.Stations, c.Step, progress)
			r.Memory = &m
		case Closed:
			r.Closed, err = through.Closed(ctx, c.Through, progress)
		case Open:
			r.Open, err = through.Open(ctx, c.Through, r.Closed, progress)
		}
		if err != nil {
			return r, err
		}
	}
	return r, nil
}

// books measures the books with the operations of package flow, and with the yardstick's where that is.
func (r *Result) books(ctx context.Context, progress func(string)) error {
	c := r.Config
	progress("books: making the operations")
	own := bare.Contest{
		Name: "own operations", Operations: flow.Record(flow.Config{Seed: c.Seed}, c.Fill, c.Orders),
		Contestants: bare.Contestants(), Singles: true,
	}
	result, err := contest(ctx, own, c.Rounds, progress)
	if err != nil {
		return err
	}
	r.Books = &result
	return r.stick(ctx, progress)
}

func (r *Result) stick(ctx context.Context, progress func(string)) error {
	c := r.Config
	temporary, err := os.MkdirTemp("", "yardstick")
	if err != nil {
		return err
	}
	defer os.RemoveAll(temporary)
	stick, err := bare.BuildStick(ctx, c.Yardstick, temporary, c.Seed, c.Fill, c.Orders)
	if errors.Is(err, bare.ErrNoStick) {
		r.NoStick = err.Error()
		progress("books: " + r.NoStick)
		return nil
	}
	if err != nil {
		return err
	}
	progress("books: asking the yardstick for its operations")
	ops, err := stick.Operations(ctx, c.Fill)
	if err != nil {
		return err
	}
	result, err := contest(ctx, bare.Contest{
		Name: "the yardstick's operations", Operations: ops, Contestants: append(bare.Contestants(), stick.Contestant()),
	}, c.Rounds, progress)
	r.Stick = &result
	return err
}

// contest checks once, event by event, that everybody comes to what they should; the rounds look at the
// sums alone.
func contest(ctx context.Context, c bare.Contest, rounds int, progress func(string)) (bare.Result, error) {
	progress("books, " + c.Name + ": checking every event")
	if err := bare.Check(c.Operations); err != nil {
		return bare.Result{}, fmt.Errorf("books, %s: %w", c.Name, err)
	}
	return bare.Run(ctx, c, rounds, progress)
}

// Err is an error when memory has grown.
func (r Result) Err() error {
	if r.Memory == nil {
		return nil
	}
	return r.Memory.Err()
}
