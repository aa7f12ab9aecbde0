// Trading_orderbook is a trading desk: orders come in, match by price and time, settle with a clearing
// house over HTTP, and leave positions, alerts and an audit trail behind.
//
//	sample, file, keyboard, generator
//	      │
//	ORDER_SUBMITTED ─► ValidateOrder ─► ORDER_VALIDATED ─► MatchingEngine    a book per symbol
//	      │                  │                              │          │
//	ROW_UNREADABLE     ORDER_REJECTED            TRADE_EXECUTED   ORDER_QUEUED  ORDER_FILLED
//	      ▼            every reason                    │          ORDER_CANCELLED  BOOK_CHANGED ..
//	   Intake                                          ▼
//	      ▼                        clearing ◄──► Settlement     256 trades a request, a breaker
//	 dead letter                    house              │
//	                                    SETTLEMENT_COMPLETE │ SETTLEMENT_FAILED and a dead letter
//	                                                   ▼
//	                 RISK_ALERT ◄─ RiskManager ◄─ Positions
//
//	AuditTrail hears all of it and chains it per symbol.
//
// The engine is in package matching, the organs are in desk, the clearing house is in clearing, the
// line protocol is in replay; this is the program around them. The README says what to try.
package main

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

// console is what the program reads and where it writes.
type console struct {
	in       io.Reader
	out, err io.Writer
}

// Exit codes.
const (
	exitFailure = 1
	exitUsage   = 2
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // the second signal ends the program at once
	err := run(ctx, os.Args[1:], console{os.Stdin, os.Stdout, os.Stderr})
	stop()
	switch {
	case err == nil, errors.Is(err, flag.ErrHelp):
	case errors.Is(err, errUsage):
		fmt.Fprintln(os.Stderr, err)
		os.Exit(exitUsage)
	default:
		fmt.Fprintln(os.Stderr, err)
		os.Exit(exitFailure)
	}
}

// run does what args say until it is done, or ctx ends.
func run(ctx context.Context, args []string, c console) error {
	if len(args) > 0 {
		switch args[0] {
		case "match":
			return match(ctx, args[1:], c)
		case "verify":
			return verify(args[1:], c)
		}
	}
	return trade(ctx, args, c)
}

// trade runs the desk in one of its modes.
func trade(ctx context.Context, args []string, c console) (err error) {
	o, err := parseFlags(args, c.out)
	if err != nil {
		return err
	}
	a, err := newApp(o, c)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, a.close()) }()
	switch {
	case o.interactive:
		return a.interactive(ctx, c.in)
	case o.stress:
		return a.stress(ctx)
	default:
		return a.batch(ctx)
	}
}
