package desk

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/necrostack/necrostack/actors"
	"github.com/necrostack/necrostack/examples/trading_orderbook/matching"
)

// refusal collects why a command is refused.
type refusal struct {
	reasons []string
	details []string
}

func (r *refusal) because(why matching.Reason, format string, args ...any) {
	r.reasons = append(r.reasons, why.String())
	r.details = append(r.details, fmt.Sprintf(format, args...))
}

// of is the rejection of p.
func (r *refusal) of(p *Command) OrderRejected {
	return OrderRejected{
		Order: p.order(), Action: p.action(), Reason: r.reasons[0], Reasons: r.reasons,
		Detail: strings.Join(r.details, "; "), RejectedBy: ValidateOrder,
	}
}

// failedAt is the rejection of a command at which an organ has failed for good, so that nobody
// waits for an answer in vain.
func failedAt(p *Command, organ string, f actors.Failure) OrderRejected {
	return OrderRejected{
		Order: p.order(), Action: p.action(), Reason: ReasonFailed, Reasons: []string{ReasonFailed},
		Detail: f.Err.Error(), RejectedBy: organ,
	}
}

// order is the order that p is about.
func (p *Command) order() Order { return Order{p.OrderID, p.TraderID, p.Symbol, p.Side} }

func (p *Command) action() string { return cmp.Or(p.Action, ActionNew) }
