package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/necrostack/necrostack/actors"
	"github.com/necrostack/necrostack/examples/console"
	"github.com/necrostack/necrostack/examples/trading_orderbook/clearing"
	"github.com/necrostack/necrostack/examples/trading_orderbook/desk"
	"github.com/necrostack/necrostack/examples/trading_orderbook/matching"
	"github.com/necrostack/necrostack/examples/trading_orderbook/replay"
	"github.com/necrostack/necrostack/spine"
)

// remoteBook is the book of one symbol in a cell of MatchingEngine.
type remoteBook struct {
	symbol string
	spine  *spine.Spine
	answer chan spine.Result
	stop   context.CancelFunc
	ended  chan struct{}
	err    error // of Run, once it has ended
}

// sweepRoom is how many events one command of a replay may emit.
const sweepRoom = 1_000_000

func openRemote(ctx context.Context, spec matching.Spec, o replay.Options) (*remoteBook, error) {
	var organ actors.Definition
	d, err := desk.New(desk.Config{
		Symbols: []matching.Spec{spec}, Clearing: noClearing{}, AmendTotal: o.AmendTotal, IDsEver: o.IDsEver, RecentOrders: -1,
		Wrap: func(def actors.Definition) actors.Definition {
			if def.Name() == desk.MatchingEngine {
				organ = def
			}
			return def
		},
	})
	if err != nil {
		return nil, err
	}
	d.Options() // hands each organ to Wrap
	b := &remoteBook{symbol: spec.Name, answer: make(chan spine.Result, 1), ended: make(chan struct{})}
	b.spine, err = spine.New(spine.NewMemory(),
		spine.WithOrgan(organ, spine.Workers(1), spine.WithOrganPolicy(desk.Policies().For(desk.MatchingEngine))),
		spine.WithEmissions(sweepRoom, 1<<30), spine.WithMaxSteps(0), spine.WithLogger(console.NewLog(io.Discard, console.LevelOff)),
		spine.WithHooks(spine.Hooks{Settled: func(r spine.Result) {
			if r.Organ == desk.MatchingEngine {
				b.answer <- r // one command at a time, so there is room
			}
		}}))
	if err != nil {
		return nil, err
	}
	inner, stop := context.WithCancel(ctx)
	b.stop = stop
	go func() { // ends with stop, or when the Spine gives up
		defer close(b.ended)
		b.err = b.spine.Run(inner)
	}()
	return b, nil
}

// ask returns what the organ emits for a command.
func (b *remoteBook) ask(ctx context.Context, p desk.OrderValidated) ([]actors.Event, error) {
	if _, err := b.spine.Publish(ctx, p); err != nil {
		return nil, err
	}
	select {
	case r := <-b.answer:
		if r.Letter != nil {
			return nil, fmt.Errorf("organ %s: %s", r.Organ, r.Letter.Error)
		}
		return r.Emitted, nil
	case <-b.ended:
		return nil, fmt.Errorf("the Spine has stopped: %w", b.err)
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (b *remoteBook) state(ctx context.Context) (desk.BookState, error) {
	return spine.Ask[desk.BookState](ctx, b.spine, desk.MatchingEngine, b.symbol, desk.BookStateOf{Orders: true})
}

func (b *remoteBook) close() error {
	b.stop()
	<-b.ended
	return b.err
}

// noClearing is for a desk that only matches.
type noClearing struct{}

func (noClearing) Settle(context.Context, []clearing.Instruction) ([]clearing.Result, error) {
	return nil, errors.New("nothing is settled here")
}
