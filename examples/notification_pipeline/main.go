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

	"github.com/necrostack/necrostack/examples/console"
)

func main() { console.Main(run) }

// run does what args say until it is done, or ctx ends.
func run(ctx context.Context, args []string, c console.Console) (err error) {
	o, err := parseFlags(args, c.Out)
	if err != nil {
		return err
	}
	if o.stress && o.store.Durable() {
		if err := finishEarlier(ctx, o, c); err != nil {
			return err
		}
	}
	a, err := newApp(ctx, o, c)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, a.close()) }()
	switch {
	case o.interactive:
		return a.interactive(ctx, c.In)
	case o.stress:
		return a.stress(ctx)
	default:
		return a.batch(ctx)
	}
}
