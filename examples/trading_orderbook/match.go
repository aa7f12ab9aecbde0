package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/necrostack/necrostack/examples/console"
	"github.com/necrostack/necrostack/examples/trading_orderbook/replay"
)

// match speaks the replay protocol on standard input and output.
func match(ctx context.Context, args []string, c console.Console) error {
	var o replay.Options
	var amend, ids string
	var throughSpine bool
	f := console.NewFlags("match")
	f.StringVar(&amend, "amend", "open", "")
	f.StringVar(&ids, "ids", "live", "")
	f.BoolVar(&throughSpine, "through-spine", false, "")
	err := console.ParseFlags(f, args, usage, c.Out, func(_ map[string]bool, rest []string) (err error) {
		var errAmend, errIDs error
		o.AmendTotal, errAmend = oneOf("amend", amend, "open", "total")
		o.IDsEver, errIDs = oneOf("ids", ids, "live", "ever")
		return errors.Join(console.NoMore(rest), errAmend, errIDs)
	})
	if err != nil {
		return err
	}
	carry := replay.Run
	if throughSpine {
		carry = func(in io.Reader, out io.Writer, o replay.Options) error { return matchThroughSpine(ctx, in, out, o) }
	}
	done := make(chan error, 1)
	go func() { done <- carry(c.In, c.Out, o) }() // ends with the input, and in the worst case with the program
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return errors.New("interrupted: the stream was not replayed to its end")
	}
}

// oneOf reports whether a flag has its second word.
func oneOf(name, value, first, second string) (bool, error) {
	if value != first && value != second {
		return false, fmt.Errorf("--%s is %q, want %s or %s", name, value, first, second)
	}
	return value == second, nil
}
