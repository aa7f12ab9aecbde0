package spine_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"log/slog"
	"time"

	"github.com/necrostack/necrostack/actors"
	"github.com/necrostack/necrostack/spine"
	"github.com/necrostack/necrostack/supervision"
)

type Greeting struct{ Name string }

func (Greeting) EventType() string { return "GREETING" }

func Example() {
	greeter := actors.NewOrgan("greeter",
		actors.Sink(func(_ context.Context, ev actors.EventOf[Greeting]) error {
			fmt.Println("hello,", ev.Payload.Name)
			return nil
		}))
	s, err := spine.New(spine.NewMemory(), spine.WithOrgan(greeter))
	if err != nil {
		log.Fatal(err)
	}
	if _, err := s.RunUntilIdle(context.Background(), Greeting{Name: "world"}); err != nil {
		log.Fatal(err)
	}
	// Output: hello, world
}

type Deposited struct {
	Account string
	Cents   int64
}

func (Deposited) EventType() string  { return "DEPOSITED" }
func (d Deposited) EventKey() string { return d.Account }

type ReceiptSent struct{ Account string }

func (ReceiptSent) EventType() string { return "RECEIPT_SENT" }

type Balance struct{ Cents int64 }

type BalanceQuery struct{}

func newAccounts() *actors.Keyed[Balance] {
	return actors.NewKeyed("accounts",
		func(string) *Balance { return &Balance{} },
		actors.Step(func(b *Balance, ev actors.EventOf[Deposited]) ([]actors.Payload, error) {
			b.Cents += ev.Payload.Cents
			return nil, nil
		}),
		actors.Answer(func(b *Balance, _ BalanceQuery) (int64, error) { return b.Cents, nil }))
}

// A keyed organ has one state per key, and handles the events of a key in order.
func Example_keyed() {
	type sum struct{ Cents int64 }
	accounts := actors.NewKeyed("accounts",
		func(string) *sum { return &sum{} },
		actors.Step(func(s *sum, ev actors.EventOf[Deposited]) ([]actors.Payload, error) {
			s.Cents += ev.Payload.Cents
			fmt.Println(ev.Key(), s.Cents)
			return nil, nil
		}))
	s, err := spine.New(spine.NewMemory(), spine.WithOrgan(accounts))
	if err != nil {
		log.Fatal(err)
	}
	_, err = s.RunUntilIdle(context.Background(), Deposited{"alice", 100}, Deposited{"bob", 5}, Deposited{"alice", 20})
	if err != nil {
		log.Fatal(err)
	}
	// Unordered output:
	// alice 100
	// bob 5
	// alice 120
}

// mail stands for a mail server that knows which mails it has had.
type mail struct{ sent map[string]bool }

func (m *mail) Send(_ context.Context, effectKey string, d Deposited) error {
	if !m.sent[effectKey] {
		m.sent[effectKey] = true
		fmt.Printf("mail to %s about %d cents\n", d.Account, d.Cents)
	}
	return nil
}

// While a Spine runs, cells answer questions with what is committed.
func Example_ask() {
	mailer := &mail{sent: map[string]bool{}}
	receipts := actors.NewOrgan("receipts",
		actors.On(func(ctx context.Context, ev actors.EventOf[Deposited]) ([]actors.Payload, error) {
			if err := mailer.Send(ctx, actors.EffectKey(ctx), ev.Payload); err != nil {
				return nil, err // tried again by the policy
			}
			return actors.Emit(ReceiptSent{Account: ev.Key()}), nil
		}))
	filed := actors.NewOrgan("filed",
		actors.Sink(func(_ context.Context, ev actors.EventOf[ReceiptSent]) error { return nil }))
	ctx, cancel := context.WithCancel(context.Background())
	running := make(chan struct{})
	s, err := spine.New(spine.NewMemory(),
		spine.WithOrgan(receipts),
		spine.WithOrgan(filed),
		spine.WithOrgan(newAccounts()),
		spine.WithPolicy(supervision.Default()),
		spine.WithHooks(spine.Hooks{Started: func() { close(running) }}))
	if err != nil {
		log.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }() // until ctx ends; then it drains
	<-running
	if _, err := s.Publish(ctx, Deposited{"alice", 100}); err != nil {
		log.Fatal(err)
	}
	if err := s.WaitIdle(ctx); err != nil {
		log.Fatal(err)
	}
	cents, err := spine.Ask[int64](ctx, s, "accounts", "alice", BalanceQuery{})
	fmt.Println(cents, err)
	_, err = spine.Ask[int64](ctx, s, "accounts", "bob", BalanceQuery{})
	fmt.Println(errors.Is(err, spine.ErrNoCell))
	cancel()
	fmt.Println(<-done)
	// Output:
	// mail to alice about 100 cents
	// 100 <nil>
	// true
	// <nil>
}

type Reminder struct{ Text string }

func (Reminder) EventType() string { return "REMINDER" }

// A delayed event waits in the backend, at no cost.
func Example_delayed() {
	bell := actors.NewOrgan("bell", actors.Sink(func(_ context.Context, ev actors.EventOf[Reminder]) error {
		fmt.Println(ev.Payload.Text)
		return nil
	}))
	s, err := spine.New(spine.NewMemory(), spine.WithOrgan(bell))
	if err != nil {
		log.Fatal(err)
	}
	stats, err := s.RunUntilIdle(context.Background(),
		Reminder{"now"},
		actors.After(time.Hour, Reminder{"in an hour"}),
		actors.With(Reminder{"tomorrow"}, actors.At(time.Now().Add(24*time.Hour))))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(stats.Delayed, "are not due")
	// Output:
	// now
	// 2 are not due
}

// An event that cannot be handled is kept, and replayed to the organ that failed alone.
func Example_deadLetters() {
	repaired := false
	printer := actors.NewOrgan("printer", actors.Sink(func(_ context.Context, ev actors.EventOf[Greeting]) error {
		if !repaired {
			return actors.Permanent(errors.New("out of paper"))
		}
		fmt.Println("printed", ev.Payload.Name)
		return nil
	}))
	memory := spine.NewMemory()
	s, err := spine.New(memory, spine.WithOrgan(printer), spine.WithLogger(slog.New(slog.DiscardHandler)))
	if err != nil {
		log.Fatal(err)
	}
	ctx := context.Background()
	if _, err := s.RunUntilIdle(ctx, Greeting{"ada"}); err != nil {
		log.Fatal(err)
	}
	desk := supervision.NewDesk(memory, "main")
	for letter, err := range desk.List(ctx, supervision.Filter{}) {
		fmt.Println(letter.Organ, letter.Reason, letter.Error, err)
	}
	repaired = true
	report, err := desk.ReplayAll(ctx, supervision.Filter{Organ: "printer"}, supervision.ReplayOptions{})
	fmt.Println("replayed", report.Replayed, err)
	if _, err := s.RunUntilIdle(ctx); err != nil {
		log.Fatal(err)
	}
	// Output:
	// printer permanent out of paper <nil>
	// replayed 1 <nil>
	// printed ada
}

// PriceChanged carries all that others need to know, so that nobody has to ask back.
type PriceChanged struct {
	Product string
	Cents   int64
}

func (PriceChanged) EventType() string  { return "PRICE_CHANGED" }
func (p PriceChanged) EventKey() string { return p.Product }

type ItemOrdered struct {
	Product string
	Count   int64
}

func (ItemOrdered) EventType() string  { return "ITEM_ORDERED" }
func (o ItemOrdered) EventKey() string { return o.Product }

// Event-carried state transfer: the shop keeps its own copy of the catalogue's prices, from the
// catalogue's events.
func Example_eventStateTransfer() {
	type price struct{ Cents int64 }
	shop := actors.NewKeyed("shop",
		func(string) *price { return &price{} },
		actors.Step(func(p *price, ev actors.EventOf[PriceChanged]) ([]actors.Payload, error) {
			p.Cents = ev.Payload.Cents
			return nil, nil
		}),
		actors.Step(func(p *price, ev actors.EventOf[ItemOrdered]) ([]actors.Payload, error) {
			fmt.Println(ev.Payload.Count, ev.Key(), "cost", ev.Payload.Count*p.Cents)
			return nil, nil
		}))
	s, err := spine.New(spine.NewMemory(), spine.WithOrgan(shop))
	if err != nil {
		log.Fatal(err)
	}
	_, err = s.RunUntilIdle(context.Background(),
		PriceChanged{"tea", 300}, ItemOrdered{"tea", 2}, PriceChanged{"tea", 350}, ItemOrdered{"tea", 2})
	if err != nil {
		log.Fatal(err)
	}
	// Output:
	// 2 tea cost 600
	// 2 tea cost 700
}
