package actors_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/necrostack/necrostack/actors"
)

type OrderPlaced struct {
	Order string `json:"order"`
	Cents int    `json:"cents"`
}

func (OrderPlaced) EventType() string  { return "ORDER_PLACED" }
func (o OrderPlaced) EventKey() string { return o.Order }

type PaymentDue struct {
	Order string `json:"order"`
	Cents int    `json:"cents"`
}

func (PaymentDue) EventType() string  { return "PAYMENT_DUE" }
func (p PaymentDue) EventKey() string { return p.Order }

type PaymentRefused struct {
	Order string `json:"order"`
	Why   string `json:"why"`
}

func (PaymentRefused) EventType() string { return "PAYMENT_REFUSED" }

// A stateless organ: for every order a payment is due, unless there is nothing to pay.
func ExampleNewOrgan() {
	billing := actors.NewOrgan("billing",
		actors.On(func(_ context.Context, ev actors.EventOf[OrderPlaced]) ([]actors.Payload, error) {
			order := ev.Payload
			if order.Cents == 0 {
				return nil, actors.Permanent(errors.New("an order without a price"))
			}
			return actors.Emit(PaymentDue(order)), nil
		}),
		actors.OnFailed(func(ev actors.EventOf[OrderPlaced], f actors.Failure) []actors.Payload {
			return actors.Emit(PaymentRefused{Order: ev.Payload.Order, Why: f.Err.Error()})
		}),
	)
	fmt.Println(billing.Name(), billing.Types(), billing.Err())
	// Output: billing [ORDER_PLACED] <nil>
}

// Account is the state of one account.
type Account struct {
	Cents int `json:"cents"`
}

// Balance asks for what an account holds.
type Balance struct{}

// A keyed organ: one state per account, one event at a time.
func ExampleNewKeyed() {
	accounts := actors.NewKeyed("accounts", func(string) *Account { return &Account{Cents: 1000} },
		actors.Step(func(a *Account, ev actors.EventOf[PaymentDue]) ([]actors.Payload, error) {
			if a.Cents < ev.Payload.Cents {
				return actors.Emit(PaymentRefused{Order: ev.Payload.Order, Why: "not enough money"}), nil
			}
			a.Cents -= ev.Payload.Cents
			return nil, nil
		}),
		actors.Answer(func(a *Account, _ Balance) (int, error) { return a.Cents, nil }),
	)
	fmt.Println(accounts.Name(), accounts.Types(), accounts.Err())
	// Output: accounts [PAYMENT_DUE] <nil>
}

// With says what the payload does not: another key, a delay, a string that travels along.
func ExampleWith() {
	p := actors.With(OrderPlaced{Order: "o-1", Cents: 500},
		actors.Key("customer-7"), actors.After(time.Minute), actors.Meta("shop", "berlin"))

	s := actors.NewStamper(actors.StamperOptions{Service: "shop"})
	ev, err := s.Root(p, time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC))
	fmt.Println(ev.Type(), ev.Key(), ev.Due(), ev.Meta("shop"), err)
	// Output: ORDER_PLACED customer-7 2026-01-02 03:05:05 +0000 UTC berlin <nil>
}

// EffectKey is the same in every attempt at one event: the bank pays once.
func ExampleEffectKey() {
	bank := map[string]int{}
	pay := actors.Sink(func(ctx context.Context, ev actors.EventOf[PaymentDue]) error {
		bank[actors.EffectKey(ctx)] = ev.Payload.Cents
		if actors.Attempt(ctx) == 1 {
			return errors.New("the answer of the bank was lost")
		}
		return nil
	})
	h, _ := actors.NewOrgan("payments", pay).Handler()
	s := actors.NewStamper(actors.StamperOptions{Service: "shop"})
	ev, _ := s.Root(PaymentDue{Order: "o-1", Cents: 500}, time.Now())

	for attempt := 1; attempt <= 2; attempt++ { // what a runtime does
		ctx := actors.WithAttempt(context.Background(), actors.AttemptInfo{Event: ev.ID(), Organ: "payments", Attempt: attempt})
		_, err := h.Handle(ctx, ev)
		fmt.Println("attempt", attempt, err)
	}
	fmt.Println(len(bank), "payment")
	// Output:
	// attempt 1 the answer of the bank was lost
	// attempt 2 <nil>
	// 1 payment
}
