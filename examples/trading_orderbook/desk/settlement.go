package desk

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/necrostack/necrostack/actors"
	"github.com/necrostack/necrostack/examples/trading_orderbook/clearing"
)

// Clearing settles trades. *clearing.Client is one.
type Clearing interface {
	// Settle settles trades, at most 256, and returns what became of each, in order; or an error, when
	// nothing is known of any. See clearing.Client.Settle for the errors.
	Settle(ctx context.Context, ins []clearing.Instruction) ([]clearing.Result, error)
}

// newSettlement settles trades through the clearing house, as many in a request as are at hand. A trade
// that is refused fails alone and for good; whatever else goes wrong is tried again.
func newSettlement(house Clearing) actors.Organ {
	return actors.NewOrgan(Settlement,
		actors.OnBatch(func(ctx context.Context, evs []actors.EventOf[TradeExecuted]) []actors.BatchResult {
			s := newSettling(len(evs))
			for i := range evs {
				s.add(i, &evs[i])
			}
			s.settle(ctx, house)
			return s.results
		}),
		actors.OnFailed(func(ev actors.EventOf[TradeExecuted], f actors.Failure) []actors.Payload {
			failed := SettlementFailed{
				Trade: ev.Payload.trade(), Reason: strings.ToUpper(f.Kind.String()), Detail: f.Err.Error(), Attempts: f.Attempt,
			}
			if refused, ok := errors.AsType[*clearing.Refusal](f.Err); ok {
				failed.Reason = refused.Reason
			}
			return actors.Emit(failed)
		}))
}

func (t *TradeExecuted) trade() Trade {
	return Trade{t.TradeID, t.Symbol, t.Price, t.Quantity, t.BuyerID, t.SellerID}
}

// settling is one request on its way.
type settling struct {
	results []actors.BatchResult
	asked   []clearing.Instruction
	of      []int            // where the result of asked[i] belongs
	done    []actors.Payload // what is to be emitted if asked[i] is settled
}

func newSettling(trades int) settling {
	return settling{
		results: make([]actors.BatchResult, trades),
		asked:   make([]clearing.Instruction, 0, trades),
		of:      make([]int, 0, trades),
		done:    make([]actors.Payload, 0, trades),
	}
}

// add puts a trade into the request, or says why it cannot be settled.
func (s *settling) add(i int, ev *actors.EventOf[TradeExecuted]) {
	trade := ev.Payload.trade()
	amount, err := amountOf(trade.Price, trade.Quantity)
	if err != nil {
		s.results[i].Err = actors.Permanent(fmt.Errorf("trade %q: %w", trade.TradeID, err))
		return
	}
	s.asked = append(s.asked, clearing.Instruction{
		Key: effectKey(ev.Event), TradeID: trade.TradeID, Symbol: trade.Symbol, BuyerID: trade.BuyerID, SellerID: trade.SellerID,
		Quantity: trade.Quantity, Price: trade.Price, Amount: amount.String(),
	})
	s.of = append(s.of, i)
	s.done = append(s.done, SettlementComplete{Trade: trade, Amount: amount, Fee: amount.fee()})
}

// effectKey is what actors.EffectKey is for one event: a batch has a key for each of its trades.
func effectKey(ev actors.Event) string { return ev.ID().String() + "/" + Settlement }

// amountOf is price x quantity.
func amountOf(price string, quantity int64) (Money, error) {
	unit, err := ParseMoney(price)
	if err != nil {
		return Money{}, fmt.Errorf("price: %w", err)
	}
	if quantity <= 0 {
		return Money{}, fmt.Errorf("%w: quantity is %d, want more than 0", ErrMoney, quantity)
	}
	return unit.Times(uint64(quantity))
}

func (s *settling) settle(ctx context.Context, house Clearing) {
	if len(s.asked) == 0 {
		return
	}
	answers, err := house.Settle(ctx, s.asked)
	if err == nil && len(answers) != len(s.asked) {
		err = fmt.Errorf("desk: clearing house answers %d of %d trades", len(answers), len(s.asked))
	}
	for k, i := range s.of {
		switch {
		case err != nil:
			s.results[i].Err = retryable(err)
		case answers[k].Err != nil:
			s.results[i].Err = retryable(answers[k].Err)
		default:
			s.results[i].Emit = s.done[k : k+1 : k+1]
		}
	}
}

// retryable says how an error of the clearing house is to be taken: a refusal is its last word, and one
// that asks for time is given it.
func retryable(err error) error {
	if _, refused := errors.AsType[*clearing.Refusal](err); refused {
		return actors.Permanent(err)
	}
	if busy, ok := errors.AsType[*clearing.Unavailable](err); ok && busy.After > 0 {
		return actors.RetryAfter(busy.After, err)
	}
	return err
}
