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

	"github.com/necrostack/necrostack/examples/console"
)

func main() { console.Main(run) }

// run does what args say until it is done, or ctx ends.
func run(ctx context.Context, args []string, c console.Console) error {
	if len(args) > 0 {
		switch args[0] {
		case "demo":
			return demo(ctx, args[1:], c)
		case "match":
			return match(ctx, args[1:], c)
		case "verify":
			return verify(args[1:], c)
		}
	}
	return trade(ctx, args, c)
}

// trade runs the desk in one of its modes.
func trade(ctx context.Context, args []string, c console.Console) (err error) {
	o, err := parseFlags(args, c.Out)
	if err != nil {
		return err
	}
	var found earlier
	if o.stress && o.store.Durable() {
		if found, err = finishEarlier(ctx, o, c); err != nil {
			return err
		}
	}
	a, err := newApp(ctx, o, c)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, a.close()) }()
	a.earlier = found
	switch {
	case o.store.Node != "" && !o.interactive:
		return a.serve(ctx)
	case o.interactive:
		return a.interactive(ctx, c.In)
	case o.stress:
		return a.stress(ctx)
	default:
		return a.batch(ctx)
	}
}
