// Notification_pipeline sends notifications by mail, SMS and push.
//
//	NOTIFICATION_REQUESTED ──► validate ──► NOTIFICATION_FAILED and a dead letter, with every reason
//	                              │
//	                  NOTIFICATION_VALIDATED
//	                              ▼
//	                           router ──┬──► EMAIL_SEND_REQUESTED ──► email ──┐  *_DELIVERED, or
//	                                    ├──► SMS_SEND_REQUESTED ────► sms ────┤  *_FAILED and a
//	                                    ├──► PUSH_SEND_REQUESTED ───► push ───┤  dead letter
//	                                    └──► CHANNEL_UNREACHABLE ─────────────┤
//	                                                                          ▼
//	                                                DELIVERY_COMPLETED ◄── audit
//
// Organs are in organs.go, events in events.go; how they are put together is in pipeline.go. The
// README says what to try.
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
func run(ctx context.Context, args []string, c console) (err error) {
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
