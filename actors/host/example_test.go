package host_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/necrostack/necrostack/actors"
	"github.com/necrostack/necrostack/actors/host"
	"github.com/necrostack/necrostack/supervision"
)

type deposited struct {
	Account string
	Cents   int
}

func (deposited) EventType() string  { return "DEPOSITED" }
func (d deposited) EventKey() string { return d.Account }

type balance struct{ Cents int }

type balanceQuery struct{}

// A keyed organ by itself: one state per account, no Spine, no backend.
func ExampleSystem_SpawnKeyed() {
	accounts := actors.NewKeyed("accounts", func(string) *balance { return &balance{} },
		actors.Step(func(b *balance, ev actors.EventOf[deposited]) ([]actors.Payload, error) {
			b.Cents += ev.Payload.Cents
			return nil, nil
		}),
		actors.Answer(func(b *balance, _ balanceQuery) (balance, error) { return *b, nil }),
	)
	ctx := context.Background()
	system := host.NewSystem(host.Options{})
	defer system.Stop(ctx)
	ref, err := system.SpawnKeyed(accounts, supervision.Default())
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, cents := range []int{500, 250} {
		if err := host.Tell(ref, deposited{"alice", cents}); err != nil {
			fmt.Println(err)
		}
	}
	if err := ref.Wait(ctx); err != nil {
		fmt.Println(err)
	}
	b, err := host.Ask[balance](ctx, ref, "alice", balanceQuery{})
	fmt.Println(b.Cents, err)
	_, err = host.Ask[balance](ctx, ref, "bob", balanceQuery{})
	fmt.Println(errors.Is(err, host.ErrNoCell))
	// Output:
	// 750 <nil>
	// true
}
