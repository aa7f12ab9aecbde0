// Package console is what the programs under examples have in common: how they begin and end, how they
// write for people, and where they keep their events.
//
// A program is a function that [Main] runs. It reads and writes through a [Console], so that a test can
// be the one who looks on. [Store] are the flags that say where events are kept: in the process, or in a
// Redis that outlives it.
package console

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
)

// Console is what a program reads and where it writes.
type Console struct {
	In       io.Reader
	Out, Err io.Writer
}

// ErrUsage is wrapped by mistakes on the command line.
var ErrUsage = errors.New("see --help")

// Exit codes.
const (
	exitFailure = 1
	exitUsage   = 2
)

// Main runs a program on the arguments and standard streams of the process, and exits with what became of it: 0, 1
// for an error, 2 for one that wraps ErrUsage. The context ends with the first SIGINT or SIGTERM; the second
// one ends the process at once.
func Main(run func(context.Context, []string, Console) error) {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop)
	err := run(ctx, os.Args[1:], Console{os.Stdin, os.Stdout, os.Stderr})
	stop()
	switch {
	case err == nil, errors.Is(err, flag.ErrHelp):
	case errors.Is(err, ErrUsage):
		fmt.Fprintln(os.Stderr, err)
		os.Exit(exitUsage)
	default:
		fmt.Fprintln(os.Stderr, err)
		os.Exit(exitFailure)
	}
}

// NewFlags returns an empty set that prints nothing by itself: mistakes are returned, and told once.
func NewFlags(name string) *flag.FlagSet {
	f := flag.NewFlagSet(name, flag.ContinueOnError)
	f.SetOutput(io.Discard)
	return f
}

// ParseFlags parses args, and lets check look at what was given, by name. --help prints usage to out and returns
// flag.ErrHelp; mistakes wrap ErrUsage.
func ParseFlags(f *flag.FlagSet, args []string, usage string, out io.Writer, check func(given map[string]bool, rest []string) error) error {
	err := f.Parse(args)
	if errors.Is(err, flag.ErrHelp) {
		_, _ = io.WriteString(out, usage)
		return err
	}
	if err == nil {
		given := map[string]bool{}
		f.Visit(func(x *flag.Flag) { given[x.Name] = true })
		err = check(given, f.Args())
	}
	if err != nil {
		return fmt.Errorf("%w; %w", err, ErrUsage)
	}
	return nil
}

// NoMore reports an argument that is not a flag.
func NoMore(rest []string) error {
	if len(rest) == 0 {
		return nil
	}
	return fmt.Errorf("argument %q is not a flag", rest[0])
}

// Count is how many of the conditions hold.
func Count(conditions ...bool) (n int) {
	for _, c := range conditions {
		if c {
			n++
		}
	}
	return n
}
